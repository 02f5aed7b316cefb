"""Launch grids: ``kernel[4, 2]`` runs eight instances on one core; ``nl.nc(2)`` spreads a dimension over two physical cores."""


class Dim:
    """One dimension of a launch grid: factors from outer to inner, one of them maybe physical cores."""

    __slots__ = ("factors",)

    def __init__(self, factors):
        self.factors = tuple(factors)

    @property
    def size(self):
        n = 1
        for f, _ in self.factors:
            n *= f
        return n

    @property
    def cores(self):
        n = 1
        for f, physical in self.factors:
            if physical:
                n *= f
        return n

    def core_of(self, i):
        """The physical core of position ``i``."""
        core = 0
        for f, physical in reversed(self.factors):
            i, digit = divmod(i, f)
            if physical:
                core = digit
        return core

    def __mul__(self, other):
        return Dim(self.factors + _factors(other))

    def __rmul__(self, other):
        return Dim(_factors(other) + self.factors)

    def __repr__(self):
        return " * ".join("nc(%d)" % f if physical else str(f) for f, physical in self.factors)


def _factors(x):
    # Older kernels are also launched as kernel[0]: one instance.
    return x.factors if isinstance(x, Dim) else ((max(1, int(x)), False),)


def nc(n):
    """A dimension of physical cores."""
    return Dim(((int(n), True),))


def spmd_dim(*parts):
    """A dimension made of an outer and an inner part."""
    return Dim(sum((_factors(p) for p in parts), ()))


def dim_of(x):
    """A grid entry as a Dim."""
    return x if isinstance(x, Dim) else Dim(_factors(x))
