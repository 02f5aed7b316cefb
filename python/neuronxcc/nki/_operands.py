"""Preparing operands: broadcasting views to an iteration space, converting operation names, cutting everything to a mask's boxes."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError
from nki._ops import OPS

from ._clip import boxes
from ._dtypes import of_scalar
from ._index import Index, broadcast_shapes
from ._select import cut
from ._storage import fresh, shaped, solid
from ._tile import Pending, Tile

__all__ = ["Index", "alu", "act", "as_tile", "broadcast_view", "each", "join", "number", "result", "spread", "Pending", "Tile"]

# Names that NumPy and older kernels give to the engine's operations.
_ALU = {
    "max": "maximum",
    "amax": "maximum",
    "min": "minimum",
    "amin": "minimum",
    "sum": "add",
    "prod": "multiply",
    "mul": "multiply",
    "sub": "subtract",
    "true_divide": "divide",
    "bitwise_not": "invert",
    "absolute": "abs",
    "pow": "power",
    "identity": "bypass",
}


def op_name(op):
    """The engine's name for a function of nki.language, NumPy or the operator module."""
    name = op if isinstance(op, str) else getattr(op, "__name__", None)
    if not isinstance(name, str):
        raise TypeError("%r is no operation; pass a function of nki.language or NumPy, such as nl.add" % (op,))
    return _ALU.get(name, name)


def alu(op):
    """The ALU operation of that name; None stays None."""
    if op is None:
        return None
    name = op_name(op)
    found = OPS.get(name)
    if found is None or not hasattr(found, "alu"):
        raise NkiUnsupportedError("%s is not an ALU operation of the engines" % name, "op " + name)
    return found


def act(op):
    """The activation function of that name."""
    name = op if isinstance(op, str) else getattr(op, "__name__", None)
    found = OPS.get({"absolute": "abs", "identity": "copy", "bypass": "copy"}.get(name, name))
    if found is None or not hasattr(found, "act"):
        raise NkiUnsupportedError("%s is not an activation function of ScalarE" % name, "op %s" % name)
    return found


def number(x):
    """A Python number for a NumPy scalar or a constant index; tiles and None pass."""
    if x is None or isinstance(x, (int, float, Tile)):
        return int(x) if isinstance(x, bool) else x
    if isinstance(x, Index):
        if any(x.coef):
            raise TypeError("%r is an index expression; make a tile of it with nisa.iota" % (x,))
        return x.const
    return x.item() if hasattr(x, "item") else x


def as_tile(x, what="operand"):
    if not isinstance(x, Tile):
        raise TypeError("%s is %r; it must be a tile" % (what, x))
    return x


def on_chip(tile, what):
    if tile.space == "hbm":
        raise NkiUnsupportedError("%s is in HBM; engines reach only SBUF and PSUM, load it first (nl.load)" % what, what + " memory")
    return tile


def broadcast_view(view, shape):
    """``view`` with ones repeated (stride 0) to ``shape``; partitions stay as they are."""
    if view.shape == shape:
        return view
    rank = len(shape) - len(view.shape)
    if rank < 0:
        return shaped(view, shape)
    old_shape, old_strides = view.shape, view.strides
    if rank:
        # The partition dimension is the first of both; new dimensions go behind it.
        if old_shape[0] == shape[0] and rank:
            old_shape = old_shape[:1] + (1,) * rank + old_shape[1:]
            old_strides = old_strides[:1] + (0,) * rank + old_strides[1:]
        else:
            old_shape = (1,) * rank + old_shape
            old_strides = (view._b.row or 0,) + (0,) * (rank - 1) + old_strides
    strides = tuple(0 if n == 1 and m != 1 else s for n, m, s in zip(old_shape, shape, old_strides))
    return view._view(tuple(shape), strides, view.offset, view._x)


def spread(tile, partitions):
    """A tile of one partition copied to ``partitions`` of them, by one DMA."""
    if tile.shape[0] == partitions:
        return tile
    source = tile.read()
    if tile.space == "psum":
        moved = fresh(source.shape, source.dtype)
        _core.tensor_copy(moved, source)
        source = moved
    out = fresh((partitions,) + source.shape[1:], source.dtype)
    wide = source._view((partitions,) + source.shape[1:], (0,) + source.strides[1:], source.offset)
    _core.dma_copy(out, wide)
    return Tile(out)


def join(*tiles):
    """The common shape of tiles, partitions spread where one has a single one; returns (shape, tiles)."""
    # (P,) of an older index and (P, 1) are the same column.
    shape = broadcast_shapes(*(t.shape for t in tiles))
    return shape, tuple(spread(t, shape[0]) if t.shape[0] != shape[0] else t for t in tiles)


def each(mask, shape, emit, *views):
    """Calls ``emit`` with the views cut to every box of the mask."""
    found = boxes(mask, shape)
    whole = tuple((0, n) for n in shape)
    for box in found:
        if box == whole:
            emit(*views)
        else:
            emit(*(v if v is None else cut(v, box) for v in views))


def packed(view):
    """The view with ones dropped and dense neighbours merged, for engines that take four free dimensions."""
    if view is None or len(view.shape) <= 3 or view._x is not None:
        return view
    shape, strides = [view.shape[0]], [view.strides[0]]
    for n, s in zip(view.shape[1:], view.strides[1:]):
        if n == 1:
            continue
        if len(shape) > 1 and strides[-1] == s * n:
            shape[-1] *= n
            strides[-1] = s
        else:
            shape.append(n)
            strides.append(s)
    if len(shape) == 1:
        shape.append(1)
        strides.append(1)
    return view._view(tuple(shape), tuple(strides), view.offset, None)


#: Dimensions of an access pattern: the partitions and four free ones.
_RANK = 5


def split(emit, views):
    """``emit`` with packed views; patterns of more dimensions than an engine takes are cut along their shortest dimension."""
    small = [packed(v) for v in views]
    if all(v is None or len(v.shape) <= _RANK for v in small):
        emit(*small)
        return
    shape = next(v for v in views if v is not None).shape
    d = min((d for d in range(1, len(shape)) if shape[d] > 1), key=lambda d: shape[d])
    for i in range(shape[d]):
        box = tuple((i, i + 1) if e == d else (0, n) for e, n in enumerate(shape))
        split(emit, [v if v is None else cut(v, box) for v in views])


def result(shape, dtype, emit, mask=None, inputs=(), **options):
    """A pending elementwise instruction: ``emit(dst, *inputs)``, once a box of the mask."""

    def issue(dst):
        each(mask, shape, lambda *views: split(emit, views), dst if dst.shape == shape else shaped(dst, shape), *inputs)

    return Pending(shape, dtype, issue, **options)


def columns(view, partitions):
    """Whether a view holds one element a partition."""
    return view.shape[0] == partitions and view.size == partitions


def scalar_type(x):
    return of_scalar(x)


def same_shape(a, b):
    return solid(a) == solid(b)
