"""
Masks as boxes: the positions a mask leaves of an iteration space, as ``[lo, hi)`` per dimension. A term over one dimension clips
that dimension; a term over several splits the space along the shortest of them until every piece is a box.
"""
from nki._errors import NkiUnsupportedError

#: A mask that takes more pieces than this is refused: each piece is an instruction.
MAX_BOXES = 4096


def _fit(term, rank, shape, mask):
    """Coefficients of a term per dimension of the iteration space."""
    coef = (0,) * (rank - len(term.coef)) + term.coef[max(0, len(term.coef) - rank) :]
    dropped = term.coef[: max(0, len(term.coef) - rank)]
    if any(dropped):
        raise NkiUnsupportedError("%r has more dimensions than the %d of the operand it masks (%s)" % (mask, rank, list(shape)), "mask rank")
    return coef


def boxes(mask, shape):
    """
    The boxes, as tuples of (lo, hi), that ``mask`` selects of an iteration space. ``mask`` is None, a truth value or a Mask.
    An empty list: nothing is selected.
    """
    whole = tuple((0, n) for n in shape)
    if mask is None or mask is True:
        return [whole]
    terms = getattr(mask, "terms", None)
    if terms is None:
        return [whole] if mask else []
    rank = len(shape)
    pairs = [(_fit(t, rank, shape, mask), t.const) for t in terms]
    out = []
    _split(pairs, whole, out, mask)
    return out


def _split(pairs, box, out, mask):
    box = list(box)
    several = []
    for coef, const in pairs:
        # Dimensions of one element are constants by now.
        used = [d for d, c in enumerate(coef) if c and box[d][1] - box[d][0] > 1]
        const = const + sum(c * box[d][0] for d, c in enumerate(coef) if c and d not in used)
        if not used:
            if const > 0:
                return
        elif len(used) == 1:
            d = used[0]
            lo, hi = box[d]
            c = coef[d]
            # c * i + const <= 0
            if c > 0:
                hi = min(hi, -const // c + 1)
            else:
                lo = max(lo, -(-const // -c))
            if lo >= hi:
                return
            box[d] = (lo, hi)
        else:
            several.append((coef, const, used))
    several = [s for s in several if _least(s[0], s[1], s[2], box) > 0 or _most(s[0], s[1], s[2], box) > 0]
    if any(_least(c, k, u, box) > 0 for c, k, u in several):
        return
    if not several:
        out.append(tuple(box))
        if len(out) > MAX_BOXES:
            raise NkiUnsupportedError("%r selects more than %d boxes of positions; mask one dimension at a time" % (mask, MAX_BOXES), "mask shape")
        return
    d = min(several[0][2], key=lambda e: box[e][1] - box[e][0])
    for i in range(*box[d]):
        piece = list(box)
        piece[d] = (i, i + 1)
        _split(pairs, piece, out, mask)


def _least(coef, const, used, box):
    return const + sum(coef[d] * (box[d][0] if coef[d] > 0 else box[d][1] - 1) for d in used)


def _most(coef, const, used, box):
    return const + sum(coef[d] * (box[d][1] - 1 if coef[d] > 0 else box[d][0]) for d in used)
