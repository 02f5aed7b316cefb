"""Loops that run on the device: their bodies are traced once, between control instructions."""
import linecache
import sys

from . import _isa_generated as isa
from ._errors import NkiValidationError
from ._registers import VirtualRegister
from ._trace import current


def register_alloc(x=None):
    """A new register, set to ``x`` (an integer, another register, or a one-element tile) unless that is None."""
    made = current().register()
    if x is not None:
        (isa.register_load if hasattr(x, "_encode") else isa.register_move)(made, x)
    return made


def writable(register, what):
    """Refuses the index of a counted loop, which only the loop may change."""
    if register.__class__ is VirtualRegister and register.frozen:
        raise NkiValidationError("%s: the index of a loop cannot be written; copy it into a register of your own" % what, "frozen register")
    return register


def _enter(kind):
    trace = current()
    if trace.ordered:
        raise NkiValidationError("a loop on the device cannot stand inside nl.no_reorder; put no_reorder inside the loop", "no_reorder")
    trace.loops.append(kind)
    return trace


def _bound(value, what):
    if isinstance(value, VirtualRegister):
        return value
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise TypeError("%s is %r; pass an integer or a register" % (what, value)) from None


def dynamic_range(start, stop=None, step=1):
    """A loop on the device; yields its index once, as a register."""
    if stop is None:
        start, stop = 0, start
    if isinstance(step, VirtualRegister):
        raise AssertionError("the step of dynamic_range is a compile-time integer, not a register")
    return _counted(_bound(start, "start"), _bound(stop, "stop"), step)


def _counted(start, stop, step):
    trace = _enter("dynamic_range")
    index = trace.register(frozen=True)
    isa.loop_begin(index, start, stop, step)
    finished = False
    try:
        yield index
        finished = True
    finally:
        if not finished and sys.exc_info()[0] is GeneratorExit:
            trace.late = NkiValidationError("a loop on the device cannot be left with break or return; its body is traced once", "dynamic_range")
        trace.loops.pop()
        if finished:
            isa.loop_end()


def fori_loop(lower, upper, body_fun, step=1):
    """Runs ``body_fun(index)`` for every index from ``lower`` to ``upper``, on the device."""
    for index in dynamic_range(lower, upper, step):
        body_fun(index)


def while_loop(init, body_fun):
    """Runs ``body_fun(register)`` while the register it returned last is not 0, on the device."""
    if not isinstance(init, VirtualRegister):
        raise TypeError("while_loop starts from a register, not %r" % (init,))
    condition = register_alloc(init)
    trace = _enter("while_loop")
    isa.while_begin(condition)
    given = register_alloc(condition)
    following = body_fun(given)
    if not isinstance(following, VirtualRegister):
        raise TypeError("the body of while_loop returns the next condition register, not %r" % (following,))
    isa.register_move(condition, following)
    isa.while_end(condition)
    trace.loops.pop()


def while_condition(register):
    """
    ``while reg:`` asks for the register's truth before its body and again after it: the first question opens the loop, the second
    closes it. Any other use of a register as a condition cannot be traced.
    """
    trace = current()
    frame = sys._getframe(2)
    place = (id(frame), frame.f_lineno, register)
    if trace.loops and trace.loops[-1] == place:
        isa.while_end(register)
        trace.loops.pop()
        return False
    text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    if not text.startswith("while"):
        raise TypeError("a register's value is not known while the kernel is traced; loop with while, or use nl.where on a tile")
    _enter(place)
    isa.while_begin(register)
    return True
