"""Loops. A kernel is unrolled while it is traced, so every range counts plain integers; hints to the compiler's scheduler are accepted."""
from nki._views import DynamicSlice

from .._operands import Pending, Tile, alu, number
from .._state import current


class LoopIndex(int):
    """An integer that knows it counts a loop."""

    __slots__ = ()


def _count(args):
    return range(*(int(number(a)) for a in args))


def affine_range(*args, **kwargs):
    """Iterations without dependencies between them; traced in order."""
    return [LoopIndex(i) for i in _count(args)]


def sequential_range(*args, **kwargs):
    """Iterations in order."""
    return [LoopIndex(i) for i in _count(args)]


def static_range(*args, **kwargs):
    """Iterations unrolled by the compiler."""
    loops = current().unrolled
    for i in _count(args):
        loops.append(i)
        try:
            yield i
        finally:
            loops.pop()


def ds(start, size):
    """``size`` elements from ``start``."""
    return DynamicSlice(start, size)


def program_id(axis=0):
    """This instance's coordinate in the launch grid."""
    ids = current().ids
    return ids[axis] if axis < len(ids) else 0


def program_ndim():
    """Dimensions of the launch grid."""
    return len(current().grid)


def num_programs(axes=None):
    """Instances along the axes of the launch grid."""
    grid = current().grid
    if axes is None:
        axes = range(len(grid))
    n = 1
    for a in (axes,) if isinstance(axes, int) else axes:
        n *= grid[a] if a < len(grid) else 1
    return n


def loop_reduce(x, op, loop_indices=None, *, dtype=None, mask=None, **kwargs):
    """The destination combined with x: ``a[...] = loop_reduce(x, op)`` is ``a op= x``, or a copy where a was never written."""
    from . import _elementwise as ew
    from ._movement import move

    source = Tile(x.read())
    operation = alu(op).__name__

    def combine(target):
        if target._v._b.id in current().written:
            ew.into(operation, target, source)
        else:
            move(target, source)

    kind = source.type_name if dtype is None else ew.dtype_of(dtype)
    known = _assigned()
    if isinstance(known, Tile) and tuple(known.shape) == tuple(source.shape):
        combine(known)
        return known
    from nki import isa as core

    view = source._v
    return Pending(source.shape, kind, lambda dst: core.tensor_copy(dst, view), reduces=combine)


def _assigned():
    """What the variable that the caller is about to assign holds already, or None."""
    import dis
    import sys

    frame = sys._getframe(2)
    for i in dis.get_instructions(frame.f_code):
        if i.offset > frame.f_lasti and i.opname != "CACHE":
            if i.opname in ("STORE_FAST", "STORE_NAME", "STORE_DEREF", "STORE_GLOBAL"):
                return frame.f_locals.get(i.argval, frame.f_globals.get(i.argval))
            return None
    return None
