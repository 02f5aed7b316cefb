"""Tensors with block dimensions: ``(B, par_dim(P), F)`` is B tiles, each a storage of its own, made when it is first used."""
from operator import index as _integer

from nki._errors import NkiBoundsError, NkiUnsupportedError

from ._dtypes import public
from ._index import Index
from ._tile import Tile, fit


class Blocks:
    """A grid of tiles, or the part of it that leading indices left."""

    __slots__ = ("grid", "tile_shape", "type_name", "make", "made", "prefix", "wrap")

    def __init__(self, grid, tile_shape, type_name, make, made=None, prefix=(), wrap=Tile):
        self.grid = grid
        self.tile_shape = tile_shape
        self.type_name = type_name
        self.make = make
        self.made = {} if made is None else made
        self.prefix = prefix
        #: What a storage is seen as.
        self.wrap = wrap

    @property
    def shape(self):
        return self.grid + self.tile_shape

    @property
    def dtype(self):
        return public(self.type_name)

    @property
    def ndim(self):
        return len(self.shape)

    def __len__(self):
        return self.grid[0]

    def __repr__(self):
        return "tensor(%s in blocks of %s, %s)" % (self.grid, self.tile_shape, self.type_name)

    def tile(self, block):
        """The tile of one block, as coordinates in this part of the grid."""
        block = self.prefix + block
        found = self.made.get(block)
        if found is None:
            found = self.made[block] = self.make(block)
        return self.wrap(found)

    def every(self):
        """All tiles, in order."""
        blocks = [()]
        for n in self.grid:
            blocks = [b + (i,) for b in blocks for i in range(n)]
        return [self.tile(b) for b in blocks]

    def _split(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if Ellipsis in [k for k in key if k is Ellipsis]:
            at = next(i for i, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (self.ndim - len(key) + 1) + key[at + 1 :]
        block = []
        for k, n in zip(key, self.grid):
            if isinstance(k, Index) and not any(k.coef):
                k = k.const
            try:
                i = _integer(k)
            except TypeError:
                if isinstance(k, slice) and n == 1:
                    i = 0
                else:
                    raise NkiUnsupportedError(
                        "block dimension %d of %r is indexed with %r; a block is chosen by an integer or a loop variable" % (len(block), self, k),
                        "block dimension",
                    ) from None
            i = i + n if i < 0 else i
            if not 0 <= i < n:
                raise NkiBoundsError("block %d of %r, which has %d" % (i, self, n), "block dimension")
            block.append(i)
        return tuple(block), key[len(block) :]

    def __getitem__(self, key):
        block, rest = self._split(key)
        if len(block) < len(self.grid):
            return Blocks(self.grid[len(block) :], self.tile_shape, self.type_name, self.make, self.made, self.prefix + block, self.wrap)
        tile = self.tile(block)
        return tile[rest] if rest else tile

    def __setitem__(self, key, value):
        block, rest = self._split(key)
        if len(block) < len(self.grid):
            if hasattr(value, "type_name"):
                raise NkiUnsupportedError("%r is assigned as a whole; assign one block at a time" % self, "block dimension")
            for tile in self[key].every():
                tile[...] = value
            return
        tile = self.tile(block)
        # Straight to fit, as Tile does: one more call would hold the value once more, and results would not be written in place.
        fit(tile[rest] if rest else tile, value)
