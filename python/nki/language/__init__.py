"""The language of kernels: tensors, types, memory, loops, and operations on whole tiles that expand into instructions."""
from .._dtypes import DTYPES as _DTYPES
from .._loops import dynamic_range, fori_loop, while_loop  # noqa: F401
from .._ops import OPS as _OPS
from .._tensor import MemoryRegion, NKIObject, NkiTensor  # noqa: F401
from ._arithmetic import *  # noqa: F401,F403
from ._composite import *  # noqa: F401,F403
from ._create import *  # noqa: F401,F403
from ._launch import *  # noqa: F401,F403
from ._move import *  # noqa: F401,F403
from ._reduce import *  # noqa: F401,F403

for _name in _DTYPES:
    globals()[_name] = _name
for _name, _op in _OPS.items():
    globals()[_name] = _op

sbuf = MemoryRegion.sbuf
psum = MemoryRegion.psum
private_hbm = MemoryRegion.private_hbm
shared_hbm = MemoryRegion.shared_hbm
hbm = private_hbm

affine_range = sequential_range = static_range = range
