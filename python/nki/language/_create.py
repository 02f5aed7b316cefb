"""New tensors."""
from operator import index as _integer

from .. import _isa_generated as isa
from .._dtypes import dtype_of
from .._errors import NkiValidationError
from .._tensor import MemoryRegion, NkiTensor, region_of
from .._trace import current

__all__ = ["empty_like", "full", "is_hbm", "is_on_chip", "is_psum", "is_sbuf", "ndarray", "ones", "shared_constant",
           "shared_identity_matrix", "zeros", "zeros_like"]

_SBUF = MemoryRegion.sbuf


def _sizes(shape):
    try:
        return tuple(_integer(n) for n in shape)
    except TypeError:
        if hasattr(shape, "__index__"):
            return (_integer(shape),)
        raise TypeError("a shape is a tuple of integers, not %r" % (shape,)) from None


def ndarray(shape, dtype, buffer=_SBUF, name="", address=None):
    """A new tensor, its contents undefined. ``address`` pins an on-chip tensor at (partition, byte in the partition)."""
    trace = current()
    shape = _sizes(shape)
    dtype = dtype_of(dtype)
    buffer = region_of(buffer)
    line = trace.here()
    pinned = None
    if address is not None:
        if buffer is not MemoryRegion.sbuf and buffer is not MemoryRegion.psum:
            raise NkiValidationError("ndarray: only tensors in sbuf and psum take an address", "ndarray address")
        pinned = tuple(_integer(a) for a in address)
        if len(pinned) != 2:
            raise NkiValidationError("ndarray: an address is (partition, byte offset), not %r" % (address,), "ndarray address")
    if buffer is MemoryRegion.shared_hbm and trace.cores > 1:
        return _shared(trace, shape, dtype, name, line)
    return trace.storage(shape, dtype, buffer, name or "", pinned=pinned, line=line)


def _shared(trace, shape, dtype, name, line):
    """The cores of a launch create the same tensors in shared HBM, in the same order: the second core finds the first one's."""
    if trace.core == 0:
        made = trace.storage(shape, dtype, MemoryRegion.shared_hbm, name or "", line=line)
        trace.shared.append(made)
        return made
    at = trace.shared_at
    trace.shared_at = at + 1
    known = trace.shared[at] if at < len(trace.shared) else None
    if known is None or known.shape != shape or known.dtype != dtype or known.name != (name or ""):
        raise NkiValidationError(
            "core %d creates shared_hbm tensor %d as %s%s, core 0 %s; every core of a launch must create the same tensors in the same order"
            % (trace.core, at, dtype, list(shape), "does not" if known is None else "as " + known._b.describe()),
            "shared_hbm",
        )
    return known._view(known.shape, known.strides, 0)


def full(shape, fill_value, dtype, buffer=_SBUF, name=""):
    """A new tensor that holds ``fill_value``."""
    made = ndarray(shape, dtype, buffer, name)
    fill(made, fill_value)
    return made


def fill(t, value):
    """Sets every element; HBM is filled from a row in SBUF."""
    if t._b.row:
        isa.memset(t, value)
        return
    trace = current()
    flat = t.reshape((t.size,))
    row = min(t.size, 2048)
    tile = trace.storage((1, row), t.dtype, _SBUF)
    isa.memset(tile, value)
    whole = t.size // row
    source = tile.expand_dim(1).broadcast(1, whole) if whole > 1 else tile
    isa.dma_copy(flat[: whole * row].reshape((1, whole, row) if whole > 1 else (1, row)), source)
    if t.size % row:
        isa.dma_copy(flat[whole * row :].reshape((1, t.size % row)), tile[:, : t.size % row])


def zeros(shape, dtype, buffer=_SBUF, name=""):
    """A new tensor of zeros."""
    return full(shape, 0, dtype, buffer, name)


def ones(shape, dtype, buffer=_SBUF, name=""):
    """A new tensor of ones."""
    return full(shape, 1, dtype, buffer, name)


def zeros_like(x, dtype=None, buffer=None, name=""):
    """Zeros in the shape, and unless given the type and buffer, of ``x``."""
    return zeros(x.shape, dtype or x.dtype, buffer or x.buffer, name)


def empty_like(x, dtype=None, buffer=None, name=""):
    """A new tensor in the shape, and unless given the type and buffer, of ``x``."""
    return ndarray(x.shape, dtype or x.dtype, buffer or x.buffer, name)


def shared_constant(constant):
    """A tensor in shared HBM that holds a NumPy array, or the array in a ``.npy`` file."""
    from .._arrays import read_npy, tensor_data

    shape, dtype, data = read_npy(constant) if isinstance(constant, str) else tensor_data(constant)
    return current().constant(shape, dtype, data)


def shared_identity_matrix(n, dtype="uint8", dst=None):
    """An n by n identity matrix in SBUF (or in ``dst``); identities of one type share their constant."""
    n = _integer(n)
    dtype = dtype_of(dtype) if dst is None else dst.dtype
    if dtype not in isa.ONES:
        raise NkiValidationError("shared_identity_matrix: %s has no 1" % dtype, "shared_identity_matrix")
    size = isa.DTYPE_BYTES[isa.DTYPES.index(dtype)]
    one = isa.ONES[dtype].to_bytes(size, "little")
    row = one + bytes(n * size)
    source = current().constant((n, n), dtype, (row * n)[: n * n * size], "identity")
    made = ndarray((n, n), dtype) if dst is None else dst
    isa.dma_copy(made, source)
    return made


def is_hbm(buffer):
    """Whether a buffer is in HBM."""
    return region_of(buffer) in (MemoryRegion.private_hbm, MemoryRegion.shared_hbm)


def is_psum(buffer):
    """Whether a buffer is PSUM."""
    return region_of(buffer) is MemoryRegion.psum


def is_sbuf(buffer):
    """Whether a buffer is SBUF."""
    return region_of(buffer) is MemoryRegion.sbuf


def is_on_chip(buffer):
    """Whether a buffer is SBUF or PSUM."""
    return is_sbuf(buffer) or is_psum(buffer)
