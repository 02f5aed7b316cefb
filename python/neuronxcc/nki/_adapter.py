"""Runs an older kernel inside a trace: arguments become tiles, every instance of the launch runs in turn, results become tensors."""
import functools
import inspect
import itertools

from nki import _isa_generated as _isa
from nki import isa as _core
from nki._call import map_values
from nki._errors import NkiValidationError
from nki._tensor import MemoryRegion, NkiTensor

from . import _state
from ._blocks import Blocks
from ._rewrite import masks_writes, rewritten
from ._storage import fresh
from ._tile import Tile


def adapted(user, grid, spilled=frozenset()):
    """The function that the engine's tracer calls."""
    body = rewritten(user)

    @functools.wraps(user)
    def kernel(*args, **kwargs):
        if _state.session is not None and _state.session.trace is _isa.trace:
            return body(*args, **kwargs)
        trace = _isa.trace
        s = _state.session = _state.Session(trace)
        s.masks = masks_writes(user)
        s.spilled = spilled
        s.shared = trace.__dict__.setdefault("older_shared", [])
        try:
            return _instances(s, body, inspect.signature(user), args, kwargs, grid)
        finally:
            _state.session = None

    return kernel


def _instances(s, body, signature, args, kwargs, grid):
    call = signature.bind(*args, **kwargs)

    def tile(leaf, path):
        return Tile(leaf) if isinstance(leaf, NkiTensor) else leaf

    for name, value in call.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            call.arguments[name] = {k: map_values(v, tile, k) for k, v in value.items()}
        else:
            call.arguments[name] = map_values(value, tile, name)
    s.grid = tuple(d.size for d in grid)
    result = None
    for ids in itertools.product(*(range(d.size) for d in grid)):
        cores = [d.core_of(i) for d, i in zip(grid, ids) if d.cores > 1]
        if (cores[-1] if cores else 0) != s.trace.core:
            continue
        s.ids = ids
        s.shared_at = 0
        result = body(*call.args, **call.kwargs)
        if s.pending is not None:
            s.pending.settle()
    return map_values(result, _returned, "out")


def _returned(leaf, path):
    if isinstance(leaf, Blocks):
        raise NkiValidationError("%s is a tensor of blocks on the chip; store it to HBM and return that" % path, "output")
    if not isinstance(leaf, Tile):
        return leaf
    view = leaf.read()
    if leaf.space == "hbm":
        return view
    # The older simulator hands tiles of SBUF and PSUM back, too.
    if leaf.space == "psum":
        moved = fresh(view.shape, view.dtype)
        _core.tensor_copy(moved, view)
        view = moved
    out = _state.current().trace.storage(view.shape, view.dtype, MemoryRegion.shared_hbm, "returned")
    _core.dma_copy(out, view)
    return out

