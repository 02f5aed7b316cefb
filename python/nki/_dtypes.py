"""Data types: strings, as ``nl.float32`` is one. Numbers and sizes come from the engine's own table (``_isa_generated``)."""
from ._isa_generated import DTYPES, DTYPE_BYTES

NUMBER = {name: i for i, name in enumerate(DTYPES)}
BYTES = dict(zip(DTYPES, DTYPE_BYTES))

FLOATS = frozenset(d for d in DTYPES if "float" in d and not d.endswith("_x4"))
INTEGERS = frozenset(d for d in DTYPES if "int" in d or d == "bool_")

# What NumPy, ml_dtypes, torch and Python call the same types.
_ALIASES = {
    "bool": "bool_",
    "half": "float16",
    "single": "float32",
    "float": "float32",
    "float8_e5m2fn": "float8_e5m2",
}
_known = {name: name for name in DTYPES}


def dtype_of(value):
    """The type's name for a string, a NumPy or ml_dtypes type, or a torch dtype; TypeError for what the chip has not."""
    try:
        return _known[value]
    except (KeyError, TypeError):
        pass
    name = value if isinstance(value, str) else getattr(value, "name", None) or getattr(value, "__name__", None) or str(value)
    name = str(name).rsplit(".", 1)[-1]
    name = _ALIASES.get(name, name)
    if name not in NUMBER:
        hint = "; cast it to a 32-bit type first" if "64" in name else ""
        raise TypeError("%s is not a data type of the chip; choose one of %s%s" % (name, ", ".join(DTYPES), hint))
    try:
        _known[value] = name
    except TypeError:
        pass
    return name
