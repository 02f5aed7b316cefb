"""Moving tiles between memories."""
from .. import _isa_generated as isa
from .._dtypes import dtype_of
from .._errors import NkiValidationError
from .._tensor import MemoryRegion, NkiTensor
from .._trace import current
from .._views import DynamicSlice

__all__ = ["device_print", "ds", "load", "load_transpose2d", "store"]

ds = DynamicSlice


def new_tile(shape, dtype, buffer=MemoryRegion.sbuf):
    """An unnamed tile."""
    return current().storage(tuple(shape), dtype, buffer)


def tensor(x, what):
    """``x`` if it is a tensor, else a TypeError that names the argument."""
    if not isinstance(x, NkiTensor):
        raise TypeError("%s is %r; pass a tensor" % (what, x))
    return x


def load(src, dtype=None):
    """A new tile in SBUF with the elements of a tensor in HBM."""
    shape = tensor(src, "load: src").shape
    made = new_tile(shape if len(shape) > 1 else (1,) + shape, dtype_of(dtype) if dtype else src.dtype)
    isa.dma_copy(made, src)
    return made


def store(dst, value):
    """Writes a tile into a tensor in HBM."""
    tensor(dst, "store: dst")
    source = tensor(value, "store: value")
    if source.buffer is MemoryRegion.psum:
        made = new_tile(source.shape, dst.dtype)
        isa.tensor_copy(made, source)
        source = made
    isa.dma_copy(dst, source)


def load_transpose2d(src, dtype=None):
    """A new tile in SBUF with a 2-D tensor of HBM transposed."""
    if len(tensor(src, "load_transpose2d: src").shape) != 2:
        raise NkiValidationError("load_transpose2d takes a 2-D tensor, not %s" % (src.shape,), "load_transpose2d")
    made = new_tile(src.shape[::-1], src.dtype)
    isa.dma_transpose(made, src)
    if dtype is None or dtype_of(dtype) == src.dtype:
        return made
    cast = new_tile(made.shape, dtype_of(dtype))
    isa.tensor_copy(cast, made)
    return cast


def device_print(print_prefix, tensor):
    """Prints the tensor when the kernel runs."""
    trace = current()
    prefix = trace.text(str(print_prefix))
    from .._encode import scalar

    trace.words += (isa.PRINT, prefix, *scalar(tensor))
