"""Instructions of a NeuronCore. Every function issues one; what it takes and which rules it obeys is generated from the engine's records."""
from .. import _isa_generated as _isa
from .._enums import *  # noqa: F403
from .._errors import (  # noqa: F401
    NkiBoundsError,
    NkiCapacityError,
    NkiInputError,
    NkiInternalError,
    NkiLimitError,
    NkiUninitialisedError,
    NkiUnknownError,
    NkiUnsupportedError,
    NkiValidationError,
)
from .._instruction import NkiInstruction  # noqa: F401
from .._loops import register_alloc, writable as _writable  # noqa: F401
from .._registers import VirtualRegister  # noqa: F401
from .._target import get_nc_sub_version, get_nc_version  # noqa: F401

# Loops are written with nl.fori_loop, nl.while_loop and nl.dynamic_range.
_CONTROL = {"loop_begin", "loop_end", "while_begin", "while_end"}
for _name in _isa.INSTRUCTIONS:
    if _name not in _CONTROL and _name not in _isa.COLLECTIVES:
        globals()[_name] = getattr(_isa, _name)


def register_move(dst, src, name=None):
    """dst = src, a constant integer or another register."""
    return _isa.register_move(_writable(dst, "register_move"), src, name=name)


def register_load(dst, src, name=None):
    """Reads one element of HBM or SBUF into a register."""
    return _isa.register_load(_writable(dst, "register_load"), src, name=name)


def dma_compute(dst, srcs, reduce_op, scales=None, unique_indices=True, oob_mode=oob_mode.error, name=None):  # noqa: F405
    """dst = the sum of up to 16 tensors in the DMA engines. ``scales`` are all 1, so the engine is told of one that is not."""
    scale = next((s for s in scales or () if s != 1), 1.0)
    return _isa.dma_compute(dst, srcs, reduce_op, scale, unique_indices, oob_mode, name=name)


if hasattr(_isa, "dma_compute"):
    dma_compute.__doc__ = _isa.dma_compute.__doc__
