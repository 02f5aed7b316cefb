"""Arithmetic instructions of VectorE, ScalarE and GpSimd with returned results."""
from nki import isa as _core
from nki._enums import engine as _engine, reduce_cmd as _reduce_cmd
from nki._errors import NkiUnsupportedError

from .._dtypes import dtype_of, promote
from .._operands import Tile, act, alu, broadcast_view, columns, number, on_chip, op_name, result
from .._storage import fresh, shaped
from .._tile import Pending
from ..language import _elementwise as ew
from ..language._movement import copy
from ..language._reduction import reduce


def _kind(dtype, *views):
    if dtype is not None:
        return dtype_of(dtype)
    kind = views[0].dtype
    for v in views[1:]:
        kind = promote(kind, v.dtype)
    return kind


def _column(x, shape, kind=None):
    """A number, or a tile of one value a partition seen with the rank of ``shape``; converted where the instruction wants ``kind``."""
    x = number(x)
    if not isinstance(x, Tile):
        return x
    view = on_chip(x, "operand").read()
    if not columns(view, shape[0]):
        if view.shape[0] == 1 and view.size == 1:
            from .._operands import spread

            view = spread(x, shape[0]).read()
        elif not columns(view, view.shape[0]):
            return view
    if kind is not None and view.dtype != kind:
        moved = fresh(view.shape, kind)
        _core.tensor_copy(moved, view)
        view = moved
    if view.shape[0] != shape[0]:
        return view
    return shaped(view, shape[:1] + (1,) * (len(shape) - 1))


def _split(*operands):
    """Operands as (views that masks cut, function that puts numbers and cut views together)."""
    tiles = [o if hasattr(o, "strides") else None for o in operands]
    return tiles, lambda cut: [o if c is None else c for o, c in zip(operands, cut)]


def tensor_copy(src, *, mask=None, dtype=None, engine=None, **kwargs):
    """A copy of a tile."""
    return copy(src, mask=mask, dtype=dtype, engine=engine)


def activation(
    op, data, *, bias=None, scale=1.0, reduce_op=None, reduce_res=None, reduce_cmd=_reduce_cmd.idle, mask=None, dtype=None, **kwargs
):
    """op(data * scale + bias) on ScalarE."""
    view = on_chip(data, "data").read()
    shape = view.shape
    kind = _kind(dtype, view)
    function = act(op)
    tiles, merge = _split(_column(bias, shape), _column(scale, shape, "float32"))
    res = reduce_res.write() if reduce_res is not None else None
    add = alu(reduce_op) if reduce_op is not None else None
    if reduce_res is not None and reduce_cmd is _reduce_cmd.idle:
        raise NkiUnsupportedError("activation: reduce_res is given and reduce_cmd is idle; use reduce_cmd.reset_reduce", "reduce_cmd")

    def emit(dst, a, *cut):
        b, s = merge(cut)
        _core.activation(dst, function, a, b, 1.0 if s is None else s, add, _rows(res, a), reduce_cmd)

    return result(shape, kind, emit, mask, (view, *tiles), exact=kind == "float32")


def _rows(res, a):
    """A result column with the partitions that a mask left."""
    if res is None or res.shape[0] == a.shape[0]:
        return res
    return res._view((a.shape[0],) + res.shape[1:], res.strides, res.offset)


def activation_reduce(op, data, *, reduce_op, reduce_res, bias=None, scale=1.0, mask=None, dtype=None, **kwargs):
    """activation with the sum of every row in ``reduce_res``."""
    return activation(
        op,
        data,
        bias=bias,
        scale=scale,
        reduce_op=reduce_op,
        reduce_res=reduce_res,
        reduce_cmd=_reduce_cmd.reset_reduce,
        mask=mask,
        dtype=dtype,
    )


def tensor_scalar(
    data, op0, operand0, reverse0=False, op1=None, operand1=None, reverse1=False, *, dtype=None, mask=None, engine=None, **kwargs
):
    """(data op0 operand0) op1 operand1."""
    view = on_chip(data, "data").read()
    shape = view.shape
    kind = _kind(dtype, view)
    names = [op_name(op0), None if op1 is None else op_name(op1)]
    operands = [number(operand0), number(operand1)]
    reverse = [reverse0, reverse1]
    for i, name in enumerate(names):
        if name == "divide" and not reverse[i]:
            names[i] = "multiply"
            if isinstance(operands[i], Tile):
                operands[i] = Tile(ew.reciprocal(operands[i], "float32").read())
            else:
                operands[i] = 1.0 / float(operands[i])
    first, second = alu(names[0]), None if names[1] is None else alu(names[1])
    bits = names[0] in ew.BITWISE or names[0] == "invert"
    columned = [_column(o, shape, None if bits else "float32") for o in operands]
    columned = [float(c) if isinstance(c, int) and not bits else c for c in columned]
    tiles, merge = _split(*columned)
    options = {} if engine is None or engine is _engine.unknown else {"engine": engine}

    def emit(dst, a, *cut):
        x, y = merge(cut)
        _core.tensor_scalar(dst, a, first, x, reverse0, second, y, reverse1, **options)

    return result(shape, kind, emit, mask, (view, *tiles), exact=kind == "float32")


def tensor_scalar_reduce(*, data, op0, operand0, reduce_op, reduce_res, reverse0=False, dtype=None, mask=None, **kwargs):
    """tensor_scalar with the reduction of every row in ``reduce_res``."""
    view = on_chip(data, "data").read()
    shape = view.shape
    kind = _kind(dtype, view)
    first, second = alu(op0), alu(reduce_op)
    column = _column(operand0, shape, "float32")
    tiles, merge = _split(float(column) if isinstance(column, int) else column)
    res = reduce_res.write()

    def emit(dst, a, *cut):
        (x,) = merge(cut)
        _core.tensor_scalar_reduce(dst, a, first, x, second, _rows(res, a), reverse0)

    return result(shape, kind, emit, mask, (view, *tiles), exact=kind == "float32")


def tensor_tensor(data1, data2, op, *, dtype=None, mask=None, engine=None, **kwargs):
    """data1 op data2, element by element; one value a partition is repeated."""
    a, b = on_chip(data1, "data1").read(), on_chip(data2, "data2").read()
    kind = _kind(dtype, a, b)
    if op_name(op) == "divide":
        return ew.divide(data1, data2, kind, mask)
    function = alu(op)
    shape = a.shape if a.size >= b.size else b.shape
    if a.size == b.size and len(b.shape) > len(a.shape):
        shape = b.shape
    a, b = (shaped(v, shape) if v.size == a.size == b.size else broadcast_view(v, shape) for v in (a, b))
    if data1.space == "psum" and data2.space == "psum":
        moved = fresh(shape, b.dtype)
        _core.tensor_copy(moved, b)
        b = moved
    options = {} if engine is None or engine is _engine.unknown else {"engine": engine}
    return result(
        shape, kind, lambda dst, p, q: _core.tensor_tensor(dst, p, q, function, **options), mask, (a, b), exact=kind == "float32"
    )


def scalar_tensor_tensor(*, data, op0, operand0, op1, operand1, reverse0=False, reverse1=False, dtype=None, mask=None, **kwargs):
    """(data op0 operand0) op1 operand1, operand1 being a whole tile."""
    view, other = on_chip(data, "data").read(), on_chip(operand1, "operand1").read()
    shape = view.shape
    kind = _kind(dtype, view)
    first, second = alu(op0), alu(op1)
    column = _column(operand0, shape, "float32")
    tiles, merge = _split(float(column) if isinstance(column, int) else column)
    other = shaped(other, shape) if other.size == view.size else broadcast_view(other, shape)

    def emit(dst, a, q, *cut):
        (x,) = merge(cut)
        _core.scalar_tensor_tensor(dst, a, first, x, second, q, reverse0, reverse1)

    return result(shape, kind, emit, mask, (view, other, *tiles), exact=kind == "float32")


def tensor_tensor_scan(data0, data1, initial, op0, op1, reverse0=False, reverse1=False, *, dtype=None, mask=None, **kwargs):
    """result[i] = (data0[i] op0 result[i - 1]) op1 data1[i]."""
    a, b = on_chip(data0, "data0").read(), on_chip(data1, "data1").read()
    kind = _kind(dtype, a, b)
    first, second = alu(op0), alu(op1)
    start = _column(initial, a.shape)
    tiles, merge = _split(float(start) if isinstance(start, int) else start)

    def emit(dst, p, q, *cut):
        (x,) = merge(cut)
        _core.tensor_tensor_scan(dst, p, q, x, first, second, reverse0, reverse1)

    return result(a.shape, kind, emit, mask, (a, shaped(b, a.shape), *tiles), exact=kind == "float32")


def reciprocal(data, *, dtype=None, mask=None, **kwargs):
    """1 / data on VectorE."""
    return ew.reciprocal(data, dtype, mask)


def tensor_reduce(op, data, axis, *, mask=None, dtype=None, negate=False, keepdims=False, **kwargs):
    """The reduction of free dimensions on VectorE."""
    return reduce(op, data, axis, dtype, mask, negate, keepdims)


def tensor_partition_reduce(op, data, *, mask=None, dtype=None, **kwargs):
    """The reduction over partitions on GpSimd."""
    view = on_chip(data, "data").read()
    kind = _kind(dtype, view)
    function = alu(op)
    shape = (1,) + view.shape[1:]

    def emit(dst):
        from .._operands import each, packed

        out = shaped(dst, shape)

        def one(a):
            target = out if a.shape[1:] == view.shape[1:] else out._view((1,) + a.shape[1:], out.strides, out.offset + (a.offset - view.offset) % view._b.row)
            _core.tensor_partition_reduce(packed(target), function, packed(a))

        each(mask, view.shape, one, view)

    return Pending(shape, kind, emit, spaces=("sbuf",))
