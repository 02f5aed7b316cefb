"""Selections, statistics, searches and shuffles with returned results."""
from nki import isa as _core
from nki._enums import reduce_cmd as _reduce_cmd
from nki._errors import NkiUnsupportedError

from .._clip import boxes
from .._dtypes import dtype_of, is_float
from .._operands import Tile, alu, each, number, on_chip, packed, result
from .._select import cut
from .._storage import shaped
from .._tile import Pending
from ._engines import _column, _kind


def _instruction(name):
    found = getattr(_core, name, None)
    if found is None:
        raise NkiUnsupportedError("nisa.%s is not an instruction of this engine yet" % name, name)
    return found


def _one_box(mask, shape, what):
    found = boxes(mask, shape)
    if len(found) > 1:
        raise NkiUnsupportedError("%s: the mask selects %d boxes, it must select one" % (what, len(found)), "mask " + what)
    return found[0] if found else None


def _per_row(name, view, shape, kind, mask, emit):
    """An instruction whose result is not elementwise: the mask cuts the data and the partitions of the result."""
    box = _one_box(mask, view.shape, name)

    def issue(dst):
        if box is None:
            return
        out = shaped(dst, shape)
        emit(cut(out, (box[0],) + tuple((0, n) for n in out.shape[1:])), cut(view, box))

    return Pending(shape, kind, issue, exact=kind == "float32")


def bn_stats(data, *, mask=None, dtype=None, **kwargs):
    """Count, mean and variance * count of even and odd elements."""
    view = on_chip(data, "data").read()
    return _per_row("bn_stats", view, (view.shape[0], 6), _kind(dtype, view), mask, lambda dst, a: _core.bn_stats(dst, packed(a)))


def bn_aggr(data, *, mask=None, dtype=None, **kwargs):
    """Mean and variance from bn_stats results."""
    view = on_chip(data, "data").read()
    return _per_row("bn_aggr", view, (view.shape[0], 2), _kind(dtype, view), mask, lambda dst, a: _core.bn_aggr(dst, packed(a)))


def max8(*, src, mask=None, dtype=None, **kwargs):
    """The eight largest values of every partition, descending."""
    view = on_chip(src, "src").read()
    issue = _instruction("max8")
    return _per_row("max8", view, (view.shape[0], 8), _kind(dtype, view), mask, lambda dst, a: issue(dst, packed(a)))


def nc_find_index8(*, data, vals, mask=None, dtype=None, **kwargs):
    """The first position of each of eight values in every partition."""
    view, values = on_chip(data, "data").read(), on_chip(vals, "vals").read()
    issue = _instruction("nc_find_index8")
    kind = "uint32" if dtype is None else dtype_of(dtype)

    def emit(dst, a):
        issue(dst, packed(a), _partitions(values, a, view))

    return _per_row("nc_find_index8", view, (view.shape[0], 8), kind, mask, emit)


def _partitions(v, cut_view, whole):
    """``v`` with the partitions of a cut view."""
    if cut_view.shape[0] == v.shape[0]:
        return v
    first = (cut_view.offset - whole.offset) // whole._b.row
    return v._view((cut_view.shape[0],) + v.shape[1:], v.strides, v.offset + first * v.strides[0])


def nc_match_replace8(*, data, vals, imm, dst_idx=None, mask=None, dtype=None, **kwargs):
    """data with the first occurrence of each of eight values replaced."""
    view, values = on_chip(data, "data").read(), on_chip(vals, "vals").read()
    issue = _instruction("nc_match_replace8")
    indices = dst_idx.write() if dst_idx is not None else None
    box = _one_box(mask, view.shape, "nc_match_replace8")

    def emit(dst):
        if box is None:
            return
        a = cut(view, box)
        target = cut(shaped(dst, view.shape), box)
        extra = {} if indices is None else {"dst_idx": _partitions(indices, a, view)}
        issue(packed(target), packed(a), _partitions(values, a, view), float(number(imm)), **extra)

    return Pending(view.shape, _kind(dtype, view), emit)


def nc_stream_shuffle(src, dst, shuffle_mask, *, dtype=None, mask=None, **kwargs):
    """Partitions of every group of 32 picked anew."""
    if mask is not None and mask is not True:
        raise NkiUnsupportedError("a masked nc_stream_shuffle; shuffle the slice instead", "mask nc_stream_shuffle")
    source = on_chip(src, "src").read()
    _instruction("nc_stream_shuffle")(dst.write(), source, [int(number(i)) for i in shuffle_mask])


def local_gather(src_buffer, index, num_elem_per_idx=1, num_valid_indices=None, *, mask=None, **kwargs):
    """Gathers inside groups of 16 partitions, on GpSimd."""
    view, where = on_chip(src_buffer, "src_buffer").read(), on_chip(index, "index").read()
    count = num_valid_indices or where.size // (where.shape[0] // 16)
    shape = (view.shape[0], count // 16 if count % 16 == 0 else count, 16, num_elem_per_idx) if count % 16 == 0 else (
        view.shape[0],
        count,
        num_elem_per_idx,
    )
    issue = _instruction("local_gather")
    flat = (shape[0], count * num_elem_per_idx)

    def emit(dst):
        issue(dst.reshape(flat), packed(view), where, num_elem_per_idx, num_valid_indices)

    return Pending(shape, view.dtype, emit, spaces=("sbuf",))


def sequence_bounds(*, segment_ids, dtype=None, **kwargs):
    """Start and end of the segment that every element belongs to."""
    view = on_chip(segment_ids, "segment_ids").read()
    issue = _instruction("sequence_bounds")
    shape = (view.shape[0], 2) + view.shape[1:]
    return Pending(shape, _kind(dtype, view), lambda dst: issue(shaped(dst, shape), view), spaces=("sbuf",))


def tensor_copy_predicated(*, src, dst, predicate, reverse_pred=False, mask=None, dtype=None, **kwargs):
    """dst = src where the predicate is not 0."""
    from ..language._elementwise import _predicate

    test = _predicate(predicate)
    source = src.read() if isinstance(src, Tile) else float(number(src)) if is_float(dst.type_name) else number(src)
    target = dst.write()
    if isinstance(src, Tile):
        each(mask, target.shape, lambda d, s, p: _core.tensor_copy_predicated(d, s, p, reverse_pred), target, source, test)
    else:
        each(mask, target.shape, lambda d, p: _core.tensor_copy_predicated(d, source, p, reverse_pred), target, test)


def range_select(
    *,
    on_true_tile,
    comp_op0,
    comp_op1,
    bound0,
    bound1,
    reduce_cmd=_reduce_cmd.idle,
    reduce_res=None,
    reduce_op="maximum",
    range_start=0,
    on_false_value=None,
    mask=None,
    dtype=None,
    **kwargs,
):
    """on_true_tile where its position lies between two bounds, else the lowest fp32; the largest of a row on the side."""
    view = on_chip(on_true_tile, "on_true_tile").read()
    first, second = _column(bound0, view.shape, "float32"), _column(bound1, view.shape, "float32")
    res = reduce_res.write() if reduce_res is not None else None
    options = {} if on_false_value is None else {"on_false_value": float(number(on_false_value))}

    def emit(dst, a):
        _core.range_select(
            dst,
            a,
            alu(comp_op0),
            alu(comp_op1),
            _partitions(first, a, view),
            _partitions(second, a, view),
            reduce_cmd,
            res,
            alu(reduce_op),
            int(number(range_start)),
            **options,
        )

    return result(view.shape, _kind(dtype, view), emit, mask, (view,), exact=_kind(dtype, view) == "float32")


def select_reduce(
    *,
    dst,
    predicate,
    on_true,
    on_false,
    reduce_res=None,
    reduce_cmd=_reduce_cmd.idle,
    reduce_op="maximum",
    reverse_pred=False,
    mask=None,
    dtype=None,
    **kwargs,
):
    """dst = on_true or on_false by the predicate; the largest of a row on the side."""
    from ..language._elementwise import _predicate

    view = on_chip(on_true, "on_true").read()
    test = _predicate(predicate)
    if test.dtype == "uint32":
        test = Tile(result(test.shape, "uint8", lambda d, a: _core.tensor_copy(d, a), None, (test,)).read())._v
    other = _column(on_false, view.shape)
    other = float(other) if isinstance(other, (int, float)) else other
    res = reduce_res.write() if reduce_res is not None else None
    target = dst.write()
    options = {"reduce_res": res, "reduce_cmd": reduce_cmd, "reduce_op": alu(reduce_op), "reverse_pred": reverse_pred}
    each(mask, view.shape, lambda d, p, a: _core.select_reduce(d, p, a, other, **options), shaped(target, view.shape), test, view)


def tensor_scalar_cumulative(
    *, dst, src, op0, op1, imm0, imm1=None, reduce_cmd=_reduce_cmd.reset_reduce, mask=None, dtype=None, **kwargs
):
    """dst[i] = dst[i - 1] op1 (src[i] op0 imm0)."""
    view = on_chip(src, "src").read()
    target = dst.write()
    operands = [_column(i, view.shape, "float32") for i in (imm0, imm1)]
    operands = [float(i) if isinstance(i, int) else i for i in operands]
    if reduce_cmd is not _reduce_cmd.load_reduce:
        operands[1] = None
    each(
        mask,
        view.shape,
        lambda d, a: _core.tensor_scalar_cumulative(d, a, alu(op0), alu(op1), operands[0], operands[1], reduce_cmd),
        target,
        view,
    )


def builtin_custom_op(*args, **kwargs):
    """Refused: compiled libraries of GpSimd code do not run here."""
    raise NkiUnsupportedError("builtin_custom_op runs a compiled GpSimd library, which a virtual chip cannot", "builtin_custom_op")


