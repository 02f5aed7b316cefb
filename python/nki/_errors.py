"""What goes wrong in a kernel. A broken rule is found by the engine and raised here, at the user's own line."""
import types


class NkiValidationError(Exception):
    """A hardware or language rule is broken. ``category``, ``rule``, ``file`` and ``line`` say which and where."""

    category = "invalid program"

    def __init__(self, message, rule=None, file=None, line=None):
        super().__init__(message)
        self.rule = rule
        self.file = file
        self.line = line


class NkiCapacityError(NkiValidationError):
    """SBUF, PSUM or HBM is full."""

    category = "capacity"


class NkiBoundsError(NkiValidationError, IndexError):
    """A slice, an index or a run-time offset leaves its tensor."""

    category = "out of bounds"


class NkiUninitialisedError(NkiValidationError):
    """An instruction reads bytes that nothing wrote."""

    category = "uninitialised read"


class NkiUnsupportedError(NkiValidationError):
    """The target does not have the instruction, the type or the mode."""

    category = "unsupported here"


class NkiUnknownError(NkiValidationError):
    """The specification is silent on this."""

    category = "unknown specification"


class NkiInputError(NkiValidationError):
    """A file, an option or an argument is malformed."""

    category = "bad input"


class NkiLimitError(NkiValidationError):
    """The kernel exceeded a limit, such as the number of instructions; it may never end."""

    category = "limit reached"


class NkiInternalError(NkiValidationError):
    """A mistake of OpenTrn's own; please report it."""

    category = "internal"


# Users see and catch them as members of nki.isa.
for _class in NkiValidationError, *NkiValidationError.__subclasses__():
    _class.__module__ = "nki.isa"

_BY_CATEGORY = {
    c.category: c
    for c in (
        NkiValidationError,
        NkiCapacityError,
        NkiBoundsError,
        NkiUninitialisedError,
        NkiUnsupportedError,
        NkiUnknownError,
        NkiInputError,
        NkiLimitError,
        NkiInternalError,
    )
}


class Stop(BaseException):
    """Leaves a kernel that the engine refused; no ``except Exception`` of the kernel swallows it. Never seen by users."""

    def __init__(self, error):
        super().__init__(error.get("message"))
        self.error = error


def error_of(report):
    """The exception for an engine report ``{category, rule, message, file, line, function}``."""
    kind = _BY_CATEGORY.get(report.get("category"), NkiInternalError)
    return kind(report["message"], report.get("rule"), report.get("file"), report.get("line"))


def located(error, file, line, function):
    """``error`` with a traceback of one frame that stands at the user's own line, so that what it raises ends there."""
    if not file or not line:
        return error
    code = compile("\n" * (line - 1) + "raise error", file, "exec")
    names = {"co_name": function or "<module>"}
    if hasattr(code, "co_qualname"):
        names["co_qualname"] = names["co_name"]
    try:
        exec(code.replace(**names), {"error": error})
    except BaseException as raised:
        return raised.with_traceback(raised.__traceback__.tb_next)


def user_frames(traceback, is_package):
    """The traceback with the user's own frames only (or the innermost one, where there are none)."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    tail = None
    for t in reversed([f for f in frames if not is_package(f.tb_frame.f_code)] or frames[-1:]):
        tail = types.TracebackType(tail, t.tb_frame, t.tb_lasti, t.tb_lineno)
    return tail
