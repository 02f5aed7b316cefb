"""The linter for kernels that a script calls: ``OPENTRN_LINT=warn`` writes findings to standard error, ``strict`` makes them errors."""
import inspect
import os
import sys

from .._errors import NkiInputError, NkiValidationError
from . import lint

_done = set()


def check(function):
    """Lints the file's kernel behind ``function`` once; nothing without OPENTRN_LINT, or where there is no source."""
    mode = os.environ.get("OPENTRN_LINT", "off")
    if mode not in ("off", "warn", "strict"):
        raise NkiInputError("OPENTRN_LINT is %r; set off, warn or strict" % mode, "OPENTRN_LINT")
    if mode == "off" or mode == "warn" and function.__code__ in _done:
        return
    _done.add(function.__code__)
    try:
        file = inspect.getsourcefile(function)
        with open(file, encoding="utf-8") as f:
            found = lint(f.read(), file, function.__name__)
    except (OSError, TypeError, SyntaxError, ValueError, KeyError, RecursionError, MemoryError):
        return
    for f in found:
        if mode == "strict":
            raise NkiValidationError("%s: %s" % (f.rule, f.message), f.rule, f.file, f.line)
        sys.stderr.write("%s:%s: %s: %s\n" % (f.file, f.line, f.rule, f.message))
