"""
Elements of tensors while the kernel is traced, for ``print``, debuggers and tests: the engine runs the instructions so far and sends what
the tensor holds at this point. Nothing is asked for until somebody looks.
"""
import base64
import struct
import threading

from ._errors import NkiUninitialisedError, NkiValidationError

#: Entries shown at each end of a dimension, and the longest dimension that is shown whole.
_EDGE = 3
_WHOLE = 8


class Unavailable(NkiValidationError):
    """The tensor has no values here and now; ``reason`` says why."""

    def __init__(self, what, reason, rule="values"):
        super().__init__("%s %s" % (what, reason), rule)
        self.reason = reason


class Unwritten(Unavailable, NkiUninitialisedError):
    """The tensor has elements that nothing wrote yet."""


class Values:
    """Elements of a view: ``shape``, ``dtype``, and ``data``, a flat tuple of numbers."""

    __slots__ = ("shape", "dtype", "data")

    def __init__(self, shape, dtype, data):
        self.shape = shape
        self.dtype = dtype
        self.data = data

    def nested(self, at=0, offset=0):
        """The elements as nested lists."""
        if at == len(self.shape):
            return self.data[offset]
        step = _size(self.shape[at + 1 :])
        return [self.nested(at + 1, offset + i * step) for i in range(self.shape[at])]

    def __str__(self):
        return self._text(0, 0)

    def _text(self, at, offset):
        n = self.shape[at] if at < len(self.shape) else None
        if n is None:
            return _number(self.data[offset], self.dtype)
        step = _size(self.shape[at + 1 :])
        shown = list(range(n)) if n <= _WHOLE else [*range(_EDGE), None, *range(n - _EDGE, n)]
        parts = ["..." if i is None else self._text(at + 1, offset + i * step) for i in shown]
        last = at == len(self.shape) - 1
        return "[" + (" " if last else "\n" * (len(self.shape) - 1 - at) + " " * (at + 1)).join(parts) + "]"


def _size(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def _number(x, dtype):
    if "float" not in dtype:
        return str(bool(x)) if dtype == "bool_" else "%d" % x
    return "%.6g" % x


def read(trace, shape, words, what):
    """The values behind the words of an operand; Unavailable where there are none, Stop where the engine has refused the kernel."""
    if trace is None or not trace.open:
        raise Unavailable(what, "belongs to a kernel call that is over")
    if trace.loops:
        raise Unavailable(what, "is looked at in a loop on the device, whose body is traced once; print it with nl.device_print")
    if trace.thread != threading.get_ident():
        raise Unavailable(what, "belongs to a kernel that another thread traces")
    words = words()
    key = (trace.count, words)
    known = trace.values.get(key)
    if known is None:
        known = trace.values[key] = _ask(trace, shape, words, what)
    if isinstance(known, Exception):
        raise known
    return known


def _ask(trace, shape, words, what):
    trace.flush()
    answer = trace.value(words)
    reason = answer.get("unavailable")
    if reason is None:
        data = base64.b64decode(answer["data"])
        code = answer["format"]
        numbers = struct.unpack("<%d%s" % (len(data) // struct.calcsize(code), code), data)
        if "float" not in answer["dtype"]:
            numbers = tuple(int(x) for x in numbers)
        return Values(shape, answer["dtype"], numbers)
    kind = Unwritten if answer.get("rule") == "uninitialised read" else Unavailable
    return kind(what, "has no values: " + reason, answer.get("rule"))


def shown(label, get):
    """``label`` and the values under it, or why there are none."""
    try:
        values = get()
    except Unavailable as e:
        return "%s %s" % (label, e.reason)
    except NkiValidationError as e:
        return "%s has no values: %s" % (label, e)
    return label + ("\n" if values.shape else " ") + str(values)
