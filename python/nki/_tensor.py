"""
Tensors: views over storages. A view is shape, strides, offset; nothing here touches data. On-chip views count like NKI does: the
partition dimension comes first and its stride is the number of elements of a partition. ``_encode`` turns a view into the words of
an access pattern (packages/isa/src/program/words.ts).
"""
import sys
from enum import Enum
from operator import index as _integer

from . import _values, _views
from ._dtypes import BYTES, NUMBER, dtype_of
from ._errors import NkiBoundsError, NkiValidationError


class MemoryRegion(Enum):
    """Where a tensor lives."""

    sbuf = "sbuf"
    psum = "psum"
    private_hbm = "private_hbm"
    shared_hbm = "shared_hbm"


REGIONS = {r.value: r for r in MemoryRegion}
REGIONS["hbm"] = MemoryRegion.private_hbm


def region_of(buffer):
    """The region for a region or its name; TypeError otherwise."""
    if isinstance(buffer, MemoryRegion):
        return buffer
    found = REGIONS.get(buffer) if isinstance(buffer, str) else None
    if found is None:
        raise TypeError("buffer is %r; choose nl.sbuf, nl.psum, nl.hbm, nl.private_hbm or nl.shared_hbm" % (buffer,))
    return found


class NKIObject:
    """Base class of users' own kernel classes: fields given by keyword, class attributes as defaults."""

    def __init__(self, **fields):
        for name, value in fields.items():
            setattr(self, name, value)


class Base:
    """A storage seen as one dtype; all views of that dtype share it."""

    __slots__ = ("trace", "id", "dtype", "size", "row", "elements", "tag", "buffer", "name", "shape")

    def __init__(self, trace, id, dtype, buffer, name, shape):
        self.trace = trace
        self.id = id
        self.dtype = dtype
        self.size = BYTES[dtype]
        self.buffer = buffer
        self.name = name
        self.shape = shape
        #: Elements of the whole storage, and of one partition (0 for HBM).
        elements = 1
        for n in shape:
            elements *= n
        self.elements = elements
        self.row = elements // shape[0] if buffer is MemoryRegion.sbuf or buffer is MemoryRegion.psum else 0
        #: Operand tag without the rank and the dynamic kind.
        self.tag = 4 | NUMBER[dtype] << 8

    def cast(self, dtype):
        """The same storage seen as ``dtype``."""
        if dtype == self.dtype:
            return self
        size = BYTES[dtype]
        if (self.row or self.elements) * self.size % size:
            raise NkiValidationError(
                "%s: %d bytes are no whole number of %s" % (self.describe(), (self.row or self.elements) * self.size, dtype), "view"
            )
        last = self.shape[-1] * self.size
        shape = self.shape if last % size else self.shape[:-1] + (last // size,)
        made = Base(self.trace, self.id, dtype, self.buffer, self.name, shape)
        made.elements = self.elements * self.size // size
        made.row = self.row * self.size // size
        return made

    def describe(self):
        return "%s%s[%s] in %s" % (self.name + " " if self.name else "", self.dtype, ",".join(map(str, self.shape)), self.buffer.value)


class NkiTensor(NKIObject):
    """A multi-dimensional view of a buffer in SBUF, PSUM or HBM. Views share their storage; making one costs nothing at run time."""

    #: ``_x``: run-time addressing as (kind, stride, limit, index, dimension) or None. ``_w``: words once the view is used twice.
    __slots__ = ("_b", "shape", "strides", "offset", "_x", "_w")

    def __init__(self, shape, dtype, storage, buffer=MemoryRegion.sbuf, name=""):
        shape = tuple(_integer(n) for n in shape)
        if not isinstance(storage, Base):
            storage = Base(None, -1, dtype_of(dtype), region_of(buffer), name, shape)
        self._b = storage
        self.shape = shape
        self.strides = _views.row_major(shape)
        self.offset = 0
        self._x = None
        self._w = None

    # ---- what it is

    @property
    def dtype(self):
        return self._b.dtype

    @property
    def buffer(self):
        return self._b.buffer

    @property
    def name(self):
        return self._b.name

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        n = 1
        for d in self.shape:
            n *= d
        return n

    def _label(self):
        return "NkiTensor(%s, %s, %s%s)" % (self.shape, self.dtype, self.buffer.value, ", name=%r" % self.name if self.name else "")

    def __repr__(self):
        # Messages of this package stay short; users see values where there are some.
        from ._trace import is_package

        if is_package(sys._getframe(1).f_code):
            return self._label()
        return _values.shown(self._label(), self._read)

    def _read(self):
        """The elements as of now (:mod:`nki._values`)."""
        b = self._b
        return _values.read(b.trace, self.shape, self._encode, self._label())

    #: NumPy leaves operators to the tensor instead of reading its elements.
    __array_ufunc__ = None

    def __array__(self, dtype=None, copy=None):
        import numpy

        from ._arrays import _numpy_type

        made = numpy.array(self._read().data).reshape(self.shape).astype(_numpy_type(self.dtype) or numpy.float32)
        return made if dtype is None else made.astype(dtype)

    def numpy(self):
        """The elements as of now, for debugging: a NumPy array. A compiled kernel has no such values."""
        return self.__array__()

    def tolist(self):
        """The elements as of now, for debugging: nested lists. A compiled kernel has no such values."""
        return self._read().nested()

    def __bool__(self):
        raise TypeError(
            "%s has no truth value while the kernel is traced: its elements exist only when it runs. "
            "Compare with None, or compute a mask with nl.equal and nl.where" % (self._label(),)
        )

    def is_contiguous(self):
        """Whether the view covers storage densely in row-major order (on chip: inside each partition)."""
        expect = 1
        for d in range(len(self.shape) - 1, 0 if self._b.row else -1, -1):
            if self.shape[d] != 1 and self.strides[d] != expect:
                return False
            expect *= self.shape[d]
        return True

    def get_pattern(self):
        """``[[stride, count], ...]`` of every dimension, as :meth:`ap` takes it."""
        return [[s, n] for s, n in zip(self.strides, self.shape)]

    def is_indirect(self):
        """Whether the view is addressed at run time."""
        return self._x is not None

    # ---- views

    def _view(self, shape, strides, offset, x=None, base=None):
        v = _new(NkiTensor)
        v._b = base or self._b
        v.shape = shape
        v.strides = strides
        v.offset = offset
        v._x = x
        v._w = None
        return v

    def __getitem__(self, key):
        if key.__class__ is not tuple:
            key = (key,)
        sizes = self.shape
        # The common case, kept fast: a plain slice or integer for every dimension of a direct view.
        if len(key) == len(sizes) and self._x is None:
            base = self._b
            row = base.row
            offset = self.offset
            shape = []
            strides = []
            for k, n, s in zip(key, sizes, self.strides):
                if k.__class__ is slice:
                    a = k.start
                    b = k.stop
                    if a is None:
                        a = 0
                    if b is None:
                        b = n
                    if k.step is None and a.__class__ is int and b.__class__ is int and 0 <= a < b <= n:
                        offset += a * s
                        shape.append(b - a)
                        strides.append(s)
                        continue
                elif k.__class__ is int and 0 <= k < n:
                    offset += k * s
                    if row and not shape:
                        shape.append(1)
                        strides.append(s)
                    continue
                return _views.index(self, key)
            if len(shape) > 1 or (shape and not row):
                v = _new(NkiTensor)
                v._b = base
                v.shape = tuple(shape)
                v.strides = tuple(strides)
                v.offset = offset
                v._x = v._w = None
                return v
        return _views.index(self, key)

    def __setitem__(self, key, value):
        from . import _assign

        _assign.assign(self[key], value)

    def slice(self, dim, start, end, step=1):
        """Elements ``start`` to ``end`` (exclusive) of one dimension, every ``step``-th."""
        dim = _views.dimension(self, dim)
        key = [slice(None)] * self.ndim
        key[dim] = slice(start, end, step)
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= self.shape[dim] or step < 1:
            raise NkiBoundsError(
                "slice(%s, %s, %s, %s) of %s: needs 0 <= start < end <= %d and step >= 1"
                % (dim, start, end, step, _views.describe(self), self.shape[dim]),
                "slice",
            )
        return _views.index(self, tuple(key))

    def select(self, dim, index):
        """One element of a dimension, which goes away; ``index`` is an integer, or a register or (1, 1) tile read at run time."""
        return _views.select(self, dim, index)

    def vector_select(self, dim, vector_offset):
        """Row ``vector_offset[p]`` for every partition p; HBM tensors, dimension 0."""
        return _views.vector_select(self, dim, vector_offset)

    def permute(self, dims):
        """The same elements with the dimensions in another order; on chip the first stays."""
        return _views.permute(self, dims)

    def broadcast(self, dim, size):
        """Repeats a dimension of size 1 (stride 0)."""
        return _views.broadcast(self, dim, size)

    def expand_dim(self, dim):
        """Adds a dimension of size 1 before ``dim``."""
        return _views.expand_dim(self, dim)

    def squeeze_dim(self, dim):
        """Drops a dimension of size 1."""
        return _views.squeeze_dim(self, dim)

    def reshape_dim(self, dim, shape):
        """Splits one dimension; one entry of ``shape`` may be -1."""
        return _views.reshape_dim(self, dim, shape)

    def flatten_dims(self, start_dim, end_dim):
        """Merges dimensions ``start_dim`` to ``end_dim``, inclusive, that lie densely in memory."""
        return _views.flatten_dims(self, start_dim, end_dim)

    def reshape(self, *shape):
        """The same elements in another shape, without a copy; on chip the partition dimension stays."""
        if len(shape) == 1 and not isinstance(shape[0], int):
            shape = shape[0]
        return _views.reshape(self, shape)

    def rearrange(self, src_pattern, dst_pattern, fixed_sizes=None):
        """Splits, reorders and merges dimensions by name."""
        return _views.rearrange(self, src_pattern, dst_pattern, fixed_sizes or {})

    def ap(self, pattern, offset=None, scalar_offset=None, vector_offset=None, indirect_dim=0, dtype=None):
        """An explicit access pattern over the storage; ``offset`` counts from the view's own offset."""
        return _views.ap(self, pattern, offset, scalar_offset, vector_offset, indirect_dim, dtype)

    def view(self, dtype):
        """The same bytes as another type; the last dimension scales with the element size."""
        return _views.reinterpret(self, dtype)

    reinterpret_cast = view

    def indirect(self, index, num_elem=None):
        """Columns picked by per-partition offsets (tensor indirection, NeuronCore-v4)."""
        return _views.indirect(self, index, num_elem)

    # ---- words

    def _encode(self):
        """The words of this view as an operand. A view used twice keeps them."""
        b = self._b
        trace = b.trace
        if trace is None or not trace.open:
            raise RuntimeError("%s belongs to another kernel call; tensors live as long as the call that made them" % b.describe())
        shape = self.shape
        strides = self.strides
        x = self._x
        row = b.row
        if row:
            partition, offset = divmod(self.offset, row)
            if not 0 <= partition < 128:
                raise NkiBoundsError("%s: offset %d is partition %d, there are 128" % (b.describe(), self.offset, partition), "partition offset")
            first = strides[0]
            if first == row or shape[0] == 1:
                first = 1
            elif first:
                first, rest = divmod(first, row)
                if rest:
                    raise NkiBoundsError(
                        "%s: the first stride is %d; on chip it steps over partitions of %d elements" % (b.describe(), strides[0], row),
                        "partition stride",
                    )
            if len(shape) == 2:
                w = (b.tag | 32, b.id, partition, offset, first, shape[0], strides[1], shape[1])
            elif len(shape) == 3:
                w = (b.tag | 48, b.id, partition, offset, first, shape[0], strides[1], shape[1], strides[2], shape[2])
            else:
                words = [b.tag | len(shape) << 4, b.id, partition, offset, first, shape[0]]
                for s, n in zip(strides[1:], shape[1:]):
                    words += (s, n)
                w = tuple(words)
        else:
            offset = self.offset
            if offset < 0:
                raise NkiBoundsError("%s: offset %d lies before the tensor" % (b.describe(), offset), "offset")
            if len(shape) == 2:
                w = (b.tag | 32, b.id, offset >> 31 << 8, offset & 0x7FFFFFFF, strides[0], shape[0], strides[1], shape[1])
            else:
                words = [b.tag | len(shape) << 4, b.id, offset >> 31 << 8, offset & 0x7FFFFFFF]
                for s, n in zip(strides, shape):
                    words += (s, n)
                w = tuple(words)
        if len(shape) > 8:
            raise ValueError("%s has %d dimensions, a view has at most 8; merge some with flatten_dims" % (_views.describe(self), len(shape)))
        if x is not None:
            kind, stride, limit, index, _ = x
            if index.__class__ is NkiTensor:
                index = index._w or index._encode()
            else:
                index = (index.number,)
            w = (w[0] | kind << 16,) + w[1:] + (stride, limit) + index
        if self._w is None:
            self._w = ()
        else:
            self._w = w
            trace.kept.append(self)
        return w


_new = NkiTensor.__new__
