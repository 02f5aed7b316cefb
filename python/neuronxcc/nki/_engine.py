"""What this surface needs of the engine beside running a kernel: its predicted time, without computing values."""
from nki._arrays import Array, is_tensor
from nki._call import Input, bound, map_values, trace_call
from nki._engine import engine


def measure(kernel, args, kwargs):
    """The report of one execution: ``total_ns``, ``target``, ``kernel`` and what the engine adds."""

    def leaf(value, path):
        if not is_tensor(value):
            return value
        array = Array(value)
        return Input(path, array.shape, array.dtype)

    signature, arguments = bound(kernel.func, args, kwargs)
    arguments = {name: map_values(value, leaf, name) for name, value in arguments.items()}
    server = engine()
    _, _, answer = trace_call(server.link, kernel.func, signature, arguments, kernel.target, kernel.cores, kernel.schedule)
    timed = server.request({"type": "time", "program": answer["program"]})
    server.link.message({"type": "forget", "program": answer["program"]})
    report = {k: v for k, v in timed.items() if k != "type"}
    return {"kernel": kernel.__name__, "target": kernel.target, "total_ns": report["time"]["total_ns"], **report}
