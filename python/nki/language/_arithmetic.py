"""
Element-wise operations on tiles. A tile and a tile become ``tensor_tensor``; a tile and a number or a float32 column become
``tensor_scalar``; functions of one tile become ``activation`` (NKI API reference, nki.language). Results are new tiles in SBUF.
"""
import sys
import warnings

from .. import _isa_generated as isa
from .._dtypes import BYTES, FLOATS, INTEGERS, dtype_of
from .._errors import NkiValidationError
from .._ops import OPS, implements, op
from .._tensor import MemoryRegion, NkiTensor
from .._trace import user_frame
from ._move import new_tile, tensor

__all__ = ["where"]

#: Names that the language offers as values only.
for _name in ("bypass", "prelu", "average"):
    op(_name)

_BINARY = (
    "add subtract multiply maximum minimum abs_max abs_min power equal not_equal less less_equal greater greater_equal "
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift logical_and logical_or logical_xor"
).split()
_ACTIVATIONS = (
    "exp log sqrt tanh sigmoid relu gelu gelu_apprx_sigmoid gelu_apprx_tanh gelu_dx gelu_apprx_sigmoid_dx silu silu_dx softplus mish "
    "erf erf_dx arctan sign square"
).split()


def promote(a, b):
    """The type that holds both: floats before integers, then the wider one, float32 for two 16-bit floats of different kind."""
    if a == b:
        return a
    if (a in FLOATS) != (b in FLOATS):
        return a if a in FLOATS else b
    if BYTES[a] != BYTES[b]:
        return a if BYTES[a] > BYTES[b] else b
    if a in INTEGERS:
        return a if a.startswith("int") else b
    return "float32"


def _is_column(t, like):
    """Whether ``t`` is one value a partition for the elements of ``like``."""
    return t.shape[0] == like.shape[0] and t.size == t.shape[0] != like.size


def _in_sbuf(t):
    if t.buffer is not MemoryRegion.psum:
        return t
    made = new_tile(t.shape, t.dtype)
    isa.tensor_copy(made, t)
    return made


def broadcast(t, shape, what):
    """``t`` seen in ``shape``: dimensions of size 1 repeat; the partition dimension cannot."""
    if t.shape == tuple(shape):
        return t
    if len(t.shape) != len(shape):
        raise NkiValidationError("%s: shapes %s and %s have different ranks; reshape one" % (what, t.shape, tuple(shape)), what)
    for d, (n, m) in enumerate(zip(t.shape, shape)):
        if n == m:
            continue
        if n != 1:
            raise NkiValidationError("%s: shapes %s and %s do not fit in dimension %d" % (what, t.shape, tuple(shape), d), what)
        if d == 0:
            raise NkiValidationError(
                "%s: one partition cannot be seen as %d; copy it to all with nl.broadcast_to, or load it broadcast from HBM" % (what, m), what
            )
        t = t.broadcast(d, m)
    return t


def _joint(a, b, what):
    """The shape that two tiles have together."""
    if len(a) != len(b):
        raise NkiValidationError("%s: shapes %s and %s have different ranks; reshape one" % (what, a, b), what)
    return tuple(n if m == 1 else m for n, m in zip(a, b))


def binary(o, x, y, dtype=None):
    """``o(x, y)`` in a new tile."""
    what = o.__name__
    if not isinstance(x, NkiTensor):
        if not isinstance(y, NkiTensor):
            raise TypeError("nl.%s: at least one of %r and %r is a tile" % (what, x, y))
        made = new_tile(y.shape, dtype_of(dtype) if dtype else y.dtype)
        isa.tensor_scalar(made, y, o, x, reverse0=True)
        return made
    if not isinstance(y, NkiTensor):
        made = new_tile(x.shape, dtype_of(dtype) if dtype else x.dtype)
        isa.tensor_scalar(made, x, o, y)
        return made
    if x.buffer is MemoryRegion.psum and y.buffer is MemoryRegion.psum:
        y = _in_sbuf(y)
    shape = _joint(x.shape, y.shape, what)
    made = new_tile(shape, dtype_of(dtype) if dtype else promote(x.dtype, y.dtype))
    if o is not OPS["power"] and y.dtype == "float32" and _is_column(y, x):
        isa.tensor_scalar(made, x, o, y)
    elif o is not OPS["power"] and x.dtype == "float32" and _is_column(x, y):
        isa.tensor_scalar(made, y, o, x, reverse0=True)
    else:
        isa.tensor_tensor(made, broadcast(x, shape, what), broadcast(y, shape, what), o)
    return made


def unary(o, x, dtype=None):
    """``o(x)`` on ScalarE in a new tile."""
    made = new_tile(tensor(x, "nl." + o.__name__).shape, dtype_of(dtype) if dtype else x.dtype)
    isa.activation(made, o, x)
    return made


def _alu(o, x, operand=None, dtype=None):
    """A one-tile ALU operation in a new tile."""
    made = new_tile(tensor(x, "nl." + o.__name__).shape, dtype_of(dtype) if dtype else x.dtype)
    isa.tensor_scalar(made, x, o, operand)
    return made


def _make_binary(name):
    def call(x, y, dtype=None):
        return binary(OPS[name], x, y, dtype)

    call.__doc__ = "%s of two tiles, or of a tile and a number, element by element." % name
    call.__name__ = name
    implements(name)(call)


def _make_unary(name):
    def call(x, dtype=None):
        return unary(OPS[name], x, dtype)

    call.__doc__ = "%s of every element, on ScalarE." % name
    call.__name__ = name
    implements(name)(call)


for _name in _BINARY:
    _make_binary(_name)
for _name in _ACTIVATIONS:
    _make_unary(_name)


@implements("abs")
def _abs(x, dtype=None):
    """The magnitude of every element."""
    return _alu(OPS["abs"], x, None, dtype)


@implements("invert")
def _invert(x, dtype=None):
    """Every bit flipped; integer tiles."""
    return _alu(OPS["invert"], x, None, dtype)


@implements("logical_not")
def _logical_not(x, dtype=None):
    """1 where 0 and 0 where 1."""
    return _alu(OPS["logical_xor"], x, 1.0, dtype)


@implements("negative")
def _negative(x, dtype=None):
    """-x."""
    return _alu(OPS["multiply"], x, -1.0, dtype)


@implements("rsqrt")
def _rsqrt(x, dtype=None):
    """1 / sqrt(x) on GpSimd, which does not reach PSUM."""
    return _alu(OPS["rsqrt"], _in_sbuf(tensor(x, "nl.rsqrt")), None, dtype)


@implements("reciprocal")
def _reciprocal(x, dtype=None):
    """1 / x on VectorE."""
    made = new_tile(tensor(x, "nl.reciprocal").shape, dtype_of(dtype) if dtype else x.dtype)
    isa.reciprocal(made, x)
    return made


@implements("copy")
def _copy(x, dtype=None):
    """A new tile in SBUF with the elements of ``x``."""
    made = new_tile(tensor(x, "nl.copy").shape, dtype_of(dtype) if dtype else x.dtype)
    isa.tensor_copy(made, x)
    return made


# ---- trigonometry: the argument is brought within half a turn first, as ScalarE's sine requires

_TWO_PI_HIGH = 6.28125
_TWO_PI_LOW = 0.0019353071795864769
#: Adding and subtracting this rounds an fp32 number below 2^22 to an integer.
_ROUND = 12582912.0


def _turn(x, shift):
    """x + shift, less whole turns, in fp32."""
    whole = new_tile(x.shape, "float32")
    isa.tensor_scalar(whole, x, OPS["multiply"], 0.15915494309189535, op1=OPS["add"], operand1=shift / 6.283185307179586 + _ROUND)
    isa.tensor_scalar(whole, whole, OPS["subtract"], _ROUND)
    rest = new_tile(x.shape, "float32")
    isa.scalar_tensor_tensor(rest, whole, OPS["multiply"], -_TWO_PI_HIGH, OPS["add"], x)
    isa.scalar_tensor_tensor(rest, whole, OPS["multiply"], -_TWO_PI_LOW, OPS["add"], rest)
    if shift:
        isa.tensor_scalar(rest, rest, OPS["add"], shift)
    return rest


def _sine(x, shift, dtype):
    made = new_tile(x.shape, dtype_of(dtype) if dtype else x.dtype)
    isa.activation(made, OPS["sin"], _turn(_in_sbuf(x), shift))
    return made


@implements("sin")
def _sin(x, dtype=None):
    """The sine of any angle."""
    return _sine(tensor(x, "nl.sin"), 0.0, dtype)


@implements("cos")
def _cos(x, dtype=None):
    """The cosine of any angle."""
    return _sine(tensor(x, "nl.cos"), 1.5707963267948966, dtype)


@implements("tan")
def _tan(x, dtype=None):
    """The tangent: sine by cosine."""
    x = tensor(x, "nl.tan")
    return binary(OPS["multiply"], _sine(x, 0.0, "float32"), _reciprocal(_sine(x, 1.5707963267948966, "float32")), dtype or x.dtype)


# ---- rounding: through a 32-bit integer tile, which rounds to nearest; what is too large to have a fraction stays


def _nearest(x):
    whole = new_tile(x.shape, "int32")
    isa.tensor_copy(whole, x)
    made = new_tile(x.shape, "float32")
    isa.tensor_copy(made, whole)
    return made


def _whole(x, dtype, correct):
    made = _nearest(x)
    correct(made)
    large = new_tile(x.shape, "uint8")
    isa.tensor_scalar(large, x, OPS["abs"], None, op1=OPS["less"], operand1=8388608.0)
    same = x if x.dtype == "float32" else _copy(x, "float32")
    isa.tensor_copy_predicated(made, same, large, reverse_pred=True)
    return made if dtype_of(dtype or x.dtype) == "float32" else _copy(made, dtype or x.dtype)


def _step(made, x, comparison, combine):
    off = new_tile(x.shape, "float32")
    isa.tensor_tensor(off, made, x, OPS[comparison])
    isa.tensor_tensor(made, made, off, OPS[combine])


@implements("floor")
def _floor(x, dtype=None):
    """The largest integer that is at most x."""
    x = _in_sbuf(tensor(x, "nl.floor"))
    return _whole(x, dtype, lambda made: _step(made, x, "greater", "subtract"))


@implements("ceil")
def _ceil(x, dtype=None):
    """The smallest integer that is at least x."""
    x = _in_sbuf(tensor(x, "nl.ceil"))
    return _whole(x, dtype, lambda made: _step(made, x, "less", "add"))


@implements("trunc")
def _trunc(x, dtype=None):
    """x without its fraction."""
    x = _in_sbuf(tensor(x, "nl.trunc"))
    size = _floor(_alu(OPS["abs"], x, None, "float32"))
    return binary(OPS["multiply"], size, unary(OPS["sign"], x, "float32"), dtype or x.dtype)


# ---- operations without a path on hardware


def _warn(name, instead):
    frame = user_frame(sys._getframe(1))
    said = "nl.%s has no hardware path (NKI 0.6); it is computed as %s" % (name, instead)
    warnings.warn_explicit(said, RuntimeWarning, frame.f_code.co_filename, frame.f_lineno)


@implements("divide")
def _divide(x, y, dtype=None):
    """x / y, computed as x times the reciprocal; not available on hardware."""
    _warn("divide", "x * nl.reciprocal(y)")
    if not isinstance(y, NkiTensor):
        return binary(OPS["multiply"], x, 1.0 / y, dtype)
    return binary(OPS["multiply"], x, _reciprocal(y, "float32"), dtype or (promote(x.dtype, y.dtype) if isinstance(x, NkiTensor) else y.dtype))


def _remainder(x, y, whole, dtype):
    quotient = binary(OPS["multiply"], x, _reciprocal(y, "float32") if isinstance(y, NkiTensor) else 1.0 / y, "float32")
    product = binary(OPS["multiply"], whole(quotient), y, "float32")
    return binary(OPS["subtract"], x, product, dtype or (x.dtype if isinstance(x, NkiTensor) else y.dtype))


@implements("mod")
def _mod(x, y, dtype=None):
    """x - floor(x / y) y; not available on hardware."""
    _warn("mod", "x - nl.floor(x / y) * y")
    return _remainder(x, y, _floor, dtype)


@implements("fmod")
def _fmod(x, y, dtype=None):
    """x - trunc(x / y) y; not available on hardware."""
    _warn("fmod", "x - nl.trunc(x / y) * y")
    return _remainder(x, y, _trunc, dtype)


def where(condition, x, y, dtype=None):
    """Elements of x where the condition is not 0, of y elsewhere."""
    tensor(condition, "nl.where: condition")
    tiles = [t for t in (x, y) if isinstance(t, NkiTensor)]
    kind = dtype_of(dtype) if dtype else promote(tiles[0].dtype, tiles[-1].dtype) if tiles else condition.dtype
    mask = condition
    if condition.dtype not in ("uint8", "uint16", "uint32", "bool_"):
        mask = new_tile(condition.shape, "uint8")
        isa.tensor_scalar(mask, condition, OPS["not_equal"], 0.0)
    made = new_tile(condition.shape, kind)
    if isinstance(y, NkiTensor):
        isa.tensor_copy(made, broadcast(y, condition.shape, "where"))
    else:
        isa.memset(made, y)
    if isinstance(x, NkiTensor):
        x = broadcast(x if x.dtype == kind else _copy(x, kind), condition.shape, "where")
    isa.tensor_copy_predicated(made, x, mask)
    return made


# ---- operators


def _operator(name, reverse=False):
    def forward(self, other):
        return OPS[name](self, other)

    def backward(self, other):
        return OPS[name](other, self)

    return backward if reverse else forward


for _python, _name in (
    ("add", "add"),
    ("sub", "subtract"),
    ("mul", "multiply"),
    ("truediv", "divide"),
    ("pow", "power"),
    ("and", "bitwise_and"),
    ("or", "bitwise_or"),
    ("xor", "bitwise_xor"),
    ("lshift", "left_shift"),
    ("rshift", "right_shift"),
):
    setattr(NkiTensor, "__%s__" % _python, _operator(_name))
    setattr(NkiTensor, "__r%s__" % _python, _operator(_name, True))
for _python, _name in (("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal")):
    setattr(NkiTensor, "__%s__" % _python, _operator(_name))
NkiTensor.__neg__ = lambda self: OPS["negative"](self)
NkiTensor.__abs__ = lambda self: OPS["abs"](self)
NkiTensor.__invert__ = lambda self: OPS["invert"](self)
