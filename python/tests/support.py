"""A stand-in for the engine: keeps the records of a kernel, and says what an engine would say when told to."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from nki import _isa_generated as isa  # noqa: E402
from nki._call import Input, bound, trace_call  # noqa: E402


class Recorder:
    def __init__(self, refuse_after=None, report=None):
        self.words = []
        self.messages = []
        self.refuse_after = refuse_after
        self.report = report

    def records(self, batch):
        self.words += batch

    def begin(self, value):
        self.message(value)

    def message(self, value):
        self.messages.append(value)

    def poll(self):
        return self.report if self.refuse_after is not None and len(self.words) >= self.refuse_after else None

    def wait(self):
        return self.report or {"type": "ok"}


def trace(function, *args, target="trn2", cores=1, link=None, **kwargs):
    """Traces a function; tensors are given as ``(shape, dtype)``. Returns the recorder and the result."""
    link = link or Recorder()
    made = [Input("arg%d" % i, a[0], a[1]) if isinstance(a, tuple) and len(a) == 2 and isinstance(a[1], str) else a for i, a in enumerate(args)]
    signature, arguments = bound(function, made, kwargs)
    result, outputs, _ = trace_call(link, function, signature, arguments, target, cores)
    link.outputs = outputs
    return link, result


def inside(function, target="trn2"):
    """Runs ``function()`` while a kernel is traced and returns what it returns (tensors too)."""
    box = []

    def kernel():
        box.append(function())

    trace(kernel, target=target)
    return box[0]


def elements(view):
    """Storage positions of a view's elements, in order, as (partition, element) on chip and element in HBM."""
    positions = [view.offset]
    for n, s in zip(view.shape, view.strides):
        positions = [p + i * s for p in positions for i in range(n)]
    return positions


#: Control records by number, with how many words follow (None: it says itself).
def instructions(words):
    """Opcode names in the order issued; skips every other record."""
    names = []
    for name, _ in decode(words):
        names.append(name)
    return names


def decode(words):
    """(name, words) of every record."""
    at = 0
    found = []
    while at < len(words):
        code = words[at]
        start = at
        if code < 1000:
            at = _instruction(words, at)
            found.append((isa.INSTRUCTIONS[code], words[start + 2 : at]))
            continue
        if code == isa.STRING:
            at += 3 + (words[at + 2] + 3) // 4
        elif code == isa.LINE:
            at += 5
        elif code == isa.STORAGE:
            at += 12 + words[at + 11]
        elif code in (isa.CORE, isa.OUTPUT, isa.ORDER):
            at += 2
        elif code == isa.CONSTANT:
            at += 3 + (words[at + 2] + 3) // 4
        elif code == isa.DEPENDS:
            at += 3
        elif code == isa.PRINT:
            at = _operand(words, at + 2)
        elif code == isa.END:
            at += 1
        else:
            raise AssertionError("record %d" % code)
    return found


def _operand(words, at):
    tag = words[at]
    kind = tag & 15
    at += 1
    if kind == 0:
        return at
    if kind != 4:
        return at + 1
    at += 3 + 2 * (tag >> 4 & 15)
    dynamic = tag >> 16 & 7
    if dynamic == 0:
        return at
    at += 2
    return at + 1 if dynamic == 1 else _operand(words, at)


def _instruction(words, at):
    _, operands, attrs = getattr(isa, "_s_" + isa.INSTRUCTIONS[words[at]])
    at += 2
    for _ in operands:
        at = _operand(words, at)
    for attr in attrs:
        at += 1 + words[at] if attr[1] == "ints" else 1
    return at
