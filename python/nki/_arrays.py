"""
Callers' arrays: NumPy, torch (CPU), or anything with a buffer. Bytes go to the engine as they are; results come back as what the
arguments were. bfloat16 and 8-bit floats are ml_dtypes arrays where ml_dtypes is installed, else float32 arrays.
"""
import ast
import ctypes
import struct
import sys

from ._dtypes import BYTES, dtype_of
from ._errors import NkiInputError

#: Buffer formats of types that have one.
_FORMATS = {"f": "float32", "e": "float16", "b": "int8", "B": "uint8", "h": "int16", "H": "uint16", "?": "bool_"}
_FORMATS.update({c: "int32" for c in "il" if struct.calcsize(c) == 4})
_FORMATS.update({c: "uint32" for c in "IL" if struct.calcsize(c) == 4})
_FORMAT_OF = {"float32": "f", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "bool_": "?", "int32": "i", "uint32": "I"}
_NARROW = frozenset(("bfloat16", "float8_e4m3", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"))


def _module_of(value):
    return (type(value).__module__ or "").split(".", 1)[0]


def is_tensor(value):
    """Whether a kernel argument is an array and not a compile-time value."""
    if isinstance(value, (bytes, bytearray, str, int, float, type)) or value is None:
        return False
    if _module_of(value) == "numpy":
        return hasattr(value, "shape") and getattr(value, "ndim", 0) > 0
    if _module_of(value) == "torch":
        return hasattr(value, "data_ptr")
    if _module_of(value) == "nki":
        return False
    return isinstance(value, memoryview) or hasattr(value, "__array__") and hasattr(value, "dtype") or type(value).__name__ == "array"


class Array:
    """One array argument: its shape, dtype and family (``numpy``, ``torch`` or ``buffer``)."""

    def __init__(self, value):
        self.value = value
        module = _module_of(value)
        if module == "torch":
            self.family = "torch"
            if value.device.type != "cpu":
                raise NkiInputError("a tensor on %s cannot be read; move it with .cpu()" % value.device, "arguments")
            self.shape = tuple(value.shape)
            self.dtype = dtype_of(value.dtype)
        elif module == "numpy" or hasattr(value, "__array__"):
            self.family = "numpy"
            if module != "numpy":
                import numpy

                self.value = value = numpy.asarray(value)
            self.shape = tuple(value.shape)
            self.dtype = dtype_of(value.dtype.name)
        else:
            self.family = "buffer"
            view = memoryview(value)
            if view.format not in _FORMATS or not view.c_contiguous:
                raise NkiInputError("a buffer of format %r cannot be read; use dense 8, 16 or 32-bit elements" % view.format, "arguments")
            self.value = view
            self.shape = tuple(view.shape)
            self.dtype = _FORMATS[view.format]
        if not self.shape:
            raise NkiInputError("a tensor argument has at least one dimension; reshape it to (1, 1)", "arguments")

    def bytes(self):
        """The elements, row-major."""
        if self.family == "torch":
            dense = self.value.detach().contiguous()
            return ctypes.string_at(dense.data_ptr(), dense.numel() * dense.element_size())
        if self.family == "numpy":
            return self.value.tobytes()
        return self.value.cast("B") if self.value.nbytes else b""

    def write_back(self, data):
        """Stores what the kernel wrote into its argument."""
        if self.family == "torch":
            self.value.detach().copy_(_torch(data, self.shape, self.dtype))
        elif self.family == "numpy":
            if not self.value.flags.writeable:
                raise NkiInputError("the kernel writes into an argument that is read-only; pass a copy", "arguments")
            import numpy

            self.value[...] = numpy.frombuffer(data, dtype=self.value.dtype).reshape(self.shape)
        elif not self.value.readonly:
            self.value.cast("B")[:] = data


def has_type(family, dtype):
    """Whether results of that dtype can be given back as they are; otherwise they come as float32."""
    if family == "numpy":
        return _numpy_type(dtype) is not None
    if family == "torch":
        import torch

        return hasattr(torch, _TORCH.get(dtype, dtype.rstrip("_")))
    return dtype in _FORMAT_OF or dtype == "float16" and sys.version_info >= (3, 12)


def result(family, data, shape, dtype):
    """An array of that family over ``data``."""
    if family == "numpy":
        import numpy

        return numpy.frombuffer(data, dtype=_numpy_type(dtype)).reshape(shape)
    if family == "torch":
        return _torch(data, shape, dtype)
    view = memoryview(data)
    return view.cast("B").cast("e" if dtype == "float16" else _FORMAT_OF[dtype], shape)


def _numpy_type(dtype):
    import numpy

    if dtype in _NARROW:
        try:
            import ml_dtypes
        except ImportError:
            return None
        return numpy.dtype(getattr(ml_dtypes, dtype))
    if dtype == "tfloat32":
        return numpy.dtype("float32")
    if dtype.endswith("_x4"):
        return numpy.dtype("uint%d" % (8 * BYTES[dtype]))
    return numpy.dtype(dtype.rstrip("_"))


#: torch's names where they differ; packed types come as integers of their size.
_TORCH = {"tfloat32": "float32", "float8_e4m3fn_x4": "int32", "float8_e5m2_x4": "int32", "float4_e2m1fn_x4": "int16"}


def _torch(data, shape, dtype):
    import torch

    kind = getattr(torch, _TORCH.get(dtype, dtype.rstrip("_")))
    return torch.frombuffer(bytearray(data), dtype=kind).reshape(shape)


def family_of(arrays):
    """The family that results come back in: torch if any argument is, else NumPy where it is installed, else buffers."""
    families = {a.family for a in arrays}
    if "torch" in families:
        return "torch"
    if "numpy" in families:
        return "numpy"
    if "buffer" in families:
        return "buffer"
    try:
        import numpy  # noqa: F401
    except ImportError:
        return "buffer"
    return "numpy"


def tensor_data(value):
    """(shape, dtype, bytes) of an array, or of nested lists of numbers where NumPy is installed."""
    if not is_tensor(value):
        import numpy

        value = numpy.asarray(value)
        value = value.astype({"f": "float32", "i": "int32", "u": "uint32", "b": "bool"}.get(value.dtype.kind, "float32"))
    array = Array(value)
    return array.shape, array.dtype, bytes(array.bytes())


_NPY = {"f4": "float32", "f2": "float16", "i4": "int32", "i2": "int16", "i1": "int8", "u4": "uint32", "u2": "uint16", "u1": "uint8", "b1": "bool_"}


def read_npy(path):
    """(shape, dtype, bytes) of a ``.npy`` file; needs no NumPy."""
    with open(path, "rb") as f:
        magic = f.read(8)
        if magic[:6] != b"\x93NUMPY":
            raise NkiInputError("%s is no .npy file" % path, "npy")
        size = struct.unpack("<H", f.read(2))[0] if magic[6] == 1 else struct.unpack("<I", f.read(4))[0]
        try:
            header = ast.literal_eval(f.read(size).decode("latin-1"))
            kind, order, shape = header["descr"], header["fortran_order"], header["shape"]
        except (ValueError, SyntaxError, KeyError, TypeError):
            raise NkiInputError("%s has a damaged .npy header" % path, "npy") from None
        dtype = _NPY.get(kind[1:]) if isinstance(kind, str) and kind[0] in "<|" else None
        if dtype is None or order:
            raise NkiInputError("%s holds %s%s; save little-endian row-major 8, 16 or 32-bit elements" % (path, kind, " in column order" if order else ""), "npy")
        data = f.read()
    count = BYTES[dtype]
    for n in shape:
        count *= n
    if len(data) != count:
        raise NkiInputError("%s holds %d bytes, its header says %d" % (path, len(data), count), "npy")
    return tuple(shape), dtype, data
