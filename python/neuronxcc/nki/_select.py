"""
Indexing of older tensors. Basic: integers, slices, ``nl.ds``. Advanced: index expressions of ``nl.arange`` and ``nl.mgrid``, whose
common box becomes the shape of the result; one index may be a tile, read when the kernel runs (indirect DMA).
Nothing is clamped: positions outside the tensor are for masks to cut away, and an error when they are not.
"""
from operator import index as _integer

from nki._errors import NkiBoundsError, NkiUnsupportedError, NkiValidationError
from nki._registers import VirtualRegister
from nki._views import REGISTER, SCALAR, VECTOR, DynamicSlice, describe

from ._clip import boxes
from ._index import Grid, Index, Mask, broadcast_shapes


#: Keys that are surely basic.
_PLAIN = frozenset((int, slice, DynamicSlice))


def _tile(view):
    from ._tile import Tile

    return Tile(view)


def _is_tile(k):
    return hasattr(k, "type_name")


def select(tile, key):
    """``tile[key]`` as a new tile."""
    t = tile._v
    if key.__class__ is not tuple:
        if isinstance(key, Grid):
            key = tuple(key)
        elif isinstance(key, Mask):
            return _masked(tile, key)
        else:
            key = (key,)
    for k in key:
        if k.__class__ not in _PLAIN:
            break
    else:
        return _tile(_basic(t, key if len(key) == len(t.shape) else _expand(t, key)))
    keys = _expand(t, key)
    if any(isinstance(k, Index) or _is_tile(k) for k in keys):
        return _tile(_advanced(t, keys))
    return _tile(_basic(t, keys))


def _masked(tile, mask):
    """``tile[i_f <= 64]``: operand masking of a matmul."""
    found = boxes(mask, tile.shape)
    if len(found) != 1:
        raise NkiUnsupportedError("the mask %r of a matmul operand selects %d boxes, it must select one" % (mask, len(found)), "operand mask")
    return _tile(cut(tile.read(), found[0]))


def cut(view, box):
    """The part of a view inside ``box``; dimensions of one element that were broadcast stay."""
    shape, strides, offset = [], [], view.offset
    rank = len(box) - len(view.shape)
    for n, s, (lo, hi) in zip(view.shape, view.strides, box[rank:] if rank >= 0 else ((0, 1),) * -rank + tuple(box)):
        if n == 1 and hi - lo >= 1:
            shape.append(1)
            strides.append(s)
            continue
        shape.append(hi - lo)
        strides.append(s)
        offset += lo * s
    x = view._x
    if x is not None and box and len(view.shape) == len(box) and box[0] != (0, view.shape[0]) and x[0] == VECTOR:
        lo, hi = box[0]
        offset -= lo * view.strides[0]
        index = x[3]
        x = (x[0], x[1], x[2], index._view((hi - lo,) + index.shape[1:], index.strides, index.offset + lo * index.strides[0]), x[4])
    return view._view(tuple(shape), tuple(strides), offset, x)


def _expand(t, key):
    given = [k for k in key if k is not Ellipsis]
    if any(k is None for k in given):
        raise TypeError("None (new axis) is no index of a tensor; use expand_dims, or place it in the index expression: nl.arange(n)[:, None]")
    rank = len(t.shape)
    if len(given) > rank:
        raise NkiBoundsError("%s: %d indices for %d dimensions" % (describe(t), len(given), rank), "index")
    fill = [slice(None)] * (rank - len(given))
    for at, k in enumerate(key):
        if k is Ellipsis:
            return list(key[:at]) + fill + list(key[at + 1 :])
    return given + fill


def _position(t, d, k, n):
    try:
        i = _integer(k)
    except TypeError:
        raise TypeError("%r is no index of %s; use integers, slices, nl.ds, nl.arange or nl.mgrid" % (k, describe(t))) from None
    return i + n if i < 0 else i


def _slice(k, n):
    start = 0 if k.start is None else _integer(k.start)
    stop = n if k.stop is None else _integer(k.stop)
    step = 1 if k.step is None else _integer(k.step)
    start = start + n if start < 0 else start
    stop = stop + n if stop < 0 else stop
    if step < 1 or stop <= start:
        raise NkiBoundsError("slice %s:%s:%s is empty or runs backwards; a tile has at least one element" % (k.start, k.stop, k.step), "slice")
    return start, (stop - start + step - 1) // step, step


def _basic(t, keys):
    offset = t.offset
    shape, strides = [], []
    on_chip = t._b.row != 0
    x = t._x
    for d, (k, n, s) in enumerate(zip(keys, t.shape, t.strides)):
        if k.__class__ is slice or isinstance(k, slice):
            start, count, step = _slice(k, n)
            offset += start * s
            shape.append(count)
            strides.append(s * step)
        elif isinstance(k, DynamicSlice):
            size = _integer(k.size)
            if _is_tile(k.start) or isinstance(k.start, VirtualRegister):
                x = _runtime(t, x, k.start, s, n - size + 1, len(shape))
            else:
                offset += _integer(k.start) * s
            shape.append(size)
            strides.append(s)
        elif isinstance(k, VirtualRegister):
            x = _runtime(t, x, k, s, n, None)
        else:
            offset += _position(t, d, k, n) * s
            if on_chip and d == 0:
                shape.append(1)
                strides.append(s)
    if len(shape) < 2 and (on_chip or not shape):
        shape.append(1)
        strides.append(1)
    return t._view(tuple(shape), tuple(strides), offset, x)


def _runtime(t, x, position, stride, limit, place):
    if x is not None:
        raise NkiUnsupportedError("%s is addressed at run time twice; a view takes one run-time index" % describe(t), "indirect view")
    if isinstance(position, VirtualRegister):
        return (REGISTER, stride, limit, position, place)
    view = position.read()
    if view.size != 1:
        raise NkiUnsupportedError("a run-time index has one element, this one has shape %s" % (view.shape,), "indirect view")
    return (SCALAR, stride, limit, view, place)


def _advanced(t, keys):
    shapes = [k.shape for k in keys if isinstance(k, Index)]
    # A tile of shape (P, 1) among the indices takes part in broadcasting like any index.
    shapes += [k.shape for k in keys if _is_tile(k) and k.size != 1]
    shape = broadcast_shapes(*shapes) if shapes else ()
    if len(shape) == 1 and any(isinstance(k, Index) for k in keys):
        raise NkiValidationError(
            "%s is indexed with a 1-D arange; a tile has at least two dimensions, place it: nl.arange(n)[:, None]" % describe(t),
            "1-D arange",
        )
    rank = len(shape)
    strides = [0] * rank
    offset = t.offset
    x = t._x
    for d, (k, n, s) in enumerate(zip(keys, t.shape, t.strides)):
        if isinstance(k, Index):
            for e, c in enumerate(k.coef, rank - len(k.coef)):
                strides[e] += c * s
            offset += k.const * s
        elif _is_tile(k):
            x = _gather(t, x, k, d, n, s, shape)
            if x[0] == VECTOR:
                if strides[0]:
                    raise NkiUnsupportedError("a tile index and an index expression both move along the first dimension", "indirect view")
                strides[0] += s
        elif isinstance(k, slice):
            if k != slice(None) or n != 1:
                raise NkiUnsupportedError(
                    "%s mixes slices with index expressions; use one kind for all dimensions" % describe(t), "mixed indexing"
                )
        elif isinstance(k, DynamicSlice):
            if k.size != 1:
                raise NkiUnsupportedError("%s mixes nl.ds with index expressions; use one kind for all dimensions" % describe(t), "mixed indexing")
            offset += _integer(k.start) * s
        else:
            offset += _position(t, d, k, n) * s
    if x is not None and x[0] == VECTOR and x is not t._x and strides[0] != x[1]:
        raise NkiUnsupportedError("a tile index and an index expression both move along the first dimension", "indirect view")
    if t._b.row and shape and strides[0] == 0 and shape[0] == 1:
        strides[0] = t._b.row
    return t._view(shape or (1, 1), tuple(strides) or (t._b.row or 1, 1), offset, x)


def _gather(t, x, tile, d, n, stride, shape):
    if x is not None:
        raise NkiUnsupportedError("%s is addressed at run time twice; a view takes one run-time index" % describe(t), "indirect view")
    view = tile.read()
    if view.size == 1:
        return (SCALAR, stride, n, view, None)
    if t._b.row:
        raise NkiUnsupportedError(
            "%s is on chip and indexed by a tile; gather from HBM, or use nl.gather_flattened inside a partition" % describe(t), "indirect view"
        )
    if view.size != view.shape[0] or (shape and view.shape[0] != shape[0]):
        raise NkiUnsupportedError(
            "a tile index has one element a partition of the result, this one is %s for %s" % (view.shape, shape), "indirect view"
        )
    return (VECTOR, stride, n, view, 0)
