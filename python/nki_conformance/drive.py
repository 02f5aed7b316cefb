"""
``python -m nki_conformance.drive JOB``: runs one test file or script of a checkout in this process and writes what happened as JSON to
the job's ``out``: ``{cases: [{id, outcome, error}], events: [...]}``.
"""
import json
import os
import runpy
import signal
import sys
import threading
import time
import traceback

from . import record, stand_ins


class CaseTimeout(KeyboardInterrupt):
    """A case took longer than it may; the engine drops what it was doing, as on Ctrl-C."""


def _alarm(seconds):
    def ring(*_):
        raise CaseTimeout("stopped after %g s" % seconds)

    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _calm():
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


class Plugin:
    """Reports every test and stops those that take too long."""

    def __init__(self, job, cases, pytest):
        self.job = job
        self.seconds = job["timeout"]
        self.cases = cases
        self.pytest = pytest
        self.stopped = set()

    def pytest_collection_modifyitems(self, items):
        from nki._kernel import Kernel

        # A kernel may be called test_*; that makes no test of it.
        items[:] = [i for i in items if not isinstance(getattr(i, "obj", None), Kernel)]

    def pytest_pycollect_makeitem(self, collector, name, obj):
        from nki._kernel import Kernel

        return [] if isinstance(obj, Kernel) else None

    def hook(self):
        plugin, pytest = self, self.pytest

        class Hooks:
            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_call(self, item):
                record.case["id"] = item.nodeid
                _alarm(plugin.seconds)
                try:
                    outcome = yield
                finally:
                    _calm()
                if outcome.excinfo and issubclass(outcome.excinfo[0], CaseTimeout):
                    plugin.stopped.add(item.nodeid)
                    outcome.force_exception(pytest.fail.Exception(str(outcome.excinfo[1])))

            def pytest_runtest_logreport(self, report):
                if report.when != "call" and not report.failed and not report.skipped:
                    return
                plugin.cases.append(
                    {
                        "id": report.nodeid,
                        "outcome": "timeout" if report.nodeid in plugin.stopped else report.outcome,
                        "seconds": report.duration,
                        "error": _message(report) if not report.passed else None,
                    }
                )
                _save(plugin.job, plugin.cases)

            def pytest_collectreport(self, report):
                if report.failed:
                    plugin.cases.append({"id": report.nodeid, "outcome": "import", "seconds": 0, "error": _last_line(str(report.longrepr))})

        return Hooks()


def _message(report):
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    if crash is not None:
        return " ".join(crash.message.split())[:600]
    return _last_line(str(report.longrepr))


def _last_line(text):
    lines = [line for line in text.splitlines() if line.startswith("E ")] or text.splitlines()
    return " ".join(lines[-1].lstrip("E ").split())[:600] if lines else ""


def run_tests(job, cases):
    import pytest

    plugin = Plugin(job, cases, pytest)
    arguments = [job["file"], "-q", "-p", "no:cacheprovider", "--rootdir", job["root"], "-x" if job.get("first") else "--tb=short"]
    pytest.main(arguments, plugins=[plugin, plugin.hook()])


class _Lines:
    """Standard output that is kept, to read what a script says about itself."""

    def __init__(self, stream):
        self.stream = stream
        self.kept = []

    def write(self, text):
        if len(self.kept) < 20000:
            self.kept.append(text)
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


#: What scripts print when a comparison fails, and when it holds.
_BAD = ("and torch differ", "and jax differ", "close? false", "close:  false", "close: false", "allclose pass? false", "mismatch")
_GOOD = ("and torch match", "and jax match", "close? true", "close:  true", "close: true", "allclose pass? true", "pass")


def run_script(job, cases):
    record.case["id"] = job["id"]
    case = {"id": job["id"], "outcome": "passed", "error": None, "checked": False}
    lines = sys.stdout = _Lines(sys.stdout)
    started = time.perf_counter()
    _alarm(job["timeout"])
    try:
        if job.get("code"):
            exec(compile(job["code"], job["id"], "exec"), {"__name__": "__main__"})
        else:
            sys.argv = [job["file"]]
            runpy.run_path(job["file"], run_name="__main__")
    except SystemExit as e:
        if e.code not in (None, 0):
            case.update(outcome="failed", error="exit code %s" % e.code)
    except CaseTimeout as e:
        case.update(outcome="timeout", error=str(e))
    except BaseException as e:
        last = traceback.extract_tb(e.__traceback__)[-1]
        where = "import" if isinstance(e, ImportError) and not record.events else "failed"
        case.update(outcome=where, error="%s: %s (%s:%s)" % (type(e).__name__, " ".join(str(e).split())[:500], os.path.basename(last.filename), last.lineno))
    finally:
        _calm()
        sys.stdout = lines.stream
    said = "".join(lines.kept).lower()
    if case["outcome"] == "passed":
        bad = [line for line in said.splitlines() if any(b in line for b in _BAD)]
        case["checked"] = any(g in said for g in _GOOD) or bool(job.get("code"))
        if bad:
            case.update(outcome="failed", error="the script says: %s" % bad[0].strip()[:200])
    case["seconds"] = time.perf_counter() - started
    cases.append(case)


def _save(job, cases):
    """Written after every case, so that a file that is stopped leaves what it has."""
    partial = job["out"] + ".partial"
    with open(partial, "w") as f:
        json.dump({"cases": cases, "events": record.events}, f)
    os.replace(partial, job["out"])


def main(path):
    with open(path) as f:
        job = json.load(f)
    sys.path[:0] = job["path"]
    stand_ins.install(job["target"])
    record.install()
    cases = []
    try:
        (run_tests if job["kind"] == "test" else run_script)(job, cases)
    finally:
        _save(job, cases)


if __name__ == "__main__":
    main(sys.argv[1])
