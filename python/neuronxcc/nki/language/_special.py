"""Functions that fit nowhere else: host casts, printing, atomic updates, what needs other instances of a launch."""
from nki import _isa_generated as _isa
from nki import isa as _core
from nki._errors import NkiUnsupportedError

from .._dtypes import dtype_of, public
from .._index import mgrid
from .._matmul import nc_transpose
from .._operands import Tile, alu, op_name
from .._state import current
from .._storage import fresh


def static_cast(input_data, dtype):
    """An array of the host, or a tile, in another type."""
    if isinstance(input_data, Tile):
        return input_data.astype(dtype)
    return input_data.astype(public(dtype_of(dtype)))


def finfo(dtype):
    """Limits of a floating-point type, as NumPy and ml_dtypes give them."""
    kind = public(dtype_of(dtype))
    try:
        import ml_dtypes

        return ml_dtypes.finfo(kind)
    except (ImportError, ValueError):
        import numpy

        return numpy.finfo(kind)


def transpose(x, *, dtype=None, mask=None, **kwargs):
    """x with partitions and free dimension exchanged."""
    return nc_transpose(x, dtype=dtype, mask=mask)


def device_print(prefix, x, *, mask=None, **kwargs):
    """Prints a tile's values when the kernel runs."""
    trace = current().trace
    view = x.read()
    number = trace.text(str(prefix))
    trace.words += (_isa.PRINT, number, *(view._w or view._encode()))


def atomic_rmw(dst, value, op, *, mask=None, **kwargs):
    """dst = dst + value for rows picked by a tile: gathered, added, scattered. Rows must differ from each other."""
    accumulate(dst, value, op)


def accumulate(dst, value, op):
    """Read-modify-write of HBM through SBUF."""
    if op_name(op) != "add":
        raise NkiUnsupportedError("a read-modify-write of HBM adds; %s is not supported" % op_name(op), "rmw op")
    target = dst.write()
    held = fresh(target.shape, target.dtype)
    _core.dma_copy(held, target)
    source = value.read() if isinstance(value, Tile) else None
    if source is None:
        _core.tensor_scalar(held, held, alu("add"), float(value))
    else:
        _core.tensor_tensor(held, held, source, alu("add"))
    _core.dma_copy(target, held)


def all_reduce(x, op, program_axes, *, dtype=None, mask=None, parallel_reduce=True, asynchronous=False, **kwargs):
    """Refused: instances of a launch run one after another, none sees the others' tiles."""
    raise NkiUnsupportedError(
        "nl.all_reduce over instances of a launch is not simulated; reduce in a second kernel, or in one instance", "all_reduce"
    )


def gemm_grid():
    """The index grid of a moving operand: [128, 512]."""
    return mgrid[0:128, 0:512]


def gemm_stationary_grid():
    """The index grid of a stationary operand: [128, 128]."""
    return mgrid[0:128, 0:128]
