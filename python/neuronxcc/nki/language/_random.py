"""Random numbers. The generators are our own (docs/deviations.md); their state is the chip's, so a seed repeats a run."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError

from .._dtypes import dtype_of
from .._operands import Pending, Tile, result
from .._storage import fresh


def _need(name, what):
    if not hasattr(_core, name):
        raise NkiUnsupportedError("%s needs nisa.%s, which this engine does not have yet" % (what, name), name)


def rand(shape, dtype="float32", **kwargs):
    """Uniform numbers between 0 and 1: 24 random bits scaled on VectorE."""
    _need("rng", "nl.rand")
    from . import _elementwise as ew
    from .._operands import alu

    kind = dtype_of(dtype)
    shape = tuple(int(n) for n in shape)
    bits = fresh(shape, "uint32")
    _core.rng(bits)
    short = fresh(shape, "uint32")
    _core.tensor_scalar(short, bits, alu("right_shift"), 8)
    return ew.binary("multiply", Tile(short), 2.0**-24, kind)


def random_seed(seed, *, mask=None, **kwargs):
    """Seeds the generator of VectorE."""
    _need("set_rng_seed", "nl.random_seed")
    if not isinstance(seed, Tile):
        from ._creation import memset

        seed = Tile(memset((128, 1), int(seed), "uint32").read())
    view = seed.read()
    if view.shape[0] != 128:
        from .._operands import spread

        view = spread(seed, 128).read()
    if view.dtype != "uint32":
        view = view.view("uint32") if view._b.size == 4 else view
    _core.set_rng_seed(view)


def dropout(x, prob, *, dtype=None, mask=None, **kwargs):
    """x with elements zeroed at the probability ``prob``, a number or one value a partition."""
    _need("dropout", "nisa.dropout")
    view = x.read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    p = prob.read() if isinstance(prob, Tile) else float(prob)
    return result(x.shape, kind, lambda dst, a: _core.dropout(dst, a, p), mask, (view,))


__all__ = ["Pending", "dropout", "rand", "random_seed"]
