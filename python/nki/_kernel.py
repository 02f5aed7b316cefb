"""``nki.jit``: functions that run on the virtual chip when called with arrays."""
import functools
import os
import threading

from . import _isa_generated as isa
from ._older_nki import adopt
from ._errors import user_frames
from ._target import current_target, target_named
from ._trace import is_package

_lock = threading.RLock()


class Kernel:
    """
    A kernel. ``kernel(a, b)`` runs it; ``kernel[2](a, b)`` runs it on a logical core of two physical ones; inside another kernel it
    is an ordinary function.
    """

    def __init__(self, function, cores=1, schedule=(), options=None):
        functools.update_wrapper(self, function)
        self.func = function
        self.cores = cores
        self.schedule = tuple(schedule)
        self.options = dict(options or {})

    def __call__(self, *args, **kwargs):
        if isa.trace is not None and isa.trace.thread == threading.get_ident():
            return self.func(*args, **kwargs)
        from ._run import run

        with _lock:
            try:
                return run(self, args, kwargs)
            except Exception as e:
                raise e.with_traceback(user_frames(e.__traceback__, is_package))

    def __getitem__(self, grid):
        grid = grid if isinstance(grid, tuple) else (grid,)
        cores = 1
        for n in grid:
            if isinstance(n, bool) or not isinstance(n, int) or n < 1:
                raise TypeError("kernel[%r]: a launch takes the number of cores, 1 or 2" % (n,))
            cores *= n
        return Kernel(self.func, cores, self.schedule, self.options)

    def with_schedule(self, edges):
        """The same kernel with ``(consumer, producer or [producers])`` pairs of instruction names kept in order."""
        return Kernel(self.func, self.cores, tuple(edges), self.options)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return Kernel(self.func.__get__(instance, owner), self.cores, self.schedule, self.options)

    def __repr__(self):
        return "<nki kernel %s%s>" % (self.__name__, "[%d]" % self.cores if self.cores > 1 else "")

    @property
    def target(self):
        """The chip this kernel is traced for: its own option, else the environment's, else trn2."""
        own = self.options.get("platform_target") or self.options.get("target")
        return target_named(own) if own else current_target()


def jit(fn=None, **kwargs):
    """Makes a kernel of a function; ``@nki.jit`` and ``@nki.jit(platform_target="trn3")`` both work."""
    if fn is None:
        return lambda function: jit(function, **kwargs)
    if isinstance(fn, Kernel):
        return Kernel(fn.func, fn.cores, fn.schedule, {**fn.options, **kwargs})
    if not callable(fn):
        raise TypeError("nki.jit takes a function, not %r" % (fn,))
    adopt(fn)
    return Kernel(fn, options=kwargs)


def simulate(kernel):
    """The kernel as a callable on NumPy arrays or torch tensors. Every kernel runs on the virtual chip, so this only wraps functions."""
    return kernel if isinstance(kernel, Kernel) else jit(kernel)


def precise():
    """Whether narrow types round (NKI_PRECISE_FP, default yes)."""
    return os.environ.get("NKI_PRECISE_FP", "1") not in ("0", "false", "off")
