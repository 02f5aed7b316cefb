"""
Timed kernels: ``benchmark`` and ``profile``, and the files they leave. Times are the virtual chip's prediction for one execution; it does
not vary, so every percentile is the same figure. Files hold JSON of that prediction; they are no NEFF and no NTFF.
"""
import json
import os
import shutil

from nki._errors import NkiInputError

from . import _engine
from ._kernel import Kernel
from ._spill import retry

PERCENTILES = (0, 1, 10, 25, 50, 90, 99, 100)


def _measured(kernel, args, kwargs):
    return retry(kernel, lambda: _engine.measure(kernel, args, kwargs))


class Latency:
    """Predicted latency in microseconds."""

    def __init__(self, nanoseconds):
        self.nanoseconds = nanoseconds

    def get_latency_percentile(self, percentile):
        """Microseconds at a percentile of 0, 1, 10, 25, 50, 90, 99 or 100."""
        if percentile not in PERCENTILES:
            raise NkiInputError("percentile %r; choose one of %s" % (percentile, ", ".join(map(str, PERCENTILES))), "percentile")
        return self.nanoseconds / 1000


class BenchmarkResult:
    """What a benchmark found: ``nc_latency`` on the core, and the report it comes from."""

    def __init__(self, report):
        self.report = report
        self.nc_latency = Latency(report["total_ns"])


class _Files:
    """File names given to a decorator, and writing them."""

    def __init__(self, options):
        self.folder = options.get("working_directory") or options.get("artifacts_dir")
        self.neff = options.get("save_neff_name")
        self.trace = options.get("save_trace_name")
        self.overwrite = options.get("overwrite", False)
        self.num_execs = int(options.get("num_execs") or 1)
        self.nth = int(options.get("profile_nth") or 1)

    def path(self, name):
        return os.path.join(self.folder, name) if self.folder else name

    def prepare(self):
        if self.folder is None:
            return
        if self.overwrite and os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        os.makedirs(self.folder, exist_ok=True)

    def write(self, name, report):
        with open(self.path(name), "w") as f:
            json.dump({"made_by": "OpenTrn, a simulator: predicted, not measured", **report}, f, indent=1)
            f.write("\n")

    def save(self, report):
        self.prepare()
        if self.neff:
            self.write(self.neff, report)
        if self.trace:
            self.write(self.trace, report)

    def save_profile(self, report):
        """One trace and one report for every ``profile_nth``-th of ``num_execs`` executions."""
        self.prepare()
        if self.neff:
            self.write(self.neff, report)
        taken = [n for n in range(self.nth, self.num_execs + 1, self.nth)] or [self.nth]
        stem, end = os.path.splitext(self.trace or "profile.ntff")
        os.makedirs(self.path("json_reports"), exist_ok=True)
        for n in taken:
            name = stem if n == 1 else "%s_exec_%d" % (stem, n)
            self.write(name + end, report)
            self.write(os.path.join("json_reports", name + ".json"), report)


class _Attached(Kernel):
    """A kernel with files to write; they follow it through ``kernel[grid]``."""

    files = None

    @classmethod
    def attached(cls, kernel, options):
        made = kernel if isinstance(kernel, cls) else cls(kernel.user, kernel.grid, kernel.options)
        made.files = _Files(options)
        return made

    def remade(self, grid=None, **options):
        made = super().remade(grid, **options)
        made.files = self.files
        return made


class Artifacts(_Attached):
    """baremetal: runs with values, and saves files where it was given names for them."""

    def __call__(self, *args, **kwargs):
        result = super().__call__(*args, **kwargs)
        if self.files.neff or self.files.trace:
            self.files.save(_measured(self, args, kwargs))
        return result


class Benchmark(_Attached):
    """Times one execution; like the original, it returns arrays whose contents mean nothing."""

    benchmark_result = None

    def __call__(self, *args, **kwargs):
        from nki import _isa_generated as isa

        if isa.trace is not None:
            return self.func(*args, **kwargs)
        report = _measured(self, args, kwargs)
        self.benchmark_result = BenchmarkResult(report)
        self.files.save(report)
        print("%s: %.2f us predicted on %s" % (self.__name__, report["total_ns"] / 1000, report["target"]))


class Profile(_Attached):
    """Runs with values and leaves a profile in its working directory."""

    def __call__(self, *args, **kwargs):
        from nki import _isa_generated as isa

        if isa.trace is not None:
            return self.func(*args, **kwargs)
        result = super().__call__(*args, **kwargs)
        self.files.save_profile(_measured(self, args, kwargs))
        return result
