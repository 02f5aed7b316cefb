"""The functions of ``nki.language`` that are also values: ``op=nl.add`` hands one to an instruction, ``nl.add(a, b)`` computes."""
from ._isa_generated import ACTIVATIONS, ALU

_ALU = {name: i for i, name in enumerate(ALU)}
_ACTIVATION = {name: i for i, name in enumerate(ACTIVATIONS)}


class Op:
    """A named operation. ``alu`` and ``act`` are its numbers as an ALU operation and as an activation function, where it is one."""

    def __init__(self, name, alu=None, act=None):
        self.__name__ = name
        self.__doc__ = None
        self._call = None
        alu = _ALU.get(alu or name)
        act = _ACTIVATION.get(act or name)
        # Unset where the operation has no such form: the fast encoders rely on the AttributeError.
        if alu is not None:
            self.alu = alu
        if act is not None:
            self.act = act

    def __call__(self, *args, **kwargs):
        if self._call is None:
            raise TypeError("nl.%s is a value for op= arguments, it cannot be called" % self.__name__)
        return self._call(*args, **kwargs)

    def __repr__(self):
        return "nl." + self.__name__

    def __reduce__(self):
        return _named, (self.__name__,)


OPS = {}


def _named(name):
    return OPS[name]


def op(name, alu=None, act=None):
    """The operation of that name, made on first use."""
    if name not in OPS:
        OPS[name] = Op(name, alu, act)
    return OPS[name]


for _name in ALU:
    op(_name)
for _name in ACTIVATIONS:
    op(_name)


def implements(name, **numbers):
    """Decorator: the function is what ``nl.<name>(...)`` does."""

    def attach(function):
        o = op(name, **numbers)
        o._call = function
        o.__doc__ = function.__doc__
        o.__wrapped__ = function
        return o

    return attach


# NumPy's names for the same operations, as older kernels pass them.
_FOREIGN = {
    "power": "power",
    "true_divide": "divide",
    "greater": "greater",
    "logical_and": "logical_and",
    "absolute": "abs",
    "invert": "invert",
    "bitwise_not": "invert",
}


def resolve(value, what):
    """The Op meant by a name or another library's function of the same name; TypeError otherwise."""
    if isinstance(value, Op):
        return value
    name = value if isinstance(value, str) else getattr(value, "__name__", None)
    found = OPS.get(_FOREIGN.get(name, name)) if isinstance(name, str) else None
    if found is None:
        raise TypeError("%s is %r; pass a function of nki.language such as nl.add" % (what, value))
    return found
