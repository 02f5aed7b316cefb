"""``neuronxcc.nki``'s entry points: jit and its modes, baremetal, benchmark, profile, simulate_kernel, trace. All run on the virtual chip."""
import functools
import re

from nki import _isa_generated as _isa
from nki._errors import NkiBoundsError, NkiInputError
from nki._kernel import Kernel as _Kernel

from ._adapter import adapted
from ._spill import retry
from .language._launch import dim_of

MODES = ("auto", "simulation", "trace", "baremetal", "benchmark", "jax", "torchxla", "profile", "compile")


_OUTSIDE = re.compile(r"the run-time offset .* reaches elements (\d+) to \d+ .* which holds (\d+)")


def _as_index_error(error):
    """A run-time index outside its tensor, as the older simulator raised it: NumPy's own exception."""
    found = _OUTSIDE.search(str(error))
    return IndexError("index %s is out of bounds for axis 0 with size %s" % found.groups()) if found else None


class Kernel(_Kernel):
    """A kernel of the older surface. ``kernel[4, 2](a)`` runs its instances; inside another kernel it is an ordinary function."""

    def __init__(self, user, grid=(), options=None):
        self.user = user
        self.grid = tuple(grid)
        self.spilled = frozenset()
        cores = 1
        for d in self.grid:
            cores *= d.cores
        super().__init__(adapted(user, self.grid), cores, (), options)
        functools.update_wrapper(self, user)

    def remade(self, grid=None, **options):
        """The same kernel with another grid or other options."""
        return type(self)(self.user, self.grid if grid is None else grid, {**self.options, **options})

    def __getitem__(self, grid):
        return self.remade(tuple(dim_of(g) for g in (grid if isinstance(grid, tuple) else (grid,))))

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return type(self)(self.user.__get__(instance, owner), self.grid, self.options)

    def spill(self, place):
        """Keeps the PSUM tensors made at a line in HBM from now on."""
        self.spilled |= {place}
        self.func = adapted(self.user, self.grid, self.spilled)

    def __call__(self, *args, **kwargs):
        if _isa.trace is not None:
            return self.func(*args, **kwargs)
        try:
            return retry(self, lambda: super(Kernel, self).__call__(*args, **kwargs))
        except NkiBoundsError as e:
            plain = _as_index_error(e)
            if plain is None:
                raise
            raise plain from e


def _options(options):
    """The options that mean something here; file names and compiler switches do not."""
    kept = {}
    for name in ("platform_target", "target"):
        if options.get(name):
            kept[name] = options[name]
    return kept


def kernel_of(function, kind=Kernel, **options):
    """A kernel of a function or of another kernel."""
    if isinstance(function, Kernel):
        return kind(function.user, function.grid, {**function.options, **options})
    if isinstance(function, _Kernel):
        raise NkiInputError(
            "%s is written for nki, not for neuronxcc.nki; import nki in its caller too" % function.__name__, "dialect"
        )
    if not callable(function):
        raise TypeError("a kernel is a function, not %r" % (function,))
    return kind(function, (), options)


def jit(func=None, mode="auto", **kwargs):
    """Makes a kernel of a function. Every mode runs on the virtual chip; benchmark and profile also time it."""
    if mode not in MODES:
        raise NkiInputError("mode %r of nki.jit; choose %s" % (mode, ", ".join(MODES)), "mode")
    if func is None:
        return lambda f: jit(f, mode, **kwargs)
    if mode == "benchmark":
        return benchmark(func, **kwargs)
    if mode == "profile":
        return profile(func, **kwargs)
    return kernel_of(func, **_options(kwargs))


def trace(func=None, **kwargs):
    """A kernel that writes its results into its arguments."""
    return jit(func, "trace", **kwargs)


def baremetal(kernel=None, **kwargs):
    """A kernel called with NumPy arrays."""
    if kernel is None:
        return lambda f: baremetal(f, **kwargs)
    from ._timing import Artifacts

    return Artifacts.attached(kernel_of(kernel, **_options(kwargs)), kwargs)


def simulate_kernel(kernel, *args, **kwargs):
    """Runs a kernel, or one instance grid of it, and returns its result; arguments that it writes are written in place."""
    return kernel_of(kernel)(*args, **kwargs) if not isinstance(kernel, Kernel) else Kernel(kernel.user, kernel.grid, kernel.options)(*args, **kwargs)


def benchmark(kernel=None, **kwargs):
    """A kernel whose calls are timed: ``kernel.benchmark_result.nc_latency`` holds the predicted latency."""
    if kernel is None:
        return lambda f: benchmark(f, **kwargs)
    from ._timing import Benchmark

    return Benchmark.attached(kernel_of(kernel, Benchmark, **_options(kwargs)), kwargs)


def profile(func=None, **kwargs):
    """A kernel whose calls leave a timeline in ``working_directory``."""
    if func is None:
        return lambda f: profile(f, **kwargs)
    from ._timing import Profile

    return Profile.attached(kernel_of(func, Profile, **_options(kwargs)), kwargs)
