"""The way to the engine that this surface needs beside running a kernel: its predicted time."""


def measure(kernel, args, kwargs):
    """The report of one execution without values: at least ``total_ns`` and ``target``."""
    from nki._run import run_timing

    return {"kernel": kernel.__name__, "target": kernel.target, **run_timing(kernel, args, kwargs)}
