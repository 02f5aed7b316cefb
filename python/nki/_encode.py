"""
The careful encoder. Generated functions in ``_isa_generated`` put the usual arguments into words themselves; what they do not
recognise (NumPy scalars, names instead of functions, wrong types) comes here and either is converted or raises a clear TypeError.
"""
import struct
from enum import Enum
from operator import index as _integer

from ._errors import NkiValidationError
from ._ops import resolve
from ._registers import VirtualRegister
from ._tensor import NkiTensor

_float = struct.Struct("<f")
_int = struct.Struct("<i")
_floats = {}


def f32(value):
    """The bits of a number as fp32, as a signed word; beyond the range: infinity."""
    try:
        return _int.unpack(_float.pack(value))[0]
    except OverflowError:
        return 0x7F800000 if value > 0 else -0x800000


def scalar(x):
    """Words of an operand that may be a tile, a number, a register or nothing."""
    kind = x.__class__
    if kind is NkiTensor:
        return x._w or x._encode()
    if kind is float:
        # Equal floats share their words, except the two zeros, which are equal and differ.
        words = _floats.get(x)
        if words is None:
            words = (1, f32(x))
            if x:
                _floats[x] = words
        return words
    if x is None:
        return (0,)
    if kind is int and -0x80000000 <= x <= 0x7FFFFFFF:
        return (2, x)
    if kind is VirtualRegister:
        return register(x)
    raise TypeError


def register(x):
    """Words of a register operand."""
    if x.__class__ is not VirtualRegister or x.number is None:
        raise TypeError
    return (3, x.number)


def ints(x):
    """Words of an attribute that is a (nested) list of integers."""
    if x is None or x == ():
        return (0,)
    flat = []
    _flatten(x, flat)
    return (len(flat), *flat)


def _flatten(x, flat):
    if isinstance(x, (list, tuple)):
        for item in x:
            _flatten(item, flat)
    else:
        flat.append(_integer(x))


def listed(items, most, what):
    """A list argument as ``most`` operands, None beyond its end."""
    if not isinstance(items, (list, tuple)):
        raise TypeError("%s is %s; pass a list of tensors" % (what, _say(items)))
    if len(items) > most:
        raise NkiValidationError("%s has %d elements, at most %d" % (what, len(items), most), what.replace(": ", " "))
    return (*items, *(None,) * (most - len(items)))


def slow(spec, values):
    """All words of an instruction after its opcode and line, from the argument values in operand and attribute order."""
    name, operands, attrs = spec
    words = []
    for (operand, form, default), x in zip(operands, values):
        words += _operand(name, operand, form, default, x, values[0])
    for (attr, kind, table, default), x in zip(attrs, values[len(operands) :]):
        words += _attr(name, attr, kind, table, default, x)
    return words


def _refuse(op, argument, x, wanted):
    raise TypeError("%s: %s is %s; pass %s" % (op, argument, _say(x), wanted))


def _say(x):
    return "None" if x is None else "%r of type %s" % (x, type(x).__name__)


def _operand(op, argument, form, default, x, dst):
    """``form`` says what the operand takes: t(ile), s(calar), r(egister), o(ptional)."""
    if isinstance(x, NkiTensor):
        return x._w or x._encode()
    if x is None:
        if "o" in form:
            return (0,)
    elif isinstance(x, VirtualRegister) and "r" in form:
        if x.number is None:
            raise TypeError("%s: %s is a register that register_alloc did not make" % (op, argument))
        return (3, x.number)
    elif "s" in form and not isinstance(x, (str, bytes, Enum, VirtualRegister)):
        number = _number(x)
        if isinstance(number, int):
            if -0x80000000 <= number <= 0x7FFFFFFF:
                return (2, number)
            dtype = dst.dtype if isinstance(dst, NkiTensor) else ""
            if 0 <= number <= 0xFFFFFFFF and "int" in dtype:
                return (2, number - 0x100000000)
            return (1, f32(float(number)))
        if number is not None:
            return (1, f32(number))
    forms = {"t": "a tensor (NkiTensor)", "s": "a number", "r": "a register", "o": "None"}
    _refuse(op, argument, x, " or ".join(forms[f] for f in form))


def _number(x):
    """A Python int or float for anything that is one number, else None."""
    if isinstance(x, (bool, int, float)):
        return int(x) if isinstance(x, int) else x
    try:
        return _integer(x)
    except TypeError:
        pass
    try:
        return float(x)
    except (TypeError, ValueError):
        return None


def _attr(op, argument, kind, table, default, x):
    if kind == "bool":
        return (1 if x else 0,)
    if kind == "tristate":
        return (-1 if x is None else 1 if x else 0,)
    if kind == "int":
        try:
            return (default if x is None else _integer(x),)
        except TypeError:
            _refuse(op, argument, x, "an integer")
    if kind == "float":
        number = _number(x)
        if number is None:
            _refuse(op, argument, x, "a number")
        return (f32(number),)
    if kind == "ints":
        try:
            return ints(x)
        except TypeError:
            _refuse(op, argument, x, "a list of integers")
    if kind == "enum":
        found = table.get(x) if isinstance(x, (str, Enum)) else default if x is None else None
        if found is None:
            names = sorted({k for k in table if isinstance(k, str)}, key=table.get)
            raise NkiValidationError("%s: %s is %s; choose %s" % (op, argument, x, ", ".join(names)), "%s %s" % (op, argument))
        return (found,)
    if x is None and kind == "alu" and default is not None:
        return (default,)
    found = resolve(x, "%s: %s" % (op, argument))
    number = getattr(found, "alu" if kind == "alu" else "act", None)
    if number is None:
        what = "an ALU operation" if kind == "alu" else "an activation function"
        raise NkiValidationError("%s: %s is %r, which is no %s" % (op, argument, found, what[3:]), "%s %s" % (op, argument))
    return (number,)
