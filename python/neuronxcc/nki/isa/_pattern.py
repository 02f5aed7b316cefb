"""Instructions that take index expressions: iota and affine_select."""
from nki import isa as _core
from nki._errors import NkiUnsupportedError
from nki._ops import OPS

from .._clip import boxes
from .._dtypes import dtype_of
from .._index import Index, Mask
from .._operands import number, on_chip, packed
from .._select import cut
from .._storage import fresh, shaped
from .._tile import Pending


def _affine(expr, shape, box):
    """Offset, step between partitions and ``[step, count]`` pairs of an expression over a box of ``shape``."""
    coef = (0,) * (len(shape) - len(expr.coef)) + expr.coef
    offset = expr.const + sum(c * lo for c, (lo, _) in zip(coef, box))
    pairs = []
    for c, (lo, hi) in zip(coef[1:], box[1:]):
        n = hi - lo
        if n == 1:
            continue
        if pairs and pairs[-1][0] == c * n:
            pairs[-1] = [c, pairs[-1][1] * n]
        else:
            pairs.append([c, n])
    return offset, coef[0], pairs or [[1, 1]]


def iota(expr, dtype, *, mask=None, **kwargs):
    """The values of an index expression, on GpSimd."""
    if not isinstance(expr, Index):
        raise TypeError("nisa.iota takes an index expression of nl.arange or nl.mgrid, not %r" % (expr,))
    kind = dtype_of(dtype)
    shape = expr.shape if len(expr.shape) > 1 else expr.shape + (1,)
    expr = expr if len(expr.shape) > 1 else expr[:, None]

    def emit(dst):
        for box in boxes(mask, shape):
            offset, step, pairs = _affine(expr, shape, box)
            _core.iota(packed(cut(shaped(dst, shape), box)), pairs, offset, step)

    return Pending(shape, kind, emit, spaces=("sbuf",))


def affine_select(pred, on_true_tile, on_false_value, *, mask=None, dtype=None, **kwargs):
    """on_true_tile where the comparison of index expressions holds, else a number; on GpSimd."""
    view = on_chip(on_true_tile, "on_true_tile").read()
    kind = view.dtype if dtype is None else dtype_of(dtype)
    shape = view.shape
    if not isinstance(pred, Mask):
        if not isinstance(pred, bool):
            raise TypeError("affine_select: pred is %r; compare index expressions, such as i_f <= i_p" % (pred,))
        pred = Mask((Index((), (), 0 if pred else 1),))
    if len(pred.terms) != 1:
        equal = len(pred.terms) == 2 and pred.terms[0].coef == tuple(-c for c in pred.terms[1].coef)
        if not (equal and pred.terms[0].const == -pred.terms[1].const):
            raise NkiUnsupportedError("affine_select takes one comparison; for several use nl.where, or select twice", "affine_select pred")
    compare = OPS["less_equal"] if len(pred.terms) == 1 else OPS["equal"]
    term = pred.terms[0]
    if len(term.coef) > len(shape):
        raise NkiUnsupportedError("affine_select: pred has %d dimensions, the tile has %d" % (len(term.coef), len(shape)), "affine_select pred")
    value = float(number(on_false_value))

    def emit(dst):
        # GpSimd does not reach PSUM: such a tile is copied out first.
        source = view
        if on_true_tile.space == "psum":
            source = fresh(shape, view.dtype)
            _core.tensor_copy(packed(source), packed(view))
        target = shaped(dst, shape)
        for box in boxes(mask, shape):
            offset, step, pairs = _affine(term, shape, box)
            _core.affine_select(packed(cut(target, box)), pairs, step, packed(cut(source, box)), value, compare, offset)

    return Pending(shape, kind, emit, spaces=("sbuf",), exact=kind == "float32")
