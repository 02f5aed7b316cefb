"""Storages behind tiles: making them, zeroing them when that can no longer wait, seeing a view in another shape of ones."""
from nki import isa as _core
from nki._tensor import MemoryRegion
from nki._trace import CONSTANT, INTERNAL

from ._state import current


def covers(v):
    return v.offset == 0 and v.size == v._b.elements and 0 not in v.strides


def zero(s, v):
    b = v._b
    s.lazy.discard(b.id)
    s.written.add(b.id)
    _core.memset(v._view((b.elements // b.row, b.row), (b.row, 1), 0), 0.0 if "float" in b.dtype else 0)


def fresh(shape, dtype, space="sbuf", name=""):
    """A new tile of the memory ``space``; shapes of one dimension get a free dimension of 1."""
    shape = tuple(shape) or (1,)
    region = {"sbuf": MemoryRegion.sbuf, "psum": MemoryRegion.psum, "hbm": MemoryRegion.private_hbm}[space]
    if space != "hbm" and len(shape) == 1:
        shape += (1,)
    s = current()
    return s.trace.storage(shape, dtype, region, name, kind_of(s, region))


def kind_of(s, region):
    """How a new storage is declared: with contents that count as written where masks may leave some out."""
    return CONSTANT if s.masks and region in (MemoryRegion.sbuf, MemoryRegion.psum) else INTERNAL


def solid(shape):
    """A shape without its free dimensions of 1."""
    shape = tuple(shape)
    return shape[:1] + tuple(n for n in shape[1:] if n != 1)


def shaped(view, shape):
    """``view`` with the dimensions of ``shape``, where they differ in ones only; ValueError otherwise."""
    shape = tuple(shape)
    if view.shape == shape:
        return view
    if view._x is not None and solid(view.shape) == solid(shape) and len(view.shape) <= len(shape):
        return view
    if solid(view.shape) != solid(shape):
        kept = [n for n in view.shape if n != 1]
        if kept != [n for n in shape if n != 1]:
            raise ValueError("shape %s does not fit %s" % (shape, view.shape))
    dims = [(n, s) for n, s in zip(view.shape[1:], view.strides[1:]) if n != 1]
    first = (view.shape[0], view.strides[0])
    if shape[0] != view.shape[0]:
        dims = [(n, s) for n, s in zip(view.shape, view.strides) if n != 1]
        first = (1, view._b.row or 1) if shape[0] == 1 else dims.pop(0)
    out = [first]
    for n in shape[1:]:
        out.append((1, 1) if n == 1 else dims.pop(0))
    return view._view(tuple(n for n, _ in out), tuple(s for _, s in out), view.offset, view._x)
