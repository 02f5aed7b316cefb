"""Tracing one kernel call: arguments in, records out, and the shape of what comes back."""
import dataclasses
import inspect

from . import _isa_generated as isa
from ._errors import NkiInputError, NkiValidationError, Stop, error_of, located, user_frames
from ._link import Closed
from ._tensor import MemoryRegion, NKIObject, NkiTensor
from ._trace import INPUT, Trace, is_package


class Input:
    """A tensor argument: its name, shape and dtype; the data stays with the caller."""

    __slots__ = ("name", "shape", "dtype", "tensor")

    def __init__(self, name, shape, dtype):
        self.name = name
        self.shape = tuple(shape)
        self.dtype = dtype
        self.tensor = None


class Output:
    """Stands for the ``index``-th returned tensor in the kernel's result."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index


def bound(function, args, kwargs):
    """Arguments by parameter name, defaults filled in; TypeError (about the user's call) when they do not fit."""
    signature = inspect.signature(function)
    call = signature.bind(*args, **kwargs)
    call.apply_defaults()
    return signature, call.arguments


def map_values(value, visit, path):
    """A copy of nested lists, tuples, dicts and kernel objects with every leaf replaced by ``visit(leaf, path)``."""
    if isinstance(value, (list, tuple)):
        items = [map_values(v, visit, "%s.%d" % (path, i)) for i, v in enumerate(value)]
        if isinstance(value, list):
            return items
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, dict):
        return {k: map_values(v, visit, "%s.%s" % (path, k)) for k, v in value.items()}
    if isinstance(value, NKIObject) and not isinstance(value, NkiTensor) or dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = getattr(value, "__dict__", None)
        if fields:
            copy = object.__new__(type(value))
            for k, v in fields.items():
                object.__setattr__(copy, k, map_values(v, visit, "%s.%s" % (path, k)))
            return copy
        return value
    return visit(value, path)


def trace_call(link, function, signature, arguments, target, cores=1, schedule=(), options=None, arrays=()):
    """
    Traces ``function`` and returns ``(result, outputs, answer)``: the result with an Output for every tensor, a description of each
    output, and the engine's answer. ``arguments`` hold an Input for every tensor; ``arrays`` are theirs, where the engine has not got
    them yet and a kernel may look at values. Raises what the kernel or the engine raises.
    """
    trace = Trace(link, target, cores)
    trace.arrays = arrays
    link.begin(
        {
            "type": "begin",
            "name": getattr(function, "__name__", "kernel"),
            "target": target,
            "cores": cores,
            "fingerprint": isa.FINGERPRINT,
            **(options or {}),
        }
    )
    if isa.trace is not None:
        raise RuntimeError("a kernel is being traced already")
    isa.trace = trace
    try:
        results = []
        for core in range(cores):
            if cores > 1:
                trace.start_core(core)
            given = {k: map_values(v, lambda leaf, _: _tensor(trace, leaf), k) for k, v in arguments.items()}
            call = inspect.BoundArguments(signature, type(arguments)(given))
            results.append(function(*call.args, **call.kwargs))
            _finish_core(trace, schedule)
        outputs = []
        result = map_values(results[0], lambda leaf, path: _output(trace, leaf, path, outputs), "out")
        trace.words.append(isa.END)
        trace.flush()
        link.message({"type": "end", "outputs": outputs})
        answer = link.wait()
        if answer.get("type") == "error":
            raise Stop(answer)
        return result, outputs, {**answer, "looked": bool(trace.values)}
    except Stop as stop:
        error, at = error_of(stop.error), stop.error
    except Closed:
        error, at = error_of({"message": "the engine stopped while the kernel was traced", "category": "internal"}), {}
    except Exception as e:
        raise e.with_traceback(user_frames(e.__traceback__, is_package))
    finally:
        isa.trace = None
        trace.close()
    raise located(error, at.get("file"), at.get("line"), at.get("function")) from None


def _tensor(trace, leaf):
    if not isinstance(leaf, Input):
        return leaf
    if leaf.tensor is None:
        # NKI calls the memory of arguments nl.hbm (its samples assert so); every core sees them all the same.
        leaf.tensor = trace.storage(leaf.shape, leaf.dtype, MemoryRegion.private_hbm, leaf.name, INPUT, line=0)
    return leaf.tensor._view(leaf.tensor.shape, leaf.tensor.strides, 0)


def _finish_core(trace, schedule):
    if trace.late is not None:
        error, trace.late = trace.late, None
        raise error
    if trace.loops:
        raise NkiValidationError("a while loop over a register was left with break or return; its body is traced once", "while")
    for consumer, producers in schedule:
        for producer in [producers] if isinstance(producers, str) else producers:
            for name in (consumer, producer):
                if name not in trace.names:
                    raise NkiInputError("the schedule names instruction %r, which the kernel does not issue with name=" % name, "schedule")
            trace.words += (isa.DEPENDS, trace.names[consumer], trace.names[producer])


def _output(trace, leaf, path, outputs):
    if not isinstance(leaf, NkiTensor):
        return leaf
    dense = leaf._x is None and leaf._view(leaf.shape, leaf.strides, 0).is_contiguous()
    if not dense:
        raise NkiValidationError("the kernel returns a strided view of %s; return the tensor, or copy the view into one" % leaf._b.describe(), "output")
    trace.words += (isa.OUTPUT, leaf._b.id)
    outputs.append(
        {
            "name": leaf.name or (path[4:] and "out" + path[4:]) or "out",
            "storage": leaf._b.id,
            "shape": list(leaf.shape),
            "dtype": leaf.dtype,
            "offset": leaf.offset * leaf._b.size,
        }
    )
    return Output(len(outputs) - 1)
