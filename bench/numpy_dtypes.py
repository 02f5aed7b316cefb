"""
The data types that NumPy lacks, for numpy_peer.py. bfloat16 is ml_dtypes' where that is installed, otherwise two shifts and a rounding
addition. Types of eight bits are read through a table of 256 float32 values and written by rounding the float32 pattern (nearest
even, overflow to infinity or, without one, to NaN). Packed (MX) values are read as bytes through the same tables, times 2^scale.
"""
import numpy as np

try:
    from ml_dtypes import bfloat16
except ImportError:
    bfloat16 = None

DTYPES = {
    "float32": np.float32,
    "float16": np.float16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int16": np.int16,
    "uint16": np.uint16,
    "int8": np.int8,
    "uint8": np.uint8,
}
# Mantissa bits, exponent bias, pattern of the first special magnitude, whether that starts infinities.
EIGHT_BITS = {
    "float8_e4m3": (3, 7, 0x78, True),
    "float8_e4m3fn": (3, 7, 0x7F, False),
    "float8_e5m2": (2, 15, 0x7C, True),
}
PACKED = {"float8_e4m3fn_x4": "float8_e4m3fn", "float8_e5m2_x4": "float8_e5m2"}
STORED = {
    **{name: np.dtype(t) for name, t in DTYPES.items()},
    **{name: np.dtype(np.uint8) for name in EIGHT_BITS},
    **{name: np.dtype(np.uint32) for name in PACKED},
    "bfloat16": np.dtype(np.uint16),
    "float8_e8m0fnu": np.dtype(np.uint8),
}


def _table(mantissa, bias, special, infinite):
    bits = np.arange(256)
    magnitude = bits & 0x7F
    exponent, fraction = magnitude >> mantissa, magnitude & ((1 << mantissa) - 1)
    normal = np.ldexp(1 + fraction / (1 << mantissa), exponent - bias)
    subnormal = np.ldexp(fraction / (1 << mantissa), 1 - bias)
    values = np.where(exponent == 0, subnormal, normal)
    values[magnitude >= special] = np.nan
    if infinite:
        values[magnitude == special] = np.inf
    return np.where(bits < 128, values, -values).astype(np.float32)


TABLES = {name: _table(*row) for name, row in EIGHT_BITS.items()}
FACTORS = np.append(np.ldexp(1.0, np.arange(255) - 127), np.nan).astype(np.float32)


def read_bits(a, dtype):
    """Stored patterns as values."""
    if dtype == "bfloat16":
        if bfloat16 is None:
            return (a.astype(np.uint32) << 16).view(np.float32)
        a = a if a.flags.c_contiguous else a.copy()
        return a.view(bfloat16).astype(np.float32)
    return TABLES[dtype][a] if dtype in TABLES else a


def round_to(values, dtype):
    """Values as stored patterns."""
    if dtype == "bfloat16":
        values = np.ascontiguousarray(values, np.float32)
        if bfloat16 is not None:
            return values.astype(bfloat16).view(np.uint16)
        bits = values.view(np.uint32)
        return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    if dtype in EIGHT_BITS:
        return round_to_eight(np.ascontiguousarray(values, np.float32), dtype)
    if STORED[dtype].kind in "iu" and values.dtype.kind == "f":
        return np.rint(values)
    return values


def round_to_eight(values, dtype):
    mantissa, bias, special, infinite = EIGHT_BITS[dtype]
    bits = values.view(np.uint32)
    magnitude = bits & 0x7FFFFFFF
    shift = 23 - mantissa
    # Normal results round as integers; subnormal ones by an addition that leaves the pattern in the low bits.
    rebased = magnitude - np.uint32((127 - bias) << 23)
    normal = (rebased + np.uint32((1 << (shift - 1)) - 1) + ((rebased >> shift) & 1)) >> shift
    magic = np.array([(128 - bias + shift) << 23], np.uint32)
    subnormal = (magnitude.view(np.float32) + magic.view(np.float32)).view(np.uint32) - magic
    small = magnitude < np.uint32((128 - bias) << 23)
    pattern = np.minimum(np.where(small, subnormal, normal), special)
    pattern[magnitude > 0x7F800000] = 0x7F if not infinite else special | 1 << (mantissa - 1)
    return (pattern | (bits >> 24 & 0x80)).astype(np.uint8)


def dequantise_mx(packed, dtype, scales):
    """Packed [K, N] with scales in the first four rows of each quadrant, as float32 [4 K, N]."""
    k = packed.shape[0]
    elements = np.ascontiguousarray(packed).reshape(k, -1).view(np.uint8).reshape(k, -1, 4)
    values = TABLES[PACKED[dtype]][elements.transpose(0, 2, 1)]
    scales = scales.reshape(scales.shape[0], -1)
    kept = np.concatenate([scales[q : q + 4] for q in range(0, k, 32)])
    return (values.reshape(k // 8, 32, -1) * FACTORS[kept][:, None, :]).reshape(4 * k, -1)


def quantise_mx(values, dtype):
    """float32 [P, F] as packed uint32 [P, F / 4] and scale bytes [P / 8, F / 4]."""
    element = PACKED[dtype]
    top = 8 if element == "float8_e4m3fn" else 15
    p, f = values.shape
    groups = values.reshape(p // 8, 8, f // 4, 4)
    largest = np.abs(groups).max(axis=(1, 3))
    exponent = np.maximum((largest.view(np.uint32) >> 23).astype(np.int32) - 127 - (top - 1), -127)
    scaled = np.ldexp(groups, -exponent[:, None, :, None]).astype(np.float32)
    patterns = round_to_eight(scaled, element)
    return patterns.reshape(p, f).view(np.uint32), (exponent + 127).astype(np.uint8)
