"""Registers of the engine sequencers: scalars known only when the kernel runs."""

import sys

from . import _values


class VirtualRegister:
    """A 32-bit scalar on the device. Usable as loop bound, loop condition and run-time index."""

    __slots__ = ("number", "frozen", "trace")

    def __init__(self, number=None, frozen=False, trace=None):
        self.number = number
        self.frozen = frozen
        self.trace = trace

    def __repr__(self):
        from ._trace import is_package

        label = "VirtualRegister(r%s)" % self.number
        if self.number is None or is_package(sys._getframe(1).f_code):
            return label
        return _values.shown(label, lambda: _values.read(self.trace, (), lambda: (3, self.number), label))

    def _refuse(self, *_):
        raise TypeError(
            "a register's value is not known while the kernel is traced; use it as a loop bound, a loop condition or a run-time index "
            "(nl.ds, ap scalar_offset), or compute on a tile and register_load it"
        )

    __int__ = __index__ = __float__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __lt__ = __le__ = __gt__ = __ge__ = __neg__ = _refuse

    def __bool__(self):
        from . import _loops

        return _loops.while_condition(self)
