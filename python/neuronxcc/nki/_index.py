"""
Index expressions: what ``nl.arange`` and ``nl.mgrid`` make and arithmetic keeps affine. An :class:`Index` is
``const + sum(coef[d] * i[d])`` over a box of ``shape``; a comparison of two gives a :class:`Mask`, a conjunction of such sums
that must be <= 0 (NKI programming model 2.26, "Advanced Tensor Indexing", "NKI API Masking").
"""
from math import ceil, floor
from operator import index as _integer

from nki._errors import NkiUnsupportedError, NkiValidationError


def _whole(value):
    """A Python int for an integral number, else None."""
    try:
        return _integer(value)
    except TypeError:
        pass
    return int(value) if isinstance(value, float) and value == int(value) else None


def broadcast_shapes(*shapes):
    """NumPy's rule for a common shape; ValueError when there is none."""
    rank = max(map(len, shapes), default=0)
    out = [1] * rank
    for shape in shapes:
        for d, n in enumerate(shape, rank - len(shape)):
            if n != 1:
                if out[d] not in (1, n):
                    raise ValueError("shapes %s do not broadcast" % " and ".join(map(str, shapes)))
                out[d] = n
    return tuple(out)


def _wide(items, rank):
    return (0,) * (rank - len(items)) + tuple(items)


class Index:
    """An affine expression over the positions of a box."""

    __slots__ = ("shape", "coef", "const")
    #: NumPy scalars on the left hand leave the operation to us.
    __array_ufunc__ = None

    def __init__(self, shape, coef, const=0):
        self.shape = tuple(shape)
        self.coef = tuple(coef)
        self.const = const

    def __repr__(self):
        terms = ["%s*i%d" % (c, d) if c != 1 else "i%d" % d for d, c in enumerate(self.coef) if c]
        if self.const or not terms:
            terms.append(str(self.const))
        return "Index(%s over %s)" % (" + ".join(terms), list(self.shape))

    @property
    def ndim(self):
        return len(self.shape)

    def __getitem__(self, key):
        """Only new axes and full slices: ``i[:, None]``."""
        key = key if isinstance(key, tuple) else (key,)
        shape, coef, at = [], [], 0
        for k in key:
            if k is None:
                shape.append(1)
                coef.append(0)
            elif k == slice(None) and at < len(self.shape):
                shape.append(self.shape[at])
                coef.append(self.coef[at])
                at += 1
            else:
                raise TypeError("an index expression takes only : and None, not %r; slice its bounds instead" % (k,))
        return Index(tuple(shape) + self.shape[at:], tuple(coef) + self.coef[at:], self.const)

    def bounds(self):
        """Smallest and largest value."""
        lo = hi = self.const
        for n, c in zip(self.shape, self.coef):
            if c > 0:
                hi += c * (n - 1)
            else:
                lo += c * (n - 1)
        return lo, hi

    # ---- arithmetic

    def _add(self, other, sign):
        if isinstance(other, Index):
            shape = broadcast_shapes(self.shape, other.shape)
            rank = len(shape)
            coef = tuple(a + sign * b for a, b in zip(_wide(self.coef, rank), _wide(other.coef, rank)))
            return Index(shape, coef, self.const + sign * other.const)
        whole = _whole(other)
        if whole is None:
            return NotImplemented
        return Index(self.shape, self.coef, self.const + sign * whole)

    def __add__(self, other):
        return self._add(other, 1)

    __radd__ = __add__

    def __sub__(self, other):
        return self._add(other, -1)

    def __rsub__(self, other):
        return (-self)._add(other, 1)

    def __neg__(self):
        return self * -1

    def __mul__(self, other):
        if isinstance(other, Index):
            if not any(other.coef):
                return self * other.const
            if not any(self.coef):
                return other * self.const
            raise _not_affine("a product of two index expressions")
        whole = _whole(other)
        if whole is None:
            return NotImplemented
        return Index(self.shape, tuple(c * whole for c in self.coef), self.const * whole)

    __rmul__ = __mul__

    def __floordiv__(self, other):
        n = _whole(other)
        if n is None or n == 0:
            return NotImplemented
        if all(c % n == 0 for c in self.coef):
            return Index(self.shape, tuple(c // n for c in self.coef), self.const // n)
        lo, hi = self.bounds()
        if lo // n == hi // n:
            return Index(self.shape, (0,) * len(self.shape), lo // n)
        raise _not_affine("%r // %d" % (self, n))

    def __mod__(self, other):
        n = _whole(other)
        if n is None or n == 0:
            return NotImplemented
        if all(c % n == 0 for c in self.coef):
            return Index(self.shape, (0,) * len(self.shape), self.const % n)
        lo, hi = self.bounds()
        if lo // n == hi // n:
            return self - lo // n * n
        raise _not_affine("%r %% %d" % (self, n))

    # ---- comparisons

    def _compare(self, other, sense):
        if not isinstance(other, Index):
            limit = _whole(other)
            if limit is None:
                try:
                    if sense == "==" and other == other + 0:
                        return Mask((Index((), (), 1),))
                    limit = (floor if sense in ("<=", ">") else ceil)(float(other))
                except (TypeError, ValueError):
                    return NotImplemented
            other = Index((), (), limit)
        d = self - other
        if sense == "<=":
            return Mask((d,))
        if sense == "<":
            return Mask((d + 1,))
        if sense == ">=":
            return Mask((-d,))
        if sense == ">":
            return Mask((1 - d,))
        return Mask((d, -d))

    def __lt__(self, other):
        return self._compare(other, "<")

    def __le__(self, other):
        return self._compare(other, "<=")

    def __gt__(self, other):
        return self._compare(other, ">")

    def __ge__(self, other):
        return self._compare(other, ">=")

    def __eq__(self, other):
        return self._compare(other, "==")

    __hash__ = None

    def __bool__(self):
        raise _no_truth("an index expression")


def _not_affine(what):
    return NkiUnsupportedError(
        "%s is not affine; hardware access patterns are sums of index * constant. Use more index dimensions (nl.mgrid) or a loop" % what,
        "index affine",
    )


def _no_truth(what):
    return NkiValidationError(
        "%s has no single truth value; combine masks with &, and branch on loop variables or shapes" % what, "index truth"
    )


class Mask:
    """Positions where every term (an :class:`Index`) is <= 0."""

    __slots__ = ("terms",)
    __array_ufunc__ = None

    def __init__(self, terms):
        self.terms = tuple(terms)

    def __repr__(self):
        return "Mask(%s)" % " & ".join("%r <= 0" % (t,) for t in self.terms)

    @property
    def shape(self):
        return broadcast_shapes(*(t.shape for t in self.terms))

    def __and__(self, other):
        if isinstance(other, Mask):
            return Mask(self.terms + other.terms)
        if _is_flag(other):
            return self if other else False
        return NotImplemented

    __rand__ = __and__

    def __or__(self, other):
        if _is_flag(other):
            return True if other else self
        if isinstance(other, Mask):
            for a, b in ((self, other), (other, self)):
                verdict = a.verdict()
                if verdict is not None:
                    return True if verdict else b
            raise NkiUnsupportedError("masks combine with & only; | of two masks is no box of positions", "mask or")
        return NotImplemented

    __ror__ = __or__

    def __invert__(self):
        if len(self.terms) == 1:
            return Mask((1 - self.terms[0],))
        raise NkiUnsupportedError("~ works on one comparison; negate the parts of a combined mask yourself", "mask not")

    def verdict(self):
        """True or False where the mask is that everywhere, else None."""
        always = True
        for t in self.terms:
            lo, hi = t.bounds()
            if lo > 0:
                return False
            if hi > 0:
                always = False
        return True if always else None

    def __bool__(self):
        verdict = self.verdict()
        if verdict is None:
            raise _no_truth("a mask")
        return verdict


def _is_flag(x):
    return isinstance(x, bool) or type(x).__name__ in ("bool_", "bool")


def arange(*args):
    """``arange(stop)`` or ``arange(start, stop)``: the positions from start to stop; index it with None to place it."""
    start, stop = (0, args[0]) if len(args) == 1 else args
    start, stop = _integer(start), _integer(stop)
    if stop <= start:
        raise NkiValidationError("arange(%d, %d) is empty; an index covers at least one position" % (start, stop), "arange")
    return Index((stop - start,), (1,), start)


class Grid(tuple):
    """What ``nl.mgrid[...]`` gives: one index a dimension, also by name."""

    __slots__ = ()
    p = property(lambda self: self[0])
    x = property(lambda self: self[1])
    y = property(lambda self: self[2])
    z = property(lambda self: self[3])
    w = property(lambda self: self[4])


class _MGrid:
    """``nl.mgrid[0:128, 0:512]``: an index for every dimension of the box."""

    __slots__ = ()

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        parts = []
        for k in key:
            if not isinstance(k, slice):
                raise TypeError("nl.mgrid takes slices, not %r" % (k,))
            start, stop, step = (0 if k.start is None else _integer(k.start)), _integer(k.stop), (1 if k.step is None else _integer(k.step))
            n = (stop - start + step - 1) // step if step > 0 else 0
            if n < 1:
                raise NkiValidationError("mgrid[%d:%d:%d] is empty; an index covers at least one position" % (start, stop, step), "mgrid")
            parts.append((n, start, step))
        shape = tuple(n for n, _, _ in parts)
        return Grid(
            Index(shape, tuple(step if d == e else 0 for e in range(len(parts))), start)
            for d, (_, start, step) in enumerate(parts)
        )


mgrid = _MGrid()
