"""Reductions along free dimensions, and what is composed of them: mean, var, softmax, rms_norm."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError

from .._clip import boxes
from .._dtypes import dtype_of, is_float
from .._operands import Tile, alu, on_chip
from .._select import cut
from .._storage import shaped
from .._tile import Pending
from . import _elementwise as ew


def axes_of(axis, rank):
    """Reduced dimensions as sorted non-negative numbers; the partition dimension is refused."""
    axes = tuple(sorted(int(a) % rank for a in ((axis,) if isinstance(axis, int) or not hasattr(axis, "__iter__") else axis)))
    if 0 in axes:
        raise NkiUnsupportedError(
            "dimension 0 is the partition dimension; reduce it with nisa.tensor_partition_reduce or a matmul with ones", "reduction axis"
        )
    return axes


def reduce(op, data, axis, dtype=None, mask=None, negate=False, keepdims=False):
    """One tensor_reduce; dimensions that are not last are moved there by the access pattern."""
    view = on_chip(data, "data").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    rank = len(view.shape)
    axes = axes_of(axis, rank)
    kept = [d for d in range(rank) if d not in axes]
    shape = tuple(1 if d in axes else n for d, n in enumerate(view.shape)) if keepdims else tuple(view.shape[d] for d in kept)
    if len(shape) == 1:
        shape += (1,)
    bare = tuple(view.shape[d] for d in kept)
    op = alu(op)

    def emit(dst):
        out = shaped(dst, shape)
        places = [(out.shape[d], out.strides[d]) for d in kept] if keepdims else list(zip(out.shape, out.strides))[: len(kept)]
        out = out._view(tuple(n for n, _ in places), tuple(s for _, s in places), out.offset, out._x)
        for box in boxes(mask, view.shape):
            part = cut(view, box)
            target = cut(out, tuple(box[d] for d in kept)) if bare == out.shape else out
            _issue(op, target, part, kept, axes, negate)

    return Pending(shape, kind, emit, exact=kind == "float32")


def _issue(op, dst, data, kept, axes, negate):
    """[P, kept..., reduced...] with dense neighbours merged, as the instruction takes it."""
    order = kept + list(axes)
    dims = [(data.shape[d], data.strides[d], d in axes) for d in order]
    out = [(n, s) for n, s in zip(dst.shape, dst.strides)]
    head, rest = dims[0], [d for d in dims[1:] if d[0] != 1]
    merged = []
    for n, s, reduced in rest:
        if merged and merged[-1][2] == reduced and merged[-1][1] == s * n and (reduced or _dense(out)):
            merged[-1] = (merged[-1][0] * n, s, reduced)
        else:
            merged.append((n, s, reduced))
    last = [m for m in merged if m[2]] or [(1, 1, True)]
    free = [m for m in merged if not m[2]]
    shape = (head[0],) + tuple(m[0] for m in free + last)
    strides = (head[1],) + tuple(m[1] for m in free + last)
    source = data._view(shape, strides, data.offset, data._x)
    target = [out[0]] + [o for o in out[1:] if o[0] != 1]
    if len(target) - 1 != len(free):
        count, step = 1, 1
        for n, s in reversed(target[1:]):
            step = s if count == 1 else step
            count *= n
        target = [target[0], (count, step)]
    if len(target) == 1:
        target.append((1, 1))
    target = dst._view(tuple(n for n, _ in target), tuple(s for _, s in target), dst.offset, dst._x)
    _core.tensor_reduce(target, op, source, tuple(range(len(shape) - len(last), len(shape))), negate)


def _dense(out):
    expect = None
    for n, s in reversed(out[1:]):
        if n == 1:
            continue
        if expect is not None and s != expect:
            return False
        expect = s * n
    return True


def mean(x, axis, *, dtype=None, mask=None, keepdims=False, **kwargs):
    """The sum times 1/n."""
    kind = dtype_of(dtype) if dtype is not None else x.type_name if is_float(x.type_name) else "float32"
    n = 1
    for a in axes_of(axis, len(x.shape)):
        n *= _extent(x, mask, a)
    total = Tile(reduce("add", x, axis, "float32", mask, keepdims=keepdims).read())
    return ew.scaled(total, 1.0 / n, kind)


def _extent(x, mask, dim):
    found = boxes(mask, x.shape)
    return found[0][dim][1] - found[0][dim][0] if len(found) == 1 else x.shape[dim]


def var(x, axis, *, dtype=None, mask=None, **kwargs):
    """Mean of the squared distances to the mean."""
    kind = dtype_of(dtype) if dtype is not None else x.type_name if is_float(x.type_name) else "float32"
    middle = Tile(mean(x, axis, dtype="float32", mask=mask, keepdims=True).read())
    distance = Tile(ew.binary("subtract", x, middle, "float32", mask).read())
    squares = Tile(ew.unary("square", distance, "float32", mask).read())
    return mean(squares, axis, dtype=kind, mask=mask)


def every(x, axis, *, dtype=None, mask=None, **kwargs):
    """1 where no element is 0: the minimum of the tests."""
    kind = "bool_" if dtype is None else dtype_of(dtype)
    tests = Tile(ew.binary("not_equal", x, 0.0, "float32", mask).read())
    return reduce("minimum", tests, axis, kind, mask)


def softmax(x, axis, *, dtype=None, compute_dtype=None, mask=None, **kwargs):
    """exp(x - max) / sum, the sum taken while exp runs."""
    kind = dtype_of(dtype) if dtype is not None else x.type_name
    shape = tuple(x.shape)
    if axes_of(axis, len(shape)) != tuple(range(1, len(shape))):
        raise NkiUnsupportedError("nl.softmax over some of the free dimensions; take all of them", "softmax axis")
    view = x.read()
    top = Tile(reduce("maximum", x, axis, "float32", mask, negate=True).read())
    from .._operands import act, result

    exp, add = act("exp"), alu("add")
    from .._storage import fresh

    total = fresh((shape[0], 1), "float32")
    bias = top.read()
    made = result(shape, "float32", lambda dst, a: _core.activation_reduce(dst, exp, a, add, total, bias), mask, (view,))
    numerator = Tile(made.read())
    return ew.binary("divide", numerator, Tile(total), kind, mask)


def rms_norm(x, w, axis, n, epsilon=1e-6, *, dtype=None, compute_dtype=None, mask=None, **kwargs):
    """x / sqrt(mean(x^2) + epsilon) * w."""
    kind = dtype_of(dtype) if dtype is not None else x.type_name
    squares = Tile(ew.unary("square", x, "float32", mask).read())
    total = Tile(reduce("add", squares, axis, "float32", mask).read())
    from .._operands import act, result

    multiply, add = alu("multiply"), alu("add")
    moved = result(
        total.shape, "float32", lambda dst, a: _core.tensor_scalar(dst, a, multiply, 1.0 / n, False, add, float(epsilon)), None, (total.read(),)
    )
    rsqrt = act("rsqrt")
    inverse = Tile(result(total.shape, "float32", lambda dst, a: _core.activation(dst, rsqrt, a), None, (moved.read(),)).read())
    scaled = Tile(ew.binary("multiply", x, inverse, "float32", mask).read())
    return ew.binary("multiply", scaled, w, kind, mask)
