"""Elementwise functions: what engine does them, in which instructions, with which result type."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError

from .._dtypes import dtype_of, is_float, of_scalar, promote
from .._operands import Tile, act, alu, broadcast_view, columns, join, number, on_chip, result
from .._storage import fresh, shaped

#: Operations that ScalarE computes.
ACTIVATIONS = (
    "exp log sin arctan tanh sigmoid relu gelu gelu_dx gelu_apprx_tanh gelu_apprx_sigmoid silu silu_dx "
    "softplus mish erf erf_dx sqrt rsqrt square sign abs"
).split()
COMPARISONS = "equal not_equal greater greater_equal less less_equal".split()
LOGICAL = "logical_and logical_or logical_xor".split()
BITWISE = "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()
ARITHMETIC = "add subtract multiply maximum minimum power".split()
BINARY = ARITHMETIC + COMPARISONS + LOGICAL + BITWISE


def unary(name, x, dtype=None, mask=None):
    """``name(x)`` on ScalarE."""
    x = on_chip(x, "x")
    view = x.read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    op = act(name)
    return result(x.shape, kind, lambda dst, a: _core.activation(dst, op, a), mask, (view,), exact=kind == "float32")


def binary(name, x, y, dtype=None, mask=None):
    """``name(x, y)``, one of them a tile."""
    x, y = number(x), number(y)
    if not isinstance(x, Tile) and not isinstance(y, Tile):
        raise TypeError("nl.%s takes at least one tile; compute %r and %r in Python" % (name, x, y))
    if name == "divide":
        return divide(x, y, dtype, mask)
    kind = _kind(name, x, y, dtype)
    if isinstance(x, Tile) and isinstance(y, Tile):
        return _two_tiles(name, x, y, kind, mask)
    tile, scalar, reverse = (x, y, False) if isinstance(x, Tile) else (y, x, True)
    view = on_chip(tile, "x").read()
    op = alu(name)
    scalar = _constant(name, scalar)
    return result(
        tile.shape, kind, lambda dst, a: _core.tensor_scalar(dst, a, op, scalar, reverse), mask, (view,), exact=kind == "float32"
    )


def _constant(name, scalar):
    return scalar if name in BITWISE else float(scalar)


def _kind(name, x, y, dtype):
    if dtype is not None:
        return dtype_of(dtype)
    if name in COMPARISONS or name in LOGICAL:
        return "bool_"
    a, b = (t.type_name if isinstance(t, Tile) else None for t in (x, y))
    # A bare number counts as the widest type of its kind (NKI 2.26, weakly typed scalars).
    return promote(a or of_scalar(x), b or of_scalar(y))


def _two_tiles(name, x, y, kind, mask):
    op = alu(name)
    shape, (x, y) = join(on_chip(x, "x"), on_chip(y, "y"))
    a, b = x.read(), y.read()
    bits = name in BITWISE
    # One value a partition goes with the instruction, as float32; else it is read again and again (stride 0).
    for tile, column, reverse in ((a, b, False), (b, a, True)):
        if not bits and columns(column, shape[0]) and not columns(tile, shape[0]) and column.dtype == "float32":
            inputs = (broadcast_view(tile, shape), shaped(column, shape[:1] + (1,) * (len(shape) - 1)))
            return result(
                shape, kind, lambda dst, p, q: _core.tensor_scalar(dst, p, op, q, reverse), mask, inputs, exact=kind == "float32"
            )
    a, b = broadcast_view(a, shape), broadcast_view(b, shape)
    if x.space == "psum" and y.space == "psum":
        moved = fresh(shape, b.dtype)
        _core.tensor_copy(moved, b)
        b = moved
    return result(shape, kind, lambda dst, p, q: _core.tensor_tensor(dst, p, q, op), mask, (a, b), exact=kind == "float32")


def divide(x, y, dtype=None, mask=None):
    """x / y: engines have no division; the reciprocal is multiplied, and corrected once where integers are divided."""
    exact = not any(isinstance(t, Tile) and is_float(t.type_name) for t in (x, y))
    kind = dtype_of(dtype) if dtype is not None else ("float32" if exact else _kind("multiply", x, y, None))
    if not isinstance(y, Tile):
        if not exact:
            return binary("multiply", x, 1.0 / float(y), kind, mask)
        quotient = Tile(binary("multiply", x, 1.0 / float(y), "float32", mask).read())
        back = Tile(binary("multiply", quotient, -float(y), "float32", mask).read())
        rest = Tile(binary("add", back, x, "float32", mask).read())
        step = Tile(binary("multiply", rest, 1.0 / float(y), "float32", mask).read())
        return binary("add", quotient, step, kind, mask)
    inverse = Tile(reciprocal(y, "float32", mask if y.shape == getattr(x, "shape", y.shape) else None).read())
    return binary("multiply", x, inverse, kind, mask)


def reciprocal(x, dtype=None, mask=None):
    view = on_chip(x, "x").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    return result(x.shape, kind, lambda dst, a: _core.reciprocal(dst, a), mask, (view,), exact=kind == "float32")


def scaled(x, factor, dtype=None, mask=None):
    """x * factor in x's type."""
    view = on_chip(x, "x").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    op = alu("multiply")
    return result(x.shape, kind, lambda dst, a: _core.tensor_scalar(dst, a, op, factor), mask, (view,), exact=kind == "float32")


def rounded(name, x, dtype=None, mask=None):
    """floor, ceil and trunc: round to the nearest integer, then step back where that went too far. Exact below 2^24."""
    kind = x.type_name if dtype is None else dtype_of(dtype)
    view = on_chip(x, "x").read()
    if not is_float(view.dtype):
        return result(x.shape, kind, lambda dst, a: _core.tensor_copy(dst, a), mask, (view,))
    if name == "trunc":
        size = Tile(unary("abs", x, "float32", mask).read())
        sign = Tile(unary("sign", x, "float32", mask).read())
        return binary("multiply", rounded("floor", size, "float32", mask), sign, kind, mask)
    nearest = Tile(result(x.shape, "int32", lambda dst, a: _core.tensor_copy(dst, a), mask, (view,)).read())
    test, step = ("greater", "subtract") if name == "floor" else ("less", "add")
    over = Tile(binary(test, nearest, x, "float32", mask).read())
    return binary(step, nearest, over, kind, mask)


def modulo(name, x, y, dtype=None, mask=None):
    """mod (sign of y) and fmod (sign of x): x - y * rounded(x / y), corrected by one y where the division rounded across."""
    x, y = number(x), number(y)
    kind = _kind("multiply", x, y, dtype)
    f = "float32"
    quotient = Tile(divide(x, y, f, mask).read())
    whole = Tile(rounded("floor" if name == "mod" else "trunc", quotient, f, mask).read())
    product = Tile(binary("multiply", whole, y, f, mask).read())
    rest = Tile(binary("subtract", x, product, f, mask).read())
    if isinstance(y, Tile) or name == "fmod":
        return binary("add", rest, 0.0, kind, mask)
    below = _step(rest, "less" if y > 0 else "greater", 0.0, float(y), mask)
    rest = Tile(binary("add", rest, below, f, mask).read())
    above = _step(rest, "greater_equal" if y > 0 else "less_equal", float(y), -float(y), mask)
    return binary("add", rest, above, kind, mask)


def _step(x, test, limit, amount, mask):
    """``amount`` where the test holds, else 0."""
    op0, op1 = alu(test), alu("multiply")
    pending = result(
        x.shape, "float32", lambda dst, a: _core.tensor_scalar(dst, a, op0, limit, False, op1, amount), mask, (x.read(),)
    )
    return Tile(pending.read())


def into(name, target, other):
    """``target = name(target, other)`` in place."""
    value = binary(name, Tile(target.read()), other, target.type_name)
    from .._tile import fit

    fit(target, value)


def where(condition, x, y, dtype=None, mask=None):
    """Copies y, then x over it where the condition is not zero."""
    x, y = number(x), number(y)
    kinds = [t.type_name if isinstance(t, Tile) else None for t in (x, y)]
    known = [k for k in kinds if k]
    kind = dtype_of(dtype) if dtype is not None else (promote(*known) if len(known) == 2 else known[0] if known else of_scalar(x))
    tiles = [condition] + [t for t in (x, y) if isinstance(t, Tile)]
    shape, tiles = join(*tiles)
    test = _predicate(tiles[0])
    views = iter(tiles[1:])
    a = _typed(next(views), kind, shape, mask) if isinstance(x, Tile) else x
    b = next(views).read() if isinstance(y, Tile) else y
    test = broadcast_view(test, shape)

    def emit(dst, p, q, r):
        if isinstance(y, Tile):
            _core.tensor_copy(dst, r)
        else:
            _core.memset(dst, y if not is_float(kind) else float(y))
        _core.tensor_copy_predicated(dst, q if q is not None else (float(a) if is_float(kind) else a), p)

    inputs = (test, a if isinstance(x, Tile) else None, broadcast_view(b, shape) if isinstance(y, Tile) else None)
    return result(shape, kind, emit, mask, inputs)


def _predicate(condition):
    view = condition.read()
    if view.dtype in ("uint8", "uint16", "uint32"):
        return view
    same = {"bool_": "uint8", "int8": "uint8", "int16": "uint16", "int32": "uint32"}.get(view.dtype)
    if same:
        return view.view(same) if view.strides[-1] == 1 or same else view
    return binary("not_equal", condition, 0.0, "uint8").read()


def _typed(tile, kind, shape, mask):
    view = broadcast_view(tile.read(), shape)
    if view.dtype == kind:
        return view
    return result(shape, kind, lambda dst, a: _core.tensor_copy(dst, a), mask, (view,)).read()


def trigonometric(name, x, dtype=None, mask=None):
    """cos and tan from sine: cos(x) = sin(x + pi/2), inside ScalarE's range of [-pi, pi]."""
    raise NkiUnsupportedError("nl.%s has no instruction on this chip's ScalarE; use nl.sin of a reduced argument" % name, "op " + name)
