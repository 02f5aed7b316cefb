"""Reductions along the last free dimensions of a tile: ``tensor_reduce`` on VectorE, with further steps for mean and variance."""
from .. import _isa_generated as isa
from .._dtypes import dtype_of
from .._errors import NkiValidationError
from .._ops import OPS
from ._arithmetic import broadcast
from ._move import new_tile, tensor

__all__ = ["all", "max", "mean", "min", "prod", "sum", "var"]


def axes_of(x, axis, what):
    """The reduced dimensions, checked to be the last ones, in order."""
    rank = len(x.shape)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    dims = sorted({a + rank if a < 0 else a for a in given})
    if not dims or dims != list(range(rank - len(dims), rank)) or dims[0] == 0:
        raise NkiValidationError(
            "nl.%s: axis %s of a tile %s; axes are the last dimensions, and never the partition dimension (transpose first)" % (what, axis, x.shape),
            "%s axis" % what,
        )
    return tuple(dims)


def kept_shape(x, dims):
    """The shape with the reduced dimensions at 1."""
    return x.shape[: dims[0]] + (1,) * len(dims)


def count_of(x, dims):
    """Elements that one result covers."""
    n = 1
    for d in dims:
        n *= x.shape[d]
    return n


def _dropped(t, dims, keepdims):
    """The result without the reduced dimensions; a tile keeps at least one free dimension."""
    if keepdims:
        return t
    for d in reversed(dims):
        if len(t.shape) > 2:
            t = t.squeeze_dim(d)
    return t


def reduced(op, x, axis, dtype, what, negate=False):
    """The reduction with its dimensions kept."""
    dims = axes_of(tensor(x, "nl." + what), axis, what)
    made = new_tile(kept_shape(x, dims), dtype_of(dtype) if dtype else x.dtype)
    isa.tensor_reduce(made, OPS[op], x, dims, negate=negate, keepdims=True)
    return made, dims


def _reduction(name, op):
    def call(x, axis, dtype=None, keepdims=False):
        made, dims = reduced(op, x, axis, dtype, name)
        return _dropped(made, dims, keepdims)

    call.__name__ = name
    call.__doc__ = "%s along the last dimensions." % name
    return call


sum = _reduction("sum", "add")
max = _reduction("max", "maximum")
min = _reduction("min", "minimum")
prod = _reduction("prod", "multiply")


def all(x, axis, dtype=None):
    """1 where every element along the axes is not 0."""
    made, dims = reduced("logical_and", x, axis, dtype, "all")
    return _dropped(made, dims, False)


def mean(x, axis, dtype=None, keepdims=False):
    """The average, added up in float32."""
    total, dims = reduced("add", x, axis, "float32", "mean")
    made = new_tile(total.shape, dtype_of(dtype) if dtype else x.dtype)
    isa.tensor_scalar(made, total, OPS["multiply"], 1.0 / count_of(x, dims))
    return _dropped(made, dims, keepdims)


def var(x, axis, dtype=None, keepdims=False):
    """The population variance; reduced dimensions stay with size 1."""
    average = mean(x, axis, "float32", keepdims=True)
    dims = axes_of(x, axis, "var")
    apart = new_tile(x.shape, "float32")
    isa.tensor_tensor(apart, x, broadcast(average, x.shape, "var"), OPS["subtract"])
    isa.tensor_tensor(apart, apart, apart, OPS["multiply"])
    return mean(apart, dims, dtype or x.dtype, keepdims=True)
