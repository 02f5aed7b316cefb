"""How views are made from views: indexing, reshaping, reordering, explicit patterns, run-time addressing (NKI 0.6 language guide)."""
from operator import index as _integer

from ._dtypes import BYTES, dtype_of
from ._errors import NkiBoundsError, NkiValidationError
from ._registers import VirtualRegister

#: Kinds of run-time addressing, as numbered in packages/isa/src/program/words.ts.
REGISTER, SCALAR, VECTOR, INDIRECT = 1, 2, 3, 4


class DynamicSlice:
    """``nl.ds(start, size)``: ``size`` elements from ``start``, which may be a register or a (1, 1) tile."""

    __slots__ = ("start", "size")

    def __init__(self, start, size):
        self.start = start
        self.size = size

    def __repr__(self):
        return "ds(%r, %r)" % (self.start, self.size)


def row_major(shape):
    """Strides of a dense tensor."""
    strides = []
    n = 1
    for d in reversed(shape):
        strides.append(n)
        n *= d
    return tuple(reversed(strides))


def describe(t):
    at = "" if t.shape == t._b.shape else " (view [%s])" % ",".join(map(str, t.shape))
    return t._b.describe() + at


def _fail(t, what, rule):
    raise NkiValidationError("%s: %s" % (describe(t), what), rule)


def dimension(t, dim, extra=0):
    """``dim`` as a non-negative index of a dimension."""
    n = len(t.shape) + extra
    d = _integer(dim)
    if d < 0:
        d += n
    if not 0 <= d < n:
        raise NkiBoundsError("%s: dimension %s does not exist, there are %d" % (describe(t), dim, n), "dimension")
    return d


def _is_runtime(value):
    return isinstance(value, VirtualRegister) or hasattr(value, "_encode")


def _guard(t, dim, what):
    """Refuses to touch the dimension that run-time addressing uses."""
    if t._x is not None and t._x[4] == dim:
        _fail(t, "dimension %d is addressed at run time, it cannot be %s" % (dim, what), "indirect view")


def _first_stays(t, what):
    """Why dimension 0 must stay, or None."""
    if t._b.row:
        return "dimension 0 is the partition dimension and cannot be %s; move the data instead (nc_transpose, dma_copy)" % what
    if t._x is not None and t._x[0] == VECTOR:
        return "dimension 0 is addressed at run time and cannot be %s" % what
    return None


# ---- indexing


def index(t, key):
    """``t[key]`` in general."""
    shape = t.shape
    given = sum(1 for k in key if k is not Ellipsis and k is not None)
    if len(key) - given > 1 or any(k is None for k in key):
        if any(k is None for k in key):
            raise TypeError("None (new axis) is no NKI index; use expand_dim")
        raise TypeError("an index has at most one Ellipsis")
    if given > len(shape):
        raise NkiBoundsError("%s: %d indices for %d dimensions" % (describe(t), given, len(shape)), "index")
    fill = [slice(None)] * (len(shape) - given)
    if Ellipsis in [k for k in key if k is Ellipsis]:
        at = next(i for i, k in enumerate(key) if k is Ellipsis)
        key = list(key[:at]) + fill + list(key[at + 1 :])
    else:
        key = list(key) + fill
    on_chip = t._b.row != 0
    offset = t.offset
    x = t._x
    sizes = []
    strides = []
    dropped = None
    places = {}
    for d, (k, n, s) in enumerate(zip(key, shape, t.strides)):
        places[d] = len(sizes)
        if isinstance(k, DynamicSlice):
            if _is_runtime(k.start):
                size = _integer(k.size)
                if not 0 < size <= n:
                    raise NkiBoundsError("%s: ds of %d elements in dimension %d of %d" % (describe(t), size, d, n), "slice")
                x = _dynamic(t, x, d, k.start, s, n - size + 1, len(sizes))
                sizes.append(size)
                strides.append(s)
                continue
            k = slice(_integer(k.start), _integer(k.start) + _integer(k.size))
        if isinstance(k, slice):
            if k.start is None and k.stop is None and k.step is None:
                sizes.append(n)
                strides.append(s)
                continue
            _guard(t, d, "sliced")
            a, b, step = _bounds(t, d, k, n)
            offset += a * s
            sizes.append((b - a + step - 1) // step)
            strides.append(s * step)
        elif _is_runtime(k):
            x = _dynamic(t, x, d, k, s, n, None)
            dropped = (d, s)
        else:
            try:
                i = _integer(k)
            except TypeError:
                raise TypeError(
                    "%r is no NKI index; use integers, slices, Ellipsis, nl.ds, or select/ap for run-time indices" % (k,)
                ) from None
            _guard(t, d, "selected")
            if not -n <= i < n:
                raise NkiBoundsError("%s: index %d in dimension %d of %d elements" % (describe(t), i, d, n), "index")
            offset += (i + n if i < 0 else i) * s
            if on_chip and d == 0:
                sizes.append(1)
                strides.append(s)
            else:
                dropped = (d, s)
    if dropped is not None and len(sizes) < (2 if on_chip else 1) and len(shape) >= (2 if on_chip else 1):
        sizes.append(1)
        strides.append(dropped[1])
    if x is not None and x is t._x:
        x = x[:4] + (places.get(x[4]),)
    return t._view(tuple(sizes), tuple(strides), offset, x)


def _bounds(t, d, k, n):
    """Start, stop and step of a slice; the whole of it must lie inside the dimension."""
    try:
        a = 0 if k.start is None else _integer(k.start)
        b = n if k.stop is None else _integer(k.stop)
        step = 1 if k.step is None else _integer(k.step)
    except TypeError:
        raise TypeError(
            "slice %r has bounds that are no integers; for run-time bounds use nl.ds(start, size)" % (k,)
        ) from None
    if step < 1:
        raise NkiBoundsError("%s: slice step %d in dimension %d; steps are positive" % (describe(t), step, d), "slice")
    a2 = a + n if a < 0 else a
    b2 = b + n if b < 0 else b
    if not (0 <= a2 < b2 <= n):
        raise NkiBoundsError(
            "%s: slice %s:%s in dimension %d reaches outside its %d elements or is empty; shorten it" % (describe(t), a, b, d, n), "slice"
        )
    return a2, b2, step


def _dynamic(t, x, d, position, stride, limit, place):
    """Run-time addressing of dimension ``d`` by a register or a (1, 1) tile."""
    if x is not None:
        _fail(t, "is already addressed at run time; a view takes one run-time index", "indirect view")
    if t._b.row and d == 0:
        _fail(t, "the partition dimension cannot be indexed at run time; copy through HBM", "indirect view")
    if isinstance(position, VirtualRegister):
        return (REGISTER, stride, limit, position, place)
    _index_tile(t, position)
    return (SCALAR, stride, limit, position, place)


def _index_tile(t, tile):
    if not hasattr(tile, "_encode"):
        raise TypeError("a run-time index is a register or an integer tile in SBUF, not %r" % (tile,))
    if tile.size != 1:
        _fail(t, "a run-time index has one element, this one has shape %s; use vector_select" % (tile.shape,), "indirect view")


def select(t, dim, position):
    d = dimension(t, dim)
    key = [slice(None)] * len(t.shape)
    key[d] = position
    if not _is_runtime(position):
        _guard(t, d, "selected")
        i = _integer(position)
        if not 0 <= i < t.shape[d]:
            raise NkiBoundsError("%s: select(%d, %d), dimension %d has %d elements" % (describe(t), d, i, d, t.shape[d]), "index")
    return index(t, tuple(key))


def vector_select(t, dim, vector):
    if dimension(t, dim) != 0:
        _fail(t, "vector_select works on dimension 0", "vector_select")
    if t._b.row:
        _fail(t, "vector_select needs a tensor in HBM; copy it there first", "vector_select")
    if t._x is not None:
        _fail(t, "is already addressed at run time; a view takes one run-time index", "indirect view")
    if not hasattr(vector, "_encode"):
        raise TypeError("vector_select takes an integer tile of shape (partitions, 1), not %r" % (vector,))
    n = vector.shape[0]
    return t._view((n,) + t.shape[1:], t.strides, t.offset, (VECTOR, t.strides[0], t.shape[0], vector, 0))


def indirect(t, positions, num_elem):
    if t._x is not None:
        _fail(t, "is already addressed at run time; a view takes one run-time index", "indirect view")
    if len(t.shape) != 2 or not t._b.row:
        _fail(t, "indirect needs a 2-D tile in SBUF or PSUM", "indirect")
    if positions.shape[0] != t.shape[0]:
        _fail(t, "indirect needs an index with %d partitions, this one has %d" % (t.shape[0], positions.shape[0]), "indirect")
    n = positions.size if num_elem is None else _integer(num_elem)
    return t._view((t.shape[0], n), t.strides, t.offset, (INDIRECT, t.strides[1], t.shape[1], positions, 1))


# ---- reordering and reshaping


def permute(t, dims):
    dims = tuple(_integer(d) for d in dims)
    if sorted(dims) != list(range(len(t.shape))):
        _fail(t, "permute takes each of its %d dimensions once, got %s" % (len(t.shape), dims), "permute")
    if dims[:1] != (0,):
        why = _first_stays(t, "moved")
        if why:
            _fail(t, why, "permute")
    x = t._x
    if x is not None and x[4] is not None:
        x = x[:4] + (dims.index(x[4]),)
    return t._view(tuple(t.shape[d] for d in dims), tuple(t.strides[d] for d in dims), t.offset, x)


def broadcast(t, dim, size):
    d = dimension(t, dim)
    size = _integer(size)
    if d == 0 and t._b.row:
        _fail(t, "the partition dimension cannot be broadcast by a view; use nl.broadcast_to or a matmul with ones", "broadcast")
    if t.shape[d] != 1:
        _fail(t, "dimension %d has %d elements; only a dimension of size 1 is repeated" % (d, t.shape[d]), "broadcast")
    if size < 1:
        _fail(t, "broadcast to %d elements" % size, "broadcast")
    _guard(t, d, "repeated")
    return t._view(_put(t.shape, d, (size,)), _put(t.strides, d, (0,)), t.offset, t._x)


def _put(items, d, new, drop=1):
    return items[:d] + new + items[d + drop :]


def _moved(x, d, by):
    """Run-time addressing after ``by`` dimensions were inserted before or at ``d``."""
    if x is None or x[4] is None or x[4] < d:
        return x
    return x[:4] + (x[4] + by,)


def expand_dim(t, dim):
    d = dimension(t, dim, 1)
    if d == 0:
        why = _first_stays(t, "preceded by another")
        if why:
            _fail(t, why, "expand_dim")
    stride = t.shape[d] * t.strides[d] if d < len(t.shape) else 1
    return t._view(_put(t.shape, d, (1,), 0), _put(t.strides, d, (stride,), 0), t.offset, _moved(t._x, d, 1))


def squeeze_dim(t, dim):
    d = dimension(t, dim)
    if d == 0:
        why = _first_stays(t, "dropped")
        if why:
            _fail(t, why, "squeeze_dim")
    if t.shape[d] != 1:
        _fail(t, "dimension %d has %d elements; only a dimension of size 1 is dropped" % (d, t.shape[d]), "squeeze_dim")
    _guard(t, d, "dropped")
    return t._view(_put(t.shape, d, ()), _put(t.strides, d, ()), t.offset, _moved(t._x, d + 1, -1))


def _infer(t, sizes, total, rule):
    """``sizes`` with at most one -1 worked out."""
    sizes = [_integer(n) for n in sizes]
    known = 1
    for n in sizes:
        if n != -1:
            known *= n
    if sizes.count(-1) > 1 or any(n < 1 and n != -1 for n in sizes) or (-1 in sizes and total % known):
        _fail(t, "shape %s does not hold %d elements" % (tuple(sizes), total), rule)
    sizes = [total // known if n == -1 else n for n in sizes]
    product = 1
    for n in sizes:
        product *= n
    if product != total:
        _fail(t, "shape %s holds %d elements, not %d" % (tuple(sizes), product, total), rule)
    return tuple(sizes)


def reshape_dim(t, dim, shape):
    d = dimension(t, dim)
    sizes = _infer(t, shape, t.shape[d], "reshape_dim")
    if d == 0 and len([n for n in sizes if n != 1]) > 1 or (d == 0 and len(sizes) > 1 and _first_stays(t, "")):
        why = _first_stays(t, "split")
        if why:
            _fail(t, why, "reshape_dim")
    _guard(t, d, "split")
    strides = tuple(s * t.strides[d] for s in row_major(sizes))
    return t._view(_put(t.shape, d, sizes), _put(t.strides, d, strides), t.offset, _moved(t._x, d, len(sizes) - 1))


def flatten_dims(t, start, end):
    a = dimension(t, start)
    b = dimension(t, end)
    if b < a:
        _fail(t, "flatten_dims(%d, %d) ends before it starts" % (a, b), "flatten_dims")
    if a == b:
        return t._view(t.shape, t.strides, t.offset, t._x)
    if a == 0:
        why = _first_stays(t, "merged")
        if why:
            _fail(t, why, "flatten_dims")
    merged = _merge(t.shape[a : b + 1], t.strides[a : b + 1])
    if merged is None:
        _fail(t, "dimensions %d to %d do not lie densely in memory (strides %s)" % (a, b, t.strides[a : b + 1]), "flatten_dims")
    for d in range(a, b + 1):
        _guard(t, d, "merged")
    n = b - a + 1
    return t._view(_put(t.shape, a, (merged[0],), n), _put(t.strides, a, (merged[1],), n), t.offset, _moved(t._x, b + 1, 1 - n))


def _merge(shape, strides):
    """(count, stride) of dimensions seen as one, or None."""
    count = 1
    stride = None
    for n, s in zip(reversed(shape), reversed(strides)):
        if n == 1:
            continue
        if stride is None:
            stride = s
        elif s != stride * count:
            return None
        count *= n
    return count, strides[-1] if stride is None else stride


def reshape(t, shape):
    sizes = _infer(t, shape, t.size, "reshape")
    keep = 1 if t._b.row or (t._x is not None and t._x[0] == VECTOR) else 0
    if keep and sizes[:1] != t.shape[:1]:
        _fail(t, "reshape to %s changes dimension 0 from %d; it must stay" % (sizes, t.shape[0]), "reshape")
    strides = _restride(t.shape[keep:], t.strides[keep:], sizes[keep:])
    if strides is None:
        _fail(t, "strides %s do not allow the shape %s without a copy" % (t.strides, sizes), "reshape")
    x = t._x
    if x is not None and x[4] is not None and x[4] >= keep:
        _fail(t, "dimension %d is addressed at run time; reshape before that" % x[4], "reshape")
    return t._view(sizes, t.strides[:keep] + strides, t.offset, x)


def _restride(old_shape, old_strides, new_shape):
    """Strides of ``new_shape`` over the same elements, or None when a copy would be needed."""
    dims = [(n, s) for n, s in zip(old_shape, old_strides) if n != 1]
    strides = []
    i = 0
    j = 0
    new = list(new_shape)
    while j < len(new):
        if new[j] == 1:
            # A dimension of size 1 takes no elements; its stride is that of the block that follows.
            strides.append(None)
            j += 1
            continue
        count_old, count_new = dims[i][0], new[j]
        a, b = i, j
        while count_old != count_new:
            if count_old < count_new:
                a += 1
                count_old *= dims[a][0]
            else:
                b += 1
                count_new *= new[b]
        merged = _merge([n for n, _ in dims[i : a + 1]], [s for _, s in dims[i : a + 1]])
        if merged is None:
            return None
        inner = row_major(new[j : b + 1])
        strides += [s * merged[1] for s in inner]
        i, j = a + 1, b + 1
    following = 1
    for k in range(len(strides) - 1, -1, -1):
        if strides[k] is None:
            strides[k] = following
        following = strides[k] * new[k]
    return tuple(strides)


def rearrange(t, source, target, sizes):
    groups = [(g,) if isinstance(g, str) else tuple(g) for g in source]
    if len(groups) != len(t.shape):
        _fail(t, "pattern %s names %d dimensions, there are %d" % (source, len(groups), len(t.shape)), "rearrange")
    names = [n for g in groups for n in g]
    wanted = [n for g in target for n in ((g,) if isinstance(g, str) else g)]
    if sorted(names) != sorted(wanted) or len(set(names)) != len(names):
        _fail(t, "patterns %s and %s must name the same dimensions, each once" % (source, target), "rearrange")
    split = t
    at = 0
    for g in groups:
        if len(g) != 1:
            split = reshape_dim(split, at, [sizes.get(n, -1) for n in g])
        elif g[0] in sizes and sizes[g[0]] != split.shape[at]:
            _fail(t, "%s is %d, the dimension has %d elements" % (g[0], sizes[g[0]], split.shape[at]), "rearrange")
        at += len(g)
    moved = permute(split, tuple(names.index(n) for n in wanted))
    at = 0
    for g in target:
        n = 1 if isinstance(g, str) else len(g)
        if n > 1:
            moved = flatten_dims(moved, at, at + n - 1)
        at += 1
    return moved


# ---- explicit patterns and types


def reinterpret(t, dtype):
    dtype = dtype_of(dtype)
    old, new = t._b.size, BYTES[dtype]
    base = t._b.cast(dtype)
    if old == new:
        return t._view(t.shape, t.strides, t.offset, t._x, base)
    if t._x is not None:
        _fail(t, "is addressed at run time; change its type before that", "view")
    if t.strides[-1] != 1 and t.shape[-1] != 1:
        _fail(t, "the last dimension has stride %d; it must be dense to become %s" % (t.strides[-1], dtype), "view")
    if t.shape[-1] * old % new or t.offset * old % new or any(s * old % new for s, n in zip(t.strides[:-1], t.shape[:-1]) if n != 1):
        _fail(t, "rows of %d bytes at offset %d are no whole number of %s" % (t.shape[-1] * old, t.offset * old, dtype), "view")
    strides = tuple(s * old // new for s in t.strides[:-1]) + (1,)
    return t._view(t.shape[:-1] + (t.shape[-1] * old // new,), strides, t.offset * old // new, None, base)


def ap(t, pattern, offset, scalar, vector, dim, dtype):
    pairs = [(_integer(p[0]), _integer(p[1])) for p in pattern]
    if not pairs:
        _fail(t, "an access pattern has at least one [stride, count]", "ap")
    for s, n in pairs:
        if n < 1:
            _fail(t, "the pattern %s has a count of %d" % (pairs, n), "ap")
    base = t._b if dtype is None else t._b.cast(dtype_of(dtype))
    old, new = t._b.size, base.size
    if t.offset * old % new:
        _fail(t, "its offset of %d bytes is no whole number of %s" % (t.offset * old, dtype), "ap")
    start = t.offset * old // new + (0 if offset is None else _integer(offset))
    x = None
    if scalar is not None and vector is not None:
        _fail(t, "give scalar_offset or vector_offset, not both", "ap")
    if scalar is not None or vector is not None:
        d = dimension(t, dim)
        stride = t.strides[d] * old // new
        if base.row and d == 0:
            _fail(t, "the partition dimension cannot be indexed at run time; set indirect_dim to a free dimension", "ap")
    if scalar is not None:
        if not _is_runtime(scalar):
            raise TypeError("scalar_offset is a register or a (1, 1) tile, not %r; use offset for a constant" % (scalar,))
        limit = _limit(base, start, pairs, stride)
        if isinstance(scalar, VirtualRegister):
            x = (REGISTER, stride, limit, scalar, None)
        else:
            _index_tile(t, scalar)
            x = (SCALAR, stride, limit, scalar, None)
    elif vector is not None:
        if d != 0:
            _fail(t, "vector_offset works on indirect_dim 0", "ap")
        if not hasattr(vector, "_encode"):
            raise TypeError("vector_offset is an integer tile in SBUF, not %r" % (vector,))
        x = (VECTOR, stride, _limit(base, start, [(0, 1)] + pairs[1:], stride), vector, 0)
    return t._view(tuple(n for _, n in pairs), tuple(s for s, _ in pairs), start, x, base)


def _limit(base, start, pairs, stride):
    """Run-time indices below this stay inside the tensor."""
    row = base.row
    room = row or base.elements
    first = start % row if row else start
    last = first + sum(s * (n - 1) for s, n in (pairs[1:] if row else pairs) if s > 0)
    return max(0, (room - 1 - last) // stride + 1) if stride > 0 else 1
