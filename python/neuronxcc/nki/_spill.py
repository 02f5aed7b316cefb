"""
Spilling. The older compiler keeps tiles in HBM between uses where PSUM does not hold all that live. Here a kernel that overflows PSUM is
traced again with the tensors of the line that overflowed kept in HBM: every use loads, every result is stored.
"""
import sys

from nki import isa as _core
from nki._errors import NkiCapacityError

from ._storage import fresh, shaped
from ._tile import Tile

#: Lines that one kernel may spill before its overflow stands.
MAX_LINES = 8


class Spilled(Tile):
    """A tile whose place is HBM."""

    __slots__ = ()

    @property
    def space(self):
        return "sbuf"

    def read(self):
        source = Tile.read(self)
        view = fresh(source.shape, source.dtype)
        _core.dma_copy(view, source)
        return view

    def __getitem__(self, key):
        return Spilled(Tile.__getitem__(self, key)._v)

    def keep(self, value):
        """Stores a tile's values here."""
        source = value.read()
        if value.space == "psum" or source.dtype != self.type_name:
            moved = fresh(source.shape, self.type_name)
            _core.tensor_copy(moved, source)
            source = moved
        target = Tile.write(self)
        _core.dma_copy(target, shaped(source, target.shape))


def retry(kernel, run):
    """Runs a kernel; where PSUM overflows, once more with the overflowing line spilled."""
    while True:
        try:
            return run()
        except NkiCapacityError as e:
            place = (e.file, e.line)
            if e.rule != "PSUM capacity" or e.line is None or place in kernel.spilled or len(kernel.spilled) >= MAX_LINES:
                raise
            kernel.spill(place)
            sys.stderr.write("%s:%d: PSUM does not hold all that lives; tiles made here are kept in HBM between uses\n" % place)
