"""
The older surface of NKI: tiles as return values, ``nl.load`` and ``nl.store``, index expressions with masks, launch grids.
Kernels written for ``neuronxcc.nki`` (Neuron SDK 2.20 to 2.26) run unmodified over the instruction records of :mod:`nki`.
"""
from . import compiler, isa, language, typing  # noqa: F401
from ._kernel import baremetal, benchmark, jit, profile, simulate_kernel, trace  # noqa: F401
from .typing import tensor  # noqa: F401
