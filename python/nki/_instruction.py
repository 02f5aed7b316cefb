"""Handles of issued instructions."""
from . import _isa_generated as isa


class NkiInstruction:
    """An instruction that a kernel issued; :meth:`depends_on` orders it after others."""

    __slots__ = ("index",)

    def __init__(self, handle):
        self.index = handle

    def depends_on(self, *producers):
        """This instruction runs after every producer; returns itself."""
        trace = isa.trace
        for p in producers:
            if not isinstance(p, NkiInstruction):
                raise TypeError("depends_on takes instructions, not %r" % (p,))
            trace.words += (isa.DEPENDS, self.index, p.index)
        return self

    def __repr__(self):
        return "NkiInstruction(%d)" % self.index
