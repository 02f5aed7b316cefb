"""Running a kernel on arrays: trace it once for its shapes, types and compile-time values, then only run it."""
import enum
import math
import os
import sys

from . import _arrays
from ._call import Input, Output, bound, map_values, trace_call
from ._engine import Closed, died, drop, engine
from ._errors import NkiInputError
from ._kernel import precise
from ._tensor import NKIObject

#: Kernels kept by the engine.
_MAX_PROGRAMS = 256
_last = None


class LastRun:
    """What the most recent kernel call did; :meth:`time` asks the engine for its predicted time."""

    def __init__(self, program, kernel, warnings):
        self.program = program
        self.kernel = kernel
        self.warnings = warnings

    def time(self):
        """``{time, mfu, mbu}`` as in the report of ``trn run`` (nanoseconds)."""
        answer = engine().request({"type": "time", "program": self.program})
        return {k: v for k, v in answer.items() if k != "type"}


def last_run():
    """The :class:`LastRun` of this process, or None."""
    return _last


def run(kernel, args, kwargs):
    """Calls ``kernel`` with arrays and gives back arrays."""
    try:
        signature, arguments = bound(kernel.func, args, kwargs)
        arrays = []
        arguments = {k: map_values(v, lambda leaf, path: _input(leaf, path, arrays), k) for k, v in arguments.items()}
        return _run(kernel, signature, arguments, arrays)
    except Closed:
        raise died() from None
    except KeyboardInterrupt:
        # Whatever the engine was doing, its answer would come at the wrong time.
        drop()
        raise


def _input(leaf, path, arrays):
    if not _arrays.is_tensor(leaf):
        return leaf
    array = _arrays.Array(leaf)
    arrays.append(array)
    made = Input(path, array.shape, array.dtype)
    return made


def _run(kernel, signature, arguments, arrays):
    global _last
    server = engine()
    target = kernel.target
    try:
        key = (kernel.func, kernel.cores, kernel.schedule and repr(kernel.schedule), target, _key(list(arguments.items())))
        known = server.programs.get(key)
    except TypeError:
        key = known = None
    if known is None:
        if os.environ.get("OPENTRN_LINT"):
            from ._lint.script import check

            check(kernel.func)
        result, outputs, answer = trace_call(server.link, kernel.func, signature, arguments, target, kernel.cores, kernel.schedule, _limits(), arrays)
        known = (result, outputs, answer["program"], answer["warnings"])
        for w in answer["warnings"]:
            sys.stderr.write("%s:%s: %s: %s\n" % (w.get("file") or "kernel", w.get("line") or 0, w["rule"], w["message"]))
        # What a kernel printed or decided by values holds for this call only.
        if key is not None and not answer["looked"]:
            server.programs[key] = known
            if len(server.programs) > _MAX_PROGRAMS:
                old = next(iter(server.programs))
                server.link.message({"type": "forget", "program": server.programs.pop(old)[2]})
    result, outputs, program, warnings = known
    _last = LastRun(program, kernel, warnings)
    data = _execute(server, program, outputs, arrays)
    return map_values(result, lambda leaf, _: data[leaf.index] if isinstance(leaf, Output) else leaf, "out")


def _limits():
    """Options of a trace that the environment sets."""
    text = os.environ.get("OPENTRN_MAX_INSTRUCTIONS")
    fixed = {"precise": precise()}
    if not text:
        return fixed
    if not text.isdigit() or int(text) < 1:
        raise NkiInputError("OPENTRN_MAX_INSTRUCTIONS is %r; set a positive number" % text, "OPENTRN_MAX_INSTRUCTIONS")
    return {**fixed, "max_instructions": int(text)}


def _execute(server, program, outputs, arrays):
    family = _arrays.family_of(arrays)
    wide = not precise()
    # Types the caller cannot hold come as float32, and so do narrow ones that were kept wide.
    floats = [
        n
        for n, o in enumerate(outputs)
        if "float" in o["dtype"] and not o["dtype"].endswith("_x4") and (wide or not _arrays.has_type(family, o["dtype"]))
    ]
    answer = server.request(
        {"type": "run", "program": program, "inputs": len(arrays), "precise": not wide, "floats": floats}, [a.bytes() for a in arrays]
    )
    results = [
        _arrays.result(family, server.link.receive(), o["shape"], "float32" if n in floats else o["dtype"]) for n, o in enumerate(outputs)
    ]
    changed = [(n, server.link.receive()) for n in answer["changed"]]
    for text in answer["prints"]:
        print(text)
    for n, data in changed:
        arrays[n].write_back(data)
    return results


def _key(value):
    """A hashable that tells compile-time arguments apart; TypeError for what cannot be told apart."""
    if isinstance(value, Input):
        return ("tensor", value.shape, value.dtype)
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, tuple(_key(v) for v in value))
    if isinstance(value, dict):
        return ("dict", tuple((_key(k), _key(v)) for k, v in value.items()))
    if isinstance(value, float):
        return ("float", value, math.copysign(1.0, value), type(value).__name__)
    if value is None or isinstance(value, (bool, int, str, bytes, enum.Enum)) or callable(value):
        return (type(value).__name__, value)
    if isinstance(value, NKIObject) or hasattr(value, "__dataclass_fields__"):
        return (type(value), _key(vars(value)))
    raise TypeError

