"""Matmuls and transposes on TensorE: where their results land in PSUM, when they add, what multiplies by an identity."""
from nki import isa as _core
from nki._enums import engine as _engine, matmul_perf_mode
from nki._errors import NkiUnsupportedError

from ._dtypes import dtype_of
from ._operands import Tile, on_chip
from ._state import current
from ._storage import fresh, shaped
from ._tile import Pending

_DOUBLE_ROW = ("double_row", "double_row_gen3")


def _sbuf(tile, what):
    """TensorE reads SBUF only; a tile of PSUM is copied there, as the compiler does."""
    view = on_chip(tile, what).read()
    if tile.space == "psum":
        moved = fresh(view.shape, view.dtype)
        _core.tensor_copy(moved, view)
        return moved
    return view


def _free(view):
    return view.size // view.shape[0]


def nc_matmul(
    stationary,
    moving,
    *,
    is_stationary_onezero=False,
    is_moving_onezero=False,
    is_transpose=False,
    tile_position=(),
    tile_size=(),
    perf_mode=None,
    mask=None,
    **kwargs,
):
    """stationary.T @ moving into PSUM."""
    if mask is not None and mask is not True:
        if not hasattr(mask, "terms"):
            if not mask:
                return Pending(_shape(stationary, moving, perf_mode), "float32", lambda dst: None, "psum", accumulates=lambda dst, acc: None)
        else:
            raise NkiUnsupportedError("nc_matmul takes masks on its operands (tile[i < n]), or one that is true or false as a whole", "mask nc_matmul")
    a, b = _sbuf(stationary, "stationary"), _sbuf(moving, "moving")
    double = _mode(perf_mode) is matmul_perf_mode.double_row
    shape = _shape(Tile(a), Tile(b), perf_mode)
    generation = int(_core.get_nc_version())
    passes = is_transpose and generation >= 3
    kind = ("bfloat16" if b.dtype.startswith("float8") else a.dtype) if passes else "float32"
    options = {
        "is_stationary_onezero": is_stationary_onezero,
        "is_moving_onezero": is_moving_onezero,
        "tile_position": tuple(int(n) for n in tile_position),
        "tile_size": tuple(int(n) for n in tile_size),
        "perf_mode": _mode(perf_mode),
    }
    if not double:
        a, b = _flat(a), _flat(b)

    def emit(dst, accumulate=False):
        target = _flat(shaped(dst, shape)) if len(shape) == 2 else dst
        # A transpose is a multiplication by the identity where the destination is fp32: only then it may differ from the input's type.
        as_is = is_transpose and target.dtype == (a.dtype if passes else "float32")
        _core.nc_matmul(target, a, b, is_transpose=as_is, accumulate=accumulate, **options)

    # An explicit perf mode keeps [K, 2, N]; the result is flat all the same.
    made = Pending(shape, kind, emit, "psum", exact=True, accumulates=emit, spaces=("psum",))
    return made


def _mode(perf_mode):
    name = getattr(perf_mode, "name", perf_mode)
    if name in (None, "none"):
        return matmul_perf_mode.none
    if name in _DOUBLE_ROW:
        return matmul_perf_mode.double_row
    raise NkiUnsupportedError("perf_mode %s of nc_matmul; choose double_row_gen3" % (perf_mode,), "perf_mode")


def _flat(view):
    if len(view.shape) == 2:
        return view
    from ._operands import packed

    return packed(view)


def _shape(stationary, moving, perf_mode):
    rows = 2 if _mode(perf_mode) is matmul_perf_mode.double_row else 1
    m = stationary.size // stationary.shape[0] // rows
    free = tuple(moving.shape[1:])
    return (m, free[-1]) if rows == 2 and len(free) == 2 else (m,) + (free or (1,))


def matmul(x, y, *, transpose_x=False, mask=None, **kwargs):
    """x @ y, or x.T @ y; x is transposed on TensorE when it is not given so."""
    if transpose_x:
        return nc_matmul(x, y, mask=mask)
    turned = nc_transpose(x)
    view = turned.read()
    moved = fresh(view.shape, x.type_name)
    _core.tensor_copy(moved, view)
    return nc_matmul(Tile(moved), y, mask=mask)


def nc_transpose(data, *, mask=None, dtype=None, engine=None, **kwargs):
    """Partitions and free dimension exchanged: on VectorE up to [32, 32], on TensorE up to [128, 128]."""
    if mask is False:
        return Pending((data.size // data.shape[0], data.shape[0]), data.type_name, lambda dst: None)
    if mask is not None and mask is not True and getattr(mask, "verdict", bool)() is not True:
        raise NkiUnsupportedError("a masked nc_transpose; transpose the slice instead", "mask nc_transpose")
    view = on_chip(data, "data").read()
    p, f = view.shape[0], _free(view)
    shape = (f, p)
    on_tensor = engine is _engine.tensor or not (engine is _engine.vector or (p <= 32 and f <= 32))
    if on_tensor and data.space == "psum":
        view = _sbuf(data, "data")
    kind = view.dtype
    if on_tensor and int(_core.get_nc_version()) < 3:
        kind = "float32"
    if dtype is not None:
        kind = dtype_of(dtype)
    flat = _flat(view)

    def emit(dst):
        chosen = _engine.tensor if on_tensor else _engine.vector
        if dst.dtype == flat.dtype:
            _core.nc_transpose(dst, flat, engine=chosen)
        elif on_tensor and dst.dtype == "float32" and flat.dtype in ("bfloat16", "float16", "float8_e4m3", "float8_e5m2"):
            _core.nc_matmul(dst, flat, identity(p, flat.dtype), is_moving_onezero=True, accumulate=False)
        else:
            straight = fresh(shape, flat.dtype, "psum" if on_tensor else "sbuf")
            _core.nc_transpose(straight, flat, engine=chosen)
            _core.tensor_copy(dst, straight)

    space = "psum" if on_tensor else "sbuf"
    return Pending(shape, kind, emit, space, spaces=("psum",) if on_tensor else ("sbuf", "psum"), exact=dtype is None)


def identity(n, kind):
    """An identity matrix in SBUF, loaded once a kernel."""
    s = current()
    key = ("identity", n, kind)
    known = s.loaded.get(key)
    if known is None:
        from .language._creation import shared_identity_matrix

        constant = shared_identity_matrix(n, kind)._v
        known = s.loaded[key] = fresh((n, n), kind)
        _core.dma_copy(known, constant)
    return known
