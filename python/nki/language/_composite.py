"""Functions of several instructions: softmax, normalisation, matrix products, broadcasts, gathers, random numbers."""
from .. import _isa_generated as isa
from .._dtypes import dtype_of
from .._errors import NkiUnsupportedError, NkiValidationError
from .._ops import OPS
from .._target import current_target
from .._tensor import MemoryRegion
from ._arithmetic import _in_sbuf, binary, broadcast
from ._create import ndarray
from ._move import new_tile, tensor
from ._reduce import axes_of, count_of, kept_shape, reduced

__all__ = ["broadcast_to", "dropout", "expand_dims", "gather_flattened", "matmul", "rand", "random_seed", "rms_norm", "softmax", "transpose"]


def instruction(name):
    """An instruction that not every release of the engine has."""
    found = getattr(isa, name, None)
    if found is None:
        raise NkiUnsupportedError("this needs nki.isa.%s, which this version does not have yet" % name, name)
    return found


def softmax(x, axis=-1, dtype=None):
    """exp(x - max) / sum along the last dimensions."""
    dims = axes_of(tensor(x, "nl.softmax"), axis, "softmax")
    made = new_tile(x.shape, dtype_of(dtype) if dtype else x.dtype)
    lowest, _ = reduced("maximum", x, dims, "float32", "softmax", negate=True)
    powers = new_tile(x.shape, "float32")
    if dims[0] == 1:
        total = new_tile(lowest.shape, "float32")
        isa.activation_reduce(powers, OPS["exp"], x, OPS["add"], total, bias=lowest)
        isa.reciprocal(total, total)
        isa.tensor_scalar(made, powers, OPS["multiply"], total)
        return made
    isa.tensor_tensor(powers, x, broadcast(lowest, x.shape, "softmax"), OPS["add"])
    isa.activation(powers, OPS["exp"], powers)
    total, _ = reduced("add", powers, dims, "float32", "softmax")
    isa.reciprocal(total, total)
    isa.tensor_tensor(made, powers, broadcast(total, x.shape, "softmax"), OPS["multiply"])
    return made


def rms_norm(x, w, axis, n, epsilon=1e-06, dtype=None, compute_dtype=None):
    """x / sqrt(sum(x * x) / n + epsilon) * w."""
    dims = axes_of(tensor(x, "nl.rms_norm"), axis, "rms_norm")
    kind = dtype_of(compute_dtype) if compute_dtype else "float32"
    squares = new_tile(x.shape, kind)
    if dims[0] == 1:
        total = new_tile(kept_shape(x, dims), "float32")
        isa.activation_reduce(squares, OPS["square"], x, OPS["add"], total)
    else:
        isa.activation(squares, OPS["square"], x)
        total, _ = reduced("add", squares, dims, "float32", "rms_norm")
    isa.tensor_scalar(total, total, OPS["multiply"], 1.0 / n, op1=OPS["add"], operand1=epsilon)
    isa.tensor_scalar(total, total, OPS["rsqrt"])
    scaled = binary(OPS["multiply"], x, total, kind)
    return binary(OPS["multiply"], scaled, w, dtype or x.dtype)


def transpose(x, dtype=None):
    """A 2-D tile with partitions and elements exchanged, in PSUM."""
    if len(tensor(x, "nl.transpose").shape) != 2:
        raise NkiValidationError("nl.transpose takes a 2-D tile, not %s; flatten its free dimensions" % (x.shape,), "transpose")
    made = new_tile(x.shape[::-1], x.dtype, MemoryRegion.psum)
    isa.nc_transpose(made, _in_sbuf(x))
    if dtype is None or dtype_of(dtype) == x.dtype:
        return made
    cast = new_tile(made.shape, dtype_of(dtype))
    isa.tensor_copy(cast, made)
    return cast


def matmul(x, y, transpose_x=False):
    """x @ y, or x.T @ y when x comes transposed; float32 in PSUM."""
    tensor(y, "nl.matmul: y")
    left = _in_sbuf(tensor(x, "nl.matmul: x"))
    if not transpose_x:
        left = _in_sbuf(transpose(left))
    made = new_tile((left.shape[1], y.shape[1]), "float32", MemoryRegion.psum)
    isa.nc_matmul(made, left, _in_sbuf(y), accumulate=False)
    return made


def expand_dims(x, axis):
    """A view with a dimension of size 1 at ``axis``."""
    return tensor(x, "nl.expand_dims").expand_dim(axis)


def broadcast_to(x, shape, dtype=None):
    """A tile whose dimensions of size 1 repeat up to ``shape``; one partition is copied to all of them by DMA."""
    shape = tuple(shape)
    kind = dtype_of(dtype) if dtype else tensor(x, "nl.broadcast_to").dtype
    if x.shape == shape and kind == x.dtype:
        return x
    if len(x.shape) == len(shape) and x.shape[0] == 1 and shape[0] > 1:
        x = _in_sbuf(x)
        source = broadcast(x, (1,) + shape[1:], "broadcast_to")
        made = new_tile(shape, x.dtype)
        isa.dma_copy(made, source._view(shape, (0,) + source.strides[1:], source.offset))
        if kind == x.dtype:
            return made
        x = made
    made = new_tile(shape, kind)
    isa.tensor_copy(made, broadcast(x, shape, "broadcast_to"))
    return made


def gather_flattened(data, indices, axis=0, dtype=None):
    """Elements of every partition picked by the partition's own indices."""
    made = new_tile(tensor(indices, "nl.gather_flattened: indices").shape, dtype_of(dtype) if dtype else data.dtype)
    instruction("nc_n_gather")(made, data, indices)
    return made


def dropout(x, rate, dtype=None):
    """x with elements zeroed at random."""
    made = new_tile(tensor(x, "nl.dropout").shape, dtype_of(dtype) if dtype else x.dtype)
    instruction("dropout")(made, x, rate)
    return made


def random_seed(seed):
    """Seeds the random numbers of VectorE from a one-element tile."""
    instruction("set_rng_seed")(tensor(seed, "nl.random_seed: seed"))


def rand(shape, dtype, buffer=MemoryRegion.sbuf, name=""):
    """Uniform numbers in [0, 1): rand2 on NeuronCore-v4, else random bits scaled down."""
    made = ndarray(shape, dtype, buffer, name)
    if isa.TARGETS[current_target()]["generation"] >= 4:
        instruction("rand2")(made, 0.0, 1.0)
        return made
    bits = new_tile(made.shape, "uint32")
    instruction("rng")(bits)
    # 24 bits are exact in fp32, so that the largest number stays below 1.
    isa.tensor_scalar(bits, bits, OPS["right_shift"], 8)
    isa.tensor_scalar(made, bits, OPS["multiply"], 2.0**-24)
    return made
