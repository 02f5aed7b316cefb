"""
A stand-in for NumPy on machines without it. Kernel files import NumPy for their callers; while such a file is only traced, its types
and constants are all that a kernel needs of it. Anything else says that NumPy is missing.
"""
import importlib.abc
import importlib.machinery
import importlib.util
import math
import sys
import types

_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None}
_TYPES = ("bool_", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64")


class _Type:
    """A NumPy scalar type by name."""

    def __init__(self, name):
        self.__name__ = name

    def __repr__(self):
        return "numpy." + self.__name__


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModuleNotFoundError("the kernel's file uses numpy.%s, and NumPy is not installed; pip install numpy" % name, name="numpy")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "numpy" else None

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        for name in _TYPES:
            setattr(module, name, _Type(name))
        for name, value in _CONSTANTS.items():
            setattr(module, name, value)
        module.ndarray = type("ndarray", (), {})


def allow_missing_numpy():
    """Lets ``import numpy`` succeed where NumPy is absent."""
    if importlib.util.find_spec("numpy") is None:
        sys.meta_path.append(_Finder())
