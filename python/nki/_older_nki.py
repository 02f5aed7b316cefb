"""
Kernels written for ``nki`` 0.2 to 0.3 run by those versions' rules: the name under which their file knows ``nki.isa`` is given the
functions of that version where they differ (NKI migration guide 0.2 to 0.3). Files of newer versions are left alone.
"""
import linecache
import sys
import types

from . import isa
from ._dialect import VERSIONS, dialect_of
from ._errors import NkiUnsupportedError
from ._tensor import MemoryRegion

#: Words without which a file has none of the forms below; it is not even parsed.
_HINTS = ("dst_rmw_op", "unique_indices", "imm=", "use_gpsimd_dma", "affine_select", "dma_compute", "tensor_copy_dynamic", "_mode=", "engine=", "dtype=")
_known = {}


def _enum(kind, value):
    return kind(value) if isinstance(value, int) and not isinstance(value, bool) else value


def affine_select(dst, pattern, offset, channel_multiplier, on_true_tile, on_false_value, cmp_op=None, name=None):
    """0.2: offset is the third parameter."""
    extra = {} if cmp_op is None else {"cmp_op": cmp_op}
    return isa.affine_select(dst, pattern, channel_multiplier, on_true_tile, on_false_value, offset=offset, name=name, **extra)


def dma_copy(dst, src, dst_rmw_op=None, oob_mode=isa.oob_mode.error, dge_mode=isa.dge_mode.unknown, unique_indices=True, name=None, **more):
    """0.2: reads PSUM, adds into the destination, takes integers for modes."""
    if src.buffer is MemoryRegion.psum:
        moved = _beside(src)
        isa.tensor_copy(moved, src)
        src = moved
    modes = {"oob_mode": _enum(isa.oob_mode, oob_mode), "dge_mode": _enum(isa.dge_mode, dge_mode)}
    if dst_rmw_op is None:
        return isa.dma_copy(dst, src, name=name, **modes, **more)
    return _dma_compute()(dst, [src, dst], reduce_op=dst_rmw_op, unique_indices=unique_indices, name=name)


def _beside(src):
    from .language import ndarray

    return ndarray(src.shape, src.dtype, buffer=MemoryRegion.sbuf)


def _dma_compute():
    found = getattr(isa, "dma_compute", None)
    if found is None:
        raise NkiUnsupportedError("dma_compute is not an instruction of this engine yet", "dma_compute")
    return found


def dma_compute(dst, srcs, scales=None, reduce_op=None, **more):
    """0.2: scales come before reduce_op."""
    return _dma_compute()(dst, srcs, reduce_op=reduce_op, scales=scales, **more)


def register_move(dst, imm=None, src=None, name=None):
    """0.2: imm= is the value."""
    return isa.register_move(dst, imm if src is None else src, name=name)


def memset(dst, value, engine=isa.engine.unknown, name=None):
    """0.2: a float is cast to an integer tile's type."""
    if isinstance(value, float) and "int" in dst.dtype:
        value = int(value)
    return isa.memset(dst, value, engine=_enum(isa.engine, engine), name=name)


def tensor_reduce(dst, op, data, axis, negate=False, keepdims=False, name=None):
    """0.2: axis 1 is the last dimension, whatever the rank."""
    if axis == 1 or axis in ((1,), [1]):
        axis = len(data.shape) - 1
    return isa.tensor_reduce(dst, op, data, axis, negate=negate, keepdims=keepdims, name=name)


def sendrecv(*args, use_gpsimd_dma=None, **kwargs):
    """0.2: use_gpsimd_dma is a truth value."""
    if use_gpsimd_dma is not None:
        kwargs["dma_engine"] = isa.dma_engine.gpsimd_dma if use_gpsimd_dma else isa.dma_engine.dma
    return isa.sendrecv(*args, **kwargs)


def _dynamic(*args, **kwargs):
    raise NkiUnsupportedError(
        "tensor_copy_dynamic_src and _dst were removed in NKI 0.4 and their run-time slices are not simulated; "
        "use nisa.tensor_copy with tensor.ap(..., scalar_offset=...)",
        "tensor_copy_dynamic",
    )


_IN_02 = {f.__name__: f for f in (affine_select, dma_copy, dma_compute, register_move, memset, tensor_reduce, sendrecv)}
_IN_03 = {"tensor_copy_dynamic_src": _dynamic, "tensor_copy_dynamic_dst": _dynamic}


def _without_dtype(function):
    """0.2 and 0.3 took dtype= in any instruction and let the destination decide."""

    def call(*args, dtype=None, **kwargs):
        return function(*args, **kwargs)

    call.__name__ = function.__name__
    return call


def _isa_of(dialect):
    """``nki.isa`` as that version had it."""
    version = dialect.version
    made = types.ModuleType("nki.isa", "nki.isa of NKI " + version)
    made.__dict__.update(vars(isa))
    made.__dict__.update(_IN_03)
    if version == "0.2":
        made.__dict__.update(_IN_02)
    for form in dialect.forms:
        name, _, what = form.rule.partition(" ")
        if what == "dtype" and name in made.__dict__:
            made.__dict__[name] = _without_dtype(made.__dict__[name])
    return made


def version_of(file):
    """The version that a file is written for, or None when nothing says an older one."""
    if file not in _known:
        lines = linecache.getlines(file)
        source = "".join(lines)
        _known[file] = None
        if any(h in source for h in _HINTS):
            try:
                dialect = dialect_of(source, file)
            except SyntaxError:
                dialect = None
            if dialect is not None and dialect.api == "nki" and VERSIONS.index(dialect.version) <= VERSIONS.index("0.3"):
                _known[file] = dialect
    return _known[file]


def adopt(function):
    """Gives the module of an older kernel its version's functions, and says so once."""
    code = getattr(function, "__code__", None)
    dialect = version_of(code.co_filename) if code is not None else None
    names = getattr(function, "__globals__", None)
    if dialect is None or names is None or names.get("__nki_version__") == dialect.version:
        return
    older = _isa_of(dialect)
    current = vars(isa)
    for name, value in list(names.items()):
        if value is isa:
            names[name] = older
        elif name in older.__dict__ and value is current.get(name) and older.__dict__[name] is not value:
            names[name] = older.__dict__[name]
    names["__nki_version__"] = dialect.version
    first = min((f for f in dialect.forms if f.breaks and f.last == dialect.version), key=lambda f: f.line)
    sys.stderr.write(
        "%s:%d: written for NKI %s and run by its rules: %s (trn migrate-report %s lists all)\n"
        % (code.co_filename, first.line, dialect.version, first.message, code.co_filename)
    )
