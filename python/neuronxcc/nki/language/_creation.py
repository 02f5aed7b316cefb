"""Making tensors: shapes with block dimensions and par_dim, initial values, constants, buffers with fixed addresses."""
import sys

from nki import isa as _core
from nki._errors import NkiUnsupportedError
from nki._tensor import MemoryRegion, region_of
from nki._trace import user_frame

from .._blocks import Blocks
from .._clip import boxes
from .._dtypes import BYTES, dtype_of, is_float
from .._operands import Tile, each, packed
from .._spill import Spilled
from .._state import current
from .._storage import fresh, kind_of
from .._tile import Pending
from ..compiler._allocate import settled


class par_dim(int):
    """Marks a dimension of a shape as the partition dimension: ``nl.par_dim(128)``."""

    __slots__ = ()


def ndarray(shape, dtype=None, *, buffer=None, name="", **kwargs):
    """A new tensor; dimensions before the partition dimension count separate tiles."""
    if dtype is None:
        raise TypeError("nl.ndarray needs a dtype")
    kind = dtype_of(dtype)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    sizes = tuple(int(n) for n in shape)
    place = getattr(buffer, "place", None)
    region = MemoryRegion.sbuf if buffer is None else buffer.region if place is not None or hasattr(buffer, "region") else region_of(buffer)
    s = current()
    if region is MemoryRegion.shared_hbm:
        return _shared(s, sizes, kind, name)
    if region is MemoryRegion.private_hbm:
        return Tile(s.trace.storage(sizes, kind, region, name))
    marks = [d for d, n in enumerate(shape) if isinstance(n, par_dim)]
    at = marks[0] if marks else 0
    grid, tile = sizes[:at], sizes[at:]
    if len(tile) == 1:
        tile += (1,)
    line = s.trace.here()
    if grid and place is None and region is MemoryRegion.psum and s.spilled and _spilled(s):
        return Blocks(grid, tile, kind, lambda _: s.trace.storage(tile, kind, MemoryRegion.private_hbm, name, line=line), wrap=Spilled)
    if place is not None:
        place = settled(place)
    width = BYTES[kind]
    for n in tile[1:]:
        width *= n

    def make(block):
        pinned = None if place is None else place(block, tile[0], width)
        label = name if not block else "%s%s" % (name or "tile", list(block))
        return s.trace.storage(tile, kind, region, label, kind_of(s, region), pinned=pinned, line=line)

    return Blocks(grid, tile, kind, make) if grid else Tile(make(()))


def _spilled(s):
    """Whether the user's line that creates a tensor is one to spill."""
    frame = user_frame(sys._getframe(1))
    return (frame.f_code.co_filename, frame.f_lineno) in s.spilled


def _shared(s, shape, kind, name):
    if s.shared_at < len(s.shared):
        known = s.shared[s.shared_at]
        if known.shape == shape and known.dtype == kind:
            s.shared_at += 1
            return Tile(known)
        raise NkiUnsupportedError("instances of a launch create different shared_hbm tensors; they are one tensor for all", "shared_hbm")
    made = s.trace.storage(shape, kind, MemoryRegion.shared_hbm, name)
    s.shared.append(made)
    s.shared_at += 1
    return Tile(made)


def fill(target, value, mask=None):
    """``target[...] = number``; HBM is filled from a tile of the same shape."""
    value = value.item() if hasattr(value, "item") else value
    kind = target.type_name
    value = float(value) if is_float(kind) else int(value)
    view = target.write()
    if target.space != "hbm" and view.shape[0] == 1 and view._b.row and view.offset // view._b.row % 32:
        # Engines start at multiples of 32 partitions; one other partition is written by DMA.
        constant = fresh(view.shape, kind)
        _core.memset(packed(constant), value)
        if boxes(mask, view.shape):
            _core.dma_copy(view, constant)
        return
    if target.space != "hbm":
        each(mask, view.shape, lambda d: _core.memset(packed(d), value), view)
        return
    from ._movement import transfer

    shape = view.shape if len(view.shape) > 1 else (1,) + view.shape
    whole = view if len(view.shape) > 1 else view._view(shape, (view.shape[0],) + view.strides, view.offset, view._x)
    limit = 128
    constant = fresh((min(limit, shape[0]),) + shape[1:], kind)
    _core.memset(packed(constant), value)
    for first in range(0, shape[0], limit):
        rows = min(limit, shape[0] - first)
        part = whole._view((rows,) + shape[1:], whole.strides, whole.offset + first * whole.strides[0], whole._x)
        transfer(part, constant._view((rows,) + shape[1:], constant.strides, 0), _shifted(mask, first), part.shape)


def _shifted(mask, first):
    terms = getattr(mask, "terms", None)
    if not terms or not first:
        return mask
    from .._index import Index, Mask

    return Mask(Index(t.shape, t.coef, t.const + first * (t.coef[0] if t.coef else 0)) for t in terms)


def full(shape, fill_value, dtype, *, buffer=None, name="", **kwargs):
    """A new tensor of one value. PSUM of zeros is set when something needs it: a first matmul overwrites instead of adding."""
    made = ndarray(shape, dtype, buffer=buffer, name=name)
    if isinstance(made, Blocks):
        for tile in made.every():
            _fill_new(tile, fill_value)
    else:
        _fill_new(made, fill_value)
    return made


def _fill_new(tile, value):
    if tile.space == "psum" and value == 0:
        current().lazy.add(tile._v._b.id)
    else:
        fill(tile, value)


def zeros(shape, dtype, *, buffer=None, name="", **kwargs):
    """A new tensor of zeros."""
    return full(shape, 0, dtype, buffer=buffer, name=name)


def ones(shape, dtype, *, buffer=None, name="", **kwargs):
    """A new tensor of ones."""
    return full(shape, 1, dtype, buffer=buffer, name=name)


def empty_like(a, dtype=None, *, buffer=None, name="", **kwargs):
    """A tensor of a's shape, dtype and memory."""
    return ndarray(a.shape, dtype or a.type_name, buffer=buffer or (None if a.space == "hbm" else a.space), name=name)


def zeros_like(a, dtype=None, *, buffer=None, name="", **kwargs):
    """Zeros of a's shape."""
    return full(a.shape, 0, dtype or a.type_name, buffer=buffer or (None if a.space == "hbm" else a.space), name=name)


def memset(shape, value, dtype, *, mask=None, engine=None, **kwargs):
    """A new tile in SBUF of one value; the first dimension is the partition dimension."""
    shape = tuple(int(n) for n in shape)
    kind = dtype_of(dtype)
    value = value.item() if hasattr(value, "item") else value
    value = float(value) if is_float(kind) else int(value)
    options = {} if engine is None else {"engine": engine}
    return Pending(shape, kind, lambda dst: each(mask, shape, lambda d: _core.memset(packed(d), value, **options), dst))


def shared_constant(constant, dtype=None, **kwargs):
    """A tensor in HBM that holds an array of the host."""
    kind = dtype_of(dtype if dtype is not None else constant.dtype)
    data = constant
    if dtype is not None:
        from .._dtypes import public

        data = constant.astype(public(kind))
    if not data.flags["C_CONTIGUOUS"]:
        data = data.copy()
    return Tile(current().trace.constant(data.shape, kind, data.tobytes(), "constant"))


def shared_identity_matrix(n, dtype="uint8", **kwargs):
    """An identity matrix in HBM."""
    from nki import _isa_generated as isa

    kind = dtype_of(dtype)
    size = BYTES[kind]
    one = isa.ONES[kind].to_bytes(size, "little")
    row = bytearray(n * n * size)
    for i in range(n):
        at = (i * n + i) * size
        row[at : at + size] = one
    return Tile(current().trace.constant((n, n), kind, bytes(row), "identity"))
