"""Copies: between HBM and SBUF by DMA, inside SBUF and PSUM by an engine, transposed, broadcast, gathered."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError

from .._clip import boxes
from .._dtypes import dtype_of
from .._operands import Tile, broadcast_view, each, on_chip, packed, result, spread
from .._select import cut
from .._storage import fresh, shaped, solid
from .._tile import Pending


def load(src, *, mask=None, dtype=None, **kwargs):
    """A tile in SBUF with the values of an HBM tensor, by DMA; a dtype converts on the way."""
    if not isinstance(src, Tile):
        raise TypeError("nl.load takes a tensor in HBM, not %r" % (src,))
    view = src.read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    shape = view.shape if len(view.shape) > 1 else view.shape + (1,)
    options = {k: v for k, v in kwargs.items() if k in ("dge_mode", "oob_mode", "engine") and v is not None}
    return Pending(shape, kind, lambda dst: transfer(dst, view, mask, shape, **options), exact=dtype is None, spaces=("sbuf", "hbm"))


def transfer(dst, src, mask=None, shape=None, **options):
    """DMA of the positions that the mask keeps."""
    shape = tuple(shape or dst.shape)
    found = boxes(mask, shape)
    whole = tuple((0, n) for n in shape)
    for box in found:
        if box == whole:
            _core.dma_copy(_dims(dst), _dims(src), **options)
        else:
            _core.dma_copy(_dims(cut(shaped(dst, shape), box)), _dims(cut(shaped(src, shape), box)), **options)


def _dims(view):
    return packed(view) if len(view.shape) > 5 else view


def store(dst, value, *, mask=None, **kwargs):
    """Writes a tile or a number to HBM, by DMA; what is in PSUM goes through SBUF."""
    if not isinstance(dst, Tile):
        raise TypeError("nl.store writes to a tensor in HBM, not %r" % (dst,))
    if not isinstance(value, Tile):
        from ._creation import fill

        return fill(dst, value, mask)
    source = value.read()
    target = dst.write()
    shape = source.shape if solid_count(source.shape) == solid_count(target.shape) else target.shape
    if target.shape != source.shape and solid_count(source.shape) != solid_count(target.shape):
        if value.shape[0] == 1 and target.shape[0] != 1 and value.space != "hbm":
            source = spread(value, target.shape[0]).read()
        source = broadcast_view(source, target.shape)
    elif len(target.shape) >= len(source.shape):
        shape = target.shape if mask is not None and getattr(mask, "terms", None) and len(mask.shape) == len(target.shape) else shape
    if value.space == "psum":
        moved = fresh(source.shape, target.dtype)
        each(mask, shape, lambda d, s: _core.tensor_copy(packed(d), packed(s)), shaped(moved, shape), shaped(source, shape))
        source = moved
    options = {k: v for k, v in kwargs.items() if k in ("dge_mode", "oob_mode") and v is not None}
    transfer(target, source, mask, shape, **options)


def solid_count(shape):
    return [n for n in shape if n != 1]


def copy(src, *, mask=None, dtype=None, engine=None, **kwargs):
    """A copy of a tile inside SBUF and PSUM."""
    view = on_chip(src, "src").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    options = {} if engine is None else {"engine": engine}
    return result(
        src.shape,
        kind,
        lambda dst, a: _core.tensor_copy(dst, a, **options),
        mask,
        (view,),
        exact=dtype is None or kind == "float32",
    )


def move(target, source, mask=None):
    """``target[...] = source`` for a tile that exists already."""
    view = source.read()
    dst = target.write()
    if target.space == "hbm" or source.space == "hbm":
        if target.space == "psum" or source.space == "psum":
            raise NkiUnsupportedError("DMA does not reach PSUM; copy through SBUF", "psum dma")
        return transfer(dst, shaped(view, dst.shape), mask)
    if source.shape[0] == 1 and target.shape[0] != 1:
        view = spread(source, target.shape[0]).read()
    if solid(view.shape) != solid(dst.shape):
        view = broadcast_view(view, dst.shape)
    else:
        view = shaped(view, dst.shape)
    each(mask, dst.shape, lambda d, s: _core.tensor_copy(packed(d), packed(s)), dst, view)


def load_transpose2d(src, *, mask=None, dtype=None, **kwargs):
    """A 2-D tensor of HBM transposed into SBUF by DMA."""
    return dma_transpose(src, mask=mask, dtype=dtype)


def dma_transpose(src, *, axes=None, mask=None, dtype=None, dge_mode=None, **kwargs):
    """The first and the last dimension exchanged, by DMA."""
    if mask is not None and mask is not True:
        raise NkiUnsupportedError("a masked DMA transpose; transpose the slice instead", "mask dma_transpose")
    view = src.read()
    shape = list(view.shape)
    shape[0], shape[-1] = shape[-1], shape[0]
    options = {}
    if axes is not None:
        options["axes"] = tuple(axes)
    # Hardware descriptor generation takes 16 rows at a time; the mode chooses itself where the shape does not fit.
    if dge_mode is not None and len(view.shape) == 2 and view.shape[0] == 16:
        options["dge_mode"] = dge_mode
    kind = view.dtype if dtype is None else dtype_of(dtype)

    def emit(dst):
        straight = dst
        if kind != view.dtype or dst.dtype != view.dtype:
            straight = fresh(shape, view.dtype)
        _core.dma_transpose(straight, view, **options)
        if straight is not dst:
            _core.tensor_copy(dst, straight)

    return Pending(shape, kind, emit, spaces=("sbuf",))


def broadcast_to(src, *, shape, **kwargs):
    """A tile repeated to ``shape``: partitions by DMA, the rest by strides and one copy."""
    shape = tuple(int(n) for n in shape)
    if tuple(src.shape) == shape:
        return src
    wide = spread(src, shape[0]) if src.shape[0] != shape[0] else src
    if tuple(wide.shape) == shape:
        return wide
    view = broadcast_view(wide.read(), shape)
    return result(shape, view.dtype, lambda dst, a: _core.tensor_copy(dst, a), None, (view,))


def expand_dims(data, axis):
    """A view with dimensions of 1 after the last one."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    view = data.read()
    rank = len(view.shape) + len(axes)
    shape, strides = list(view.shape), list(view.strides)
    for a in sorted(a % rank for a in axes):
        if a == 0 and view._b.row:
            raise NkiUnsupportedError("dimension 0 is the partition dimension; expand behind it", "expand_dims")
        shape.insert(a, 1)
        strides.insert(a, 1)
    return Tile(view._view(tuple(shape), tuple(strides), view.offset, view._x))


def gather_flattened(data, indices, *, mask=None, dtype=None, **kwargs):
    """Elements of a partition picked by indices of the same partition."""
    view, index = on_chip(data, "data").read(), on_chip(indices, "indices").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    if not hasattr(_core, "nc_n_gather"):
        raise NkiUnsupportedError("nl.gather_flattened needs nc_n_gather, which this engine does not have yet", "nc_n_gather")
    return result(indices.shape, kind, lambda dst, i: _core.nc_n_gather(dst, view, i), mask, (index,))
