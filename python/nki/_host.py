"""
``python -m nki._host FD``: traces one kernel of a file for a parent that reads records from the duplex descriptor FD. The parent's
first message is the job ``{file, path, kernel, arguments, target, cores}``.
"""
import ast
import os
import sys
import traceback
import types

from . import _isa_generated as isa
from ._absent import allow_missing_numpy
from ._call import Input, bound, trace_call
from ._errors import NkiInputError, NkiValidationError
from ._kernel import Kernel
from ._target import current_target, register_target, target_named
from ._trace import PACKAGES


def load(file, shown):
    """The module of a Python file; its code carries the path as the user gave it."""
    with open(file, "rb") as f:
        source = f.read()
    allow_missing_numpy()
    name = os.path.splitext(os.path.basename(file))[0]
    module = types.ModuleType(name if name not in sys.modules else "kernel_file_" + name)
    module.__file__ = shown
    sys.modules[module.__name__] = module
    folder = os.path.dirname(os.path.abspath(file))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    exec(compile(source, shown, "exec", dont_inherit=True), module.__dict__)
    return module


def kernel_of(module, name):
    """The kernel called ``name``; without a name the file's only one."""
    kernels = [k for k, v in vars(module).items() if isinstance(v, Kernel) and getattr(v.func, "__module__", "") == module.__name__]
    if name is None:
        if len(kernels) != 1:
            raise NkiInputError("%s holds %d kernels (%s); name one, FILE.py:KERNEL" % (module.__file__, len(kernels), ", ".join(kernels)), "kernel")
        name = kernels[0]
    found = getattr(module, name, None)
    if not callable(found):
        known = "; it holds %s" % ", ".join(kernels) if kernels else ""
        raise NkiInputError("%s has no function %s%s" % (module.__file__, name, known), "kernel")
    return found if isinstance(found, Kernel) else Kernel(found)


def _argument(name, spec):
    if "shape" in spec:
        return Input(name, spec["shape"], spec["dtype"])
    if "literal" in spec:
        try:
            return ast.literal_eval(spec["literal"])
        except (ValueError, SyntaxError):
            return spec["literal"]
    return spec.get("value")


def _fit(function, given):
    """Arguments of the parent bound to the kernel's parameters, with a message that lists them when they do not fit."""
    try:
        return bound(function, [v for k, v in given if k is None], {k: v for k, v in given if k is not None})
    except TypeError as e:
        import inspect

        raise NkiInputError("%s%s: %s" % (function.__name__, inspect.signature(function), e), "arguments") from None


def describe(error):
    """An exception as a report: its message, its traceback without this package, and the user's innermost line."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((*PACKAGES, "<frozen"))]
    report = {
        "type": "exception",
        "exception": type(error).__name__,
        "message": str(error) or type(error).__name__,
        "traceback": "".join(traceback.format_list(frames) + traceback.format_exception_only(type(error), error)),
    }
    if isinstance(error, SyntaxError) and error.filename:
        report.update(file=error.filename, line=error.lineno)
    elif frames:
        report.update(file=frames[-1].filename, line=frames[-1].lineno, function=frames[-1].name)
    if isinstance(error, NkiValidationError):
        report.update(category=error.category, rule=error.rule)
        if error.file:
            report.update(file=error.file, line=error.line)
    return report


def lints(file, kernel):
    """What the NKI compiler would refuse, as warnings; nothing where the file is no Python, which loading it reports better."""
    from ._lint import lint

    try:
        with open(file, encoding="utf-8") as f:
            return [found.report() for found in lint(f.read(), file, kernel)]
    except (OSError, SyntaxError, ValueError, KeyError, RecursionError, MemoryError):
        return []


def _no_input(*_, **__):
    raise NkiInputError("breakpoint() needs CPython and a terminal or piped commands as standard input; print the tensor instead", "breakpoint")


def run_job(link, job):
    """Traces what ``job`` asks for; every failure becomes a message."""
    try:
        if not job.get("stdin"):
            sys.breakpointhook = _no_input
        if job.get("lint"):
            link.message({"type": "lints", "warnings": lints(job["file"], job.get("kernel"))})
        function = kernel_of(load(job["file"], job.get("path") or job["file"]), job.get("kernel"))
        given = [(a.get("name"), _argument(a.get("name") or "arg%d" % i, a)) for i, a in enumerate(job["arguments"])]
        signature, arguments = _fit(function.func, given)
        if job.get("facts"):
            register_target(job["target"], job["facts"])
        target = target_named(job["target"]) if job.get("target") else function.target if function.options else current_target()
        cores = job.get("cores") or function.cores
        trace_call(link, function.func, signature, arguments, target, cores, function.schedule)
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        link.message(describe(e))
        return False
    return True


def main():
    from ._link import PipeLink

    fd = int(sys.argv[1])
    link = PipeLink(fd, fd)
    try:
        ok = run_job(link, link.receive())
    except KeyboardInterrupt:
        os._exit(130)
    sys.stdout.flush()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
