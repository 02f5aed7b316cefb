"""Data types as older kernels use them: NumPy's own where NumPy is there, so that ``tensor.dtype == np.float32`` holds; else names."""
from nki._dtypes import BYTES, FLOATS, dtype_of

try:
    import numpy as _np
    # Where NumPy is absent, a stand-in serves kernels' imports; it has no version.
    _np = _np if hasattr(_np, "__version__") else None
except ImportError:
    _np = None
try:
    import ml_dtypes as _ml
except ImportError:
    _ml = None

_IN_ML = ("bfloat16", "float8_e4m3", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")
_public = {}


def public(name):
    """What ``tensor.dtype`` gives for the engine's type ``name``."""
    found = _public.get(name)
    if found is None:
        found = name
        if name in _IN_ML:
            found = _np.dtype(getattr(_ml, name)) if _np and _ml else name
        elif _np and hasattr(_np, name):
            found = _np.dtype(getattr(_np, name))
        _public[name] = found
    return found


def scalar_type(name):
    """What ``nl.<name>`` is: a NumPy scalar type, an ml_dtypes dtype, or the name."""
    if name in _IN_ML or not _np or not hasattr(_np, name):
        return public(name)
    return getattr(_np, name)


def is_float(name):
    return name in FLOATS


# NKI 2.26, "NKI Type Promotion": two types that hold each other's values in neither widen to a third.
_FLOAT_RANK = {"float32": 6, "tfloat32": 5, "bfloat16": 3, "float16": 3}
_SIGNED = {"int8": 8, "int16": 16, "int32": 32}
_UNSIGNED = {"bool_": 8, "uint8": 8, "uint16": 16, "uint32": 32}


def promote(a, b):
    """The type of an operation on two types."""
    if a == b:
        return a
    if is_float(a) != is_float(b):
        return a if is_float(a) else b
    if is_float(a):
        ra, rb = _FLOAT_RANK.get(a, 1), _FLOAT_RANK.get(b, 1)
        if ra != rb:
            return a if ra > rb else b
        return "float32" if ra == 3 else "bfloat16"
    if a in _SIGNED and b in _SIGNED:
        return a if _SIGNED[a] > _SIGNED[b] else b
    if a in _UNSIGNED and b in _UNSIGNED:
        return max((a, b), key=lambda t: (_UNSIGNED[t], t != "bool_"))
    signed, unsigned = (a, b) if a in _SIGNED else (b, a)
    if _SIGNED[signed] > _UNSIGNED[unsigned]:
        return signed
    return {8: "int16", 16: "int32", 32: "float32"}[_UNSIGNED[unsigned]]


def of_scalar(x):
    """The type of a number operand: its own where NumPy gave it one, else the widest of its kind."""
    dtype = getattr(x, "dtype", None)
    if dtype is not None:
        name = str(dtype)
        return dtype_of({"float64": "float32", "int64": "int32", "uint64": "uint32"}.get(name, dtype))
    if isinstance(x, bool):
        return "uint8"
    return "int32" if isinstance(x, int) else "float32"


__all__ = ["BYTES", "dtype_of", "is_float", "of_scalar", "promote", "public", "scalar_type"]
