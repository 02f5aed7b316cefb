"""``neuronxcc.nki.compiler``: buffers with addresses of their own, and switches that have no meaning without a compiler."""
from . import psum, sbuf  # noqa: F401


def _passes(func=None, **kwargs):
    """A decorator that leaves the kernel as it is."""
    return (lambda f: f) if func is None else func


enable_stack_allocator = _passes
skip_middle_end_transformations = _passes
force_auto_alloc = _passes


class _Hint:
    """A directive to the compiler's scheduler: the trace keeps program order, so nothing follows from it."""

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


no_reorder = _Hint
multi_buffer = _Hint
allocation_scope = _Hint
