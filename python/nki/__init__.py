"""
NKI kernels on a virtual Trainium. The package traces a kernel into instruction records; an engine checks, runs and times them.
It needs nothing but Python; NumPy, torch and ml_dtypes are used where the caller has them.
"""
# The generated tables come first: every other module reads them.
from . import _isa_generated  # noqa: F401
from . import collectives, isa, language  # noqa: F401
from ._kernel import Kernel, jit, simulate  # noqa: F401
from ._run import last_run  # noqa: F401

__version__ = "0.1.0"
