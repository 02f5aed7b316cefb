"""
Tiles and tensors of the older surface: a view of a storage, or an instruction that still waits to be told where its result goes.
``a[...] = nisa.activation(...)`` writes straight into ``a``; any other use of the result gives it a tile of its own.
"""
import sys

from nki import _isa_generated as _isa
from nki import _values
from nki._errors import NkiUnsupportedError, NkiValidationError
from nki._tensor import MemoryRegion
from nki._trace import is_package

from . import _select
from ._dtypes import BYTES, dtype_of, public
from ._state import at_line, current
from ._storage import covers, fresh, shaped, zero

_SPACE = {MemoryRegion.sbuf: "sbuf", MemoryRegion.psum: "psum", MemoryRegion.private_hbm: "hbm", MemoryRegion.shared_hbm: "hbm"}


class Tile:
    """A view with a shape and a dtype. Arithmetic makes new tiles; ``+=`` and item assignment write in place."""

    __slots__ = ("_v",)
    __array_ufunc__ = None
    __hash__ = object.__hash__

    def __init__(self, view):
        self._v = view

    # ---- what it is

    @property
    def shape(self):
        return self._v.shape

    @property
    def dtype(self):
        return public(self._v.dtype)

    @property
    def type_name(self):
        """The engine's name of the dtype."""
        return self._v.dtype

    @property
    def space(self):
        """sbuf, psum or hbm."""
        return _SPACE[self._v.buffer]

    @property
    def buffer(self):
        return self._v.buffer

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def itemsize(self):
        return BYTES[self.type_name]

    @property
    def size(self):
        n = 1
        for d in self.shape:
            n *= d
        return n

    def __repr__(self):
        label = self._label()
        return label if is_package(sys._getframe(1).f_code) else _values.shown(label, self._look)

    def _label(self):
        return "tensor(%s, %s, %s)" % (self.shape, self.type_name, self.space)

    def _look(self):
        """The elements as of now."""
        return self._v._read()

    def __len__(self):
        return self.shape[0]

    def assert_shape(self, shape):
        if tuple(shape) != tuple(self.shape):
            raise NkiValidationError("shape is %s, expected %s" % (self.shape, tuple(shape)), "assert_shape")
        return self

    # ---- for instructions

    def read(self):
        """The view as an input; a tile declared zero is zeroed first."""
        s = current()
        _settle(s)
        v = self._v
        if v._b.id in s.lazy:
            zero(s, v)
        return v

    def write(self):
        """The view as an output."""
        s = current()
        _settle(s)
        v = self._v
        number = v._b.id
        if number in s.lazy:
            if covers(v):
                s.lazy.discard(number)
            else:
                zero(s, v)
        s.written.add(number)
        return v

    # ---- views

    def __getitem__(self, key):
        return _select.select(self, key)

    def __setitem__(self, key, value):
        fit(self[key], value)

    def reshape(self, shape, *rest):
        return Tile(self.read().reshape((shape, *rest) if rest else shape))

    def view(self, dtype):
        return Tile(self.read().view(dtype_of(dtype)))

    def expand_dims(self, axis):
        from .language import expand_dims

        return expand_dims(self, axis)

    def broadcast_to(self, shape):
        from .language import broadcast_to

        return broadcast_to(self, shape=shape)

    def astype(self, dtype):
        from .language import copy

        return copy(self, dtype=dtype)

    def __iadd__(self, other):
        if isinstance(other, Pending) and other.accumulates and self.space == "psum":
            other.add_to(self)
            return self
        return _in_place("add", self, other)

    def __isub__(self, other):
        return _in_place("subtract", self, other)

    def __imul__(self, other):
        return _in_place("multiply", self, other)

    def __itruediv__(self, other):
        return _in_place("divide", self, other)

    def __bool__(self):
        if self.space == "hbm":
            return True
        raise NkiValidationError(
            "a tile has no truth value: its elements exist only when the kernel runs; use nl.where, or branch on shapes", "tile truth"
        )


def _binary(name, reverse=False):
    def method(self, other):
        from . import language

        f = getattr(language, name)
        return f(other, self) if reverse else f(self, other)

    return method


for _name, _op in (
    ("add", "add"),
    ("sub", "subtract"),
    ("mul", "multiply"),
    ("truediv", "divide"),
    ("pow", "power"),
    ("mod", "mod"),
    ("and", "bitwise_and"),
    ("or", "bitwise_or"),
    ("xor", "bitwise_xor"),
    ("lshift", "left_shift"),
    ("rshift", "right_shift"),
):
    setattr(Tile, "__%s__" % _name, _binary(_op))
    setattr(Tile, "__r%s__" % _name, _binary(_op, True))
for _name, _op in (("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal"), ("eq", "equal"), ("ne", "not_equal")):
    setattr(Tile, "__%s__" % _name, _binary(_op))


def _neg(self):
    from .language import negative

    return negative(self)


def _invert(self):
    from .language import invert

    return invert(self)


Tile.__neg__ = _neg
Tile.__invert__ = _invert


class Pending(Tile):
    """
    The result of an instruction whose destination is open. ``emit(view)`` issues it; ``exact`` says that writing another dtype
    straight from the instruction rounds no differently than going through ``dtype`` first.
    """

    __slots__ = ("_shape", "_type", "_space", "emit", "exact", "line", "accumulates", "reduces", "spaces")

    def __init__(self, shape, dtype, emit, space="sbuf", exact=False, accumulates=False, reduces=None, spaces=("sbuf", "psum")):
        s = current()
        _settle(s)
        self._v = None
        self._shape = tuple(shape)
        self._type = dtype
        self._space = space
        self.emit = emit
        self.exact = exact
        self.accumulates = accumulates
        self.reduces = reduces
        #: Memories that the instruction can write.
        self.spaces = spaces
        self.line = s.trace.line(sys._getframe(1))
        s.pending = self

    @property
    def shape(self):
        return self._shape

    @property
    def type_name(self):
        return self._type

    @property
    def dtype(self):
        return public(self._type)

    @property
    def space(self):
        return self._space if self._v is None else Tile.space.fget(self)

    def settle(self):
        """Issues the instruction into a tile of its own."""
        s = current()
        if s.pending is self:
            s.pending = None
        with at_line(s.trace, self.line):
            view = fresh(self._shape, self._type, self._space)
            s.written.add(view._b.id)
            self.emit(view)
        self._v = view

    def _look(self):
        if self._v is None:
            trace = _isa.trace
            if trace is None or trace.loops:
                raise _values.Unavailable(self._label(), "is not computed yet")
            # Looking at a result gives it a place: a later assignment copies it from there.
            self.settle()
        return self._v._read()

    def settle_into(self, view):
        """Issues the instruction into ``view``."""
        s = current()
        if s.pending is self:
            s.pending = None
        with at_line(s.trace, self.line):
            self.emit(view)
        self._v = view

    def add_to(self, target):
        """Issues a matmul that adds to a PSUM tile, overwriting where nothing was accumulated yet."""
        s = current()
        if s.pending is self:
            s.pending = None
        v = target._v
        number = v._b.id
        if number in s.lazy and covers(v):
            s.lazy.discard(number)
            accumulate = False
        elif number in s.lazy:
            zero(s, v)
            accumulate = True
        else:
            accumulate = True if number in s.written else None
        if accumulate is not None:
            s.written.add(number)
        with at_line(s.trace, self.line):
            self.accumulates(shaped(v, self._shape), accumulate)
        self._v = v

    def read(self):
        if self._v is None:
            self.settle()
        return Tile.read(self)

    def write(self):
        if self._v is None:
            self.settle()
        return Tile.write(self)

    def __getitem__(self, key):
        if self._v is None:
            self.settle()
        return _select.select(self, key)


def _settle(s):
    if s.pending is not None:
        s.pending.settle()


def fit(target, value):
    """``target[...] = value``."""
    keep = getattr(target, "keep", None)
    if keep is not None:
        keep(value if isinstance(value, Tile) else _filled(target, value))
        return
    if isinstance(value, Pending) and value._v is None:
        if value.reduces is not None:
            _reduce_into(target, value)
            return
        same = value._type == target.type_name or value.exact
        if same and target.space in value.spaces and _fits(target, value._shape) and _counted(value) <= _held:
            current().pending = None
            view = target.write()
            value.settle_into(shaped(view, value._shape))
            return
    if isinstance(value, Tile):
        source = value.read()
        if not _same_place(target._v, source):
            from .language._movement import move

            move(target, Tile(source))
        return
    if getattr(value, "ndim", 0) > 0:
        raise NkiUnsupportedError(
            "an array of the host cannot be assigned to a tile; pass it as an argument or use nl.shared_constant", "assignment"
        )
    from .language._creation import fill

    fill(target, value)


def _filled(target, value):
    """A tile in SBUF of one number, shaped as ``target``."""
    from .language._creation import fill

    made = Tile(fresh(target.shape, target.type_name))
    fill(made, value)
    return made


def _same_place(a, b):
    return a._b.id == b._b.id and a.offset == b.offset and a.shape == b.shape and a.strides == b.strides and a._x is b._x


#: References to a value that only the assignment under way holds, as CPython counts them; measured below.
_counted = getattr(sys, "getrefcount", lambda value: 0)
_held = 0


def _measure():
    """How many references ``tile[...] = instruction()`` leaves on the result, the session's own included."""
    seen = []

    class Probe:
        def __setitem__(self, key, value):
            target(self, value)

    def target(tile, value):
        seen.append(_counted(value))

    def made():
        value = object()
        keep.append(value)
        return value

    keep = []
    Probe()[...] = made()
    return seen[0]


_held = _measure()


def _fits(target, shape):
    return [n for n in target.shape if n != 1] == [n for n in shape if n != 1] and (
        target.space == "hbm" or target.shape[0] == shape[0]
    )


def _reduce_into(target, value):
    s = current()
    s.pending = None
    with at_line(s.trace, value.line):
        value.reduces(target)
    value._v = target._v


def _in_place(name, target, other):
    from .language._elementwise import into

    into(name, target, other)
    return target
