"""``neuronxcc.nki.language`` (NKI 2.21 to 2.26) over the instruction records of :mod:`nki`."""
from nki._target import current_target as _target
from nki import _isa_generated as _isa

from .._dtypes import dtype_of as _dtype_of, scalar_type as _scalar_type
from .._index import arange, mgrid  # noqa: F401
from .._matmul import matmul  # noqa: F401
from ..typing import Tensor  # noqa: F401
from . import _elementwise as _ew, _reduction as _red
from ._creation import (  # noqa: F401
    empty_like,
    full,
    ndarray,
    ones,
    par_dim,
    shared_constant,
    shared_identity_matrix,
    zeros,
    zeros_like,
)
from ._launch import nc, spmd_dim  # noqa: F401
from ._loops import (  # noqa: F401
    affine_range,
    ds,
    loop_reduce,
    num_programs,
    program_id,
    program_ndim,
    sequential_range,
    static_range,
)
from ._movement import broadcast_to, copy, expand_dims, gather_flattened, load, load_transpose2d, store  # noqa: F401
from ._random import rand, random_seed  # noqa: F401
from ._reduction import every as all, mean, rms_norm, softmax, var  # noqa: F401
from ._special import all_reduce, atomic_rmw, device_print, finfo, gemm_grid, gemm_stationary_grid, static_cast, transpose  # noqa: F401
from ._random import dropout as _dropout

for _name in "bool_ int8 int16 int32 uint8 uint16 uint32 float16 float32 bfloat16 float8_e4m3 float8_e5m2 tfloat32".split():
    globals()[_name] = _scalar_type(_name)

sbuf = "sbuf"
psum = "psum"
hbm = "private_hbm"
private_hbm = "private_hbm"
shared_hbm = "shared_hbm"
dslice = ds


class fp32:
    """Constants of float32."""

    min = -3.4028234663852886e38
    max = 3.4028234663852886e38


class bfp16:
    """Constants of bfloat16, as older kernels name them: minus infinity."""

    min = float("-inf")


class _TileSize:
    """Limits of the current target's tiles."""

    def __getattr__(self, name):
        target = _isa.TARGETS[_target()]
        names = {
            "psum_fmax": "psum_bank_fmax",
            "bn_stats_fmax": "gemm_moving_fmax",
            "total_available_sbuf_size": "sbuf_fmax_bytes",
        }
        try:
            return target[names.get(name, name)]
        except KeyError:
            raise AttributeError("nl.tile_size has no %s; it has pmax, psum_fmax, gemm_stationary_fmax, gemm_moving_fmax" % name) from None


tile_size = _TileSize()


def _unary(name):
    def function(x, *, dtype=None, mask=None, **kwargs):
        return _ew.unary(name, x, dtype, mask)

    function.__name__ = name
    function.__doc__ = "%s of every element, on ScalarE." % name
    return function


def _binary(name):
    def function(x, y, *, dtype=None, mask=None, **kwargs):
        return _ew.binary(name, x, y, dtype, mask)

    function.__name__ = name
    function.__doc__ = "%s of two tiles, or of a tile and a number, element by element." % name
    return function


def _reducer(name, op):
    def function(x, axis, *, dtype=None, mask=None, keepdims=False, **kwargs):
        return _red.reduce(op, x, axis, dtype, mask, keepdims=keepdims)

    function.__name__ = name
    function.__doc__ = "%s along free dimensions, on VectorE." % name
    return function


for _name in _ew.ACTIVATIONS:
    globals()[_name] = _unary(_name)
for _name in _ew.BINARY:
    globals()[_name] = _binary(_name)
for _name, _op in (("sum", "add"), ("max", "maximum"), ("min", "minimum"), ("prod", "multiply")):
    globals()[_name] = _reducer(_name, _op)


def divide(x, y, *, dtype=None, mask=None, **kwargs):
    """x / y by the reciprocal."""
    return _ew.binary("divide", x, y, dtype, mask)


def reciprocal(x, *, dtype=None, mask=None, **kwargs):
    """1 / x on VectorE."""
    return _ew.reciprocal(x, dtype, mask)


def negative(x, *, dtype=None, mask=None, **kwargs):
    """-x."""
    return _ew.scaled(x, -1.0, dtype, mask)


def logical_not(x, *, dtype=bool, mask=None, **kwargs):
    """1 where x is 0."""
    return _ew.binary("equal", x, 0.0, dtype, mask)


def invert(x, *, dtype=None, mask=None, **kwargs):
    """Every bit turned over."""
    return _ew.binary("bitwise_xor", x, -1, dtype or x.type_name, mask)


def floor(x, *, dtype=None, mask=None, **kwargs):
    """The largest integer not above x."""
    return _ew.rounded("floor", x, dtype, mask)


def ceil(x, *, dtype=None, mask=None, **kwargs):
    """The smallest integer not below x."""
    return _ew.rounded("ceil", x, dtype, mask)


def trunc(x, *, dtype=None, mask=None, **kwargs):
    """x without its fraction."""
    return _ew.rounded("trunc", x, dtype, mask)


def mod(x, y, dtype=None, mask=None, **kwargs):
    """x - y * floor(x / y)."""
    return _ew.modulo("mod", x, y, dtype, mask)


def fmod(x, y, dtype=None, mask=None, **kwargs):
    """x - y * trunc(x / y)."""
    return _ew.modulo("fmod", x, y, dtype, mask)


def cos(x, *, dtype=None, mask=None, **kwargs):
    """No instruction of this chip: refused."""
    return _ew.trigonometric("cos", x, dtype, mask)


def tan(x, *, dtype=None, mask=None, **kwargs):
    """No instruction of this chip: refused."""
    return _ew.trigonometric("tan", x, dtype, mask)


def where(condition, x, y, *, dtype=None, mask=None, **kwargs):
    """x where the condition holds, else y."""
    return _ew.where(condition, x, y, dtype, mask)


def dropout(x, rate, *, dtype=None, mask=None, **kwargs):
    """x with elements zeroed at the given rate."""
    return _dropout(x, rate, dtype=dtype, mask=mask)


del _name, _op
