"""
One kernel call being traced: interns strings, lines and storages, collects int32 records and hands them to the engine in batches
while the kernel runs. Record format: packages/isa/src/program/words.ts and stream.ts.
"""
import os
import sys
import threading
from array import array

from . import _isa_generated as isa
from ._dtypes import NUMBER
from ._errors import Stop
from ._tensor import Base, MemoryRegion, NkiTensor

_HERE = os.path.dirname(os.path.abspath(__file__))
#: Folders whose frames are not the user's: this package and the older import path beside it.
PACKAGES = (_HERE + os.sep, os.path.join(os.path.dirname(_HERE), "neuronxcc") + os.sep)
#: Words per batch: 48 KiB, small against the cost of a pipe write, large against that of a poll.
BATCH = 12288
SPACES = {MemoryRegion.sbuf: 0, MemoryRegion.psum: 1, MemoryRegion.private_hbm: 2, MemoryRegion.shared_hbm: 2}
INPUT, OUTPUT, INTERNAL, CONSTANT = 0, 1, 2, 3
_COMPREHENSIONS = frozenset(("<listcomp>", "<dictcomp>", "<setcomp>"))


def is_package(code):
    """Whether a code object belongs to this package and not to the user."""
    return code.co_filename.startswith(PACKAGES) or code.co_filename.startswith("<frozen")


def user_frame(frame):
    """The nearest frame from ``frame`` outwards that is not this package's, or None."""
    while frame is not None and is_package(frame.f_code):
        frame = frame.f_back
    return frame


class Trace:
    """The records of one kernel call. ``link`` takes batches and says when the engine has refused something."""

    def __init__(self, link, target, cores=1):
        self.link = link
        self.thread = threading.get_ident()
        self.target = target
        self.cores = cores
        self.core = 0
        self.open = True
        self.words = []
        #: Instructions so far.
        self.count = 0
        #: Views that cache their words; they must not outlive the trace.
        self.kept = []
        self.strings = {"": 0}
        self.lines = {}
        self.codes = {}
        self.keep = []
        self.storages = 0
        self.registers = 0
        #: Instruction index by name=, for schedules.
        self.names = {}
        #: shared_hbm tensors in order of creation; the second core of a launch finds the first one's.
        self.shared = []
        self.shared_at = 0
        self.constants = {}
        self.loops = []
        self.ordered = 0
        #: A mistake that could not be raised where it happened.
        self.late = None
        #: What the engine refused, once it has.
        self.refused = None
        #: Arrays of the call, for values; empty where the engine has them already. Answers, by instruction count and operand.
        self.arrays = ()
        self.values = {}

    # ---- records

    def flush(self):
        """Sends the collected words; raises Stop when the engine has refused an earlier one."""
        if self.late is not None:
            error, self.late = self.late, None
            raise error
        if self.refused is not None:
            raise Stop(self.refused)
        if self.words:
            batch = array("i", self.words)
            if sys.byteorder == "big":
                batch.byteswap()
            self.words.clear()
            self.link.records(batch)
        report = self.link.poll()
        if report is not None:
            self.refused = report
            raise Stop(report)

    def value(self, words):
        """The engine's answer for the operand ``words``; everything sent before counts."""
        arrays, self.arrays = self.arrays, ()
        self.link.message({"type": "value", "operand": words, "inputs": len(arrays)})
        for a in arrays:
            self.link.bytes(a.bytes())
        answer = self.link.wait()
        if answer.get("type") == "error":
            self.refused = answer
            raise Stop(answer)
        return answer

    def text(self, s):
        """The number of a string."""
        known = self.strings.get(s)
        if known is not None:
            return known
        number = len(self.strings)
        self.strings[s] = number
        self.words += (isa.STRING, number)
        self.bytes(s.encode("utf-8", "replace"))
        return number

    def bytes(self, data):
        """A byte string as its length and padded words."""
        self.words.append(len(data))
        if len(data) % 4:
            data = bytes(data) + b"\0" * (4 - len(data) % 4)
        words = array("i")
        words.frombytes(data)
        if sys.byteorder == "big":
            words.byteswap()
        self.words += words
        if len(self.words) > BATCH:
            self.flush()

    # ---- source lines

    def line(self, frame):
        """The number of the user's line that ``frame`` (or its nearest caller outside this package) stands on."""
        frame = user_frame(frame)
        if frame is None:
            return 0
        code = frame.f_code
        known = self.codes.get(id(code))
        if known is None:
            known = self.codes[id(code)] = {}
            self.keep.append(code)
        number = known.get(frame.f_lasti)
        if number is None:
            number = known[frame.f_lasti] = self.place(code.co_filename, frame.f_lineno, _function(frame))
        return number

    def place(self, file, line, function):
        key = (file, line, function)
        known = self.lines.get(key)
        if known is not None:
            return known
        number = self.lines[key] = len(self.lines) + 1
        file_id, function_id = self.text(file), self.text(function)
        self.words += (isa.LINE, number, file_id, line, function_id)
        return number

    def here(self):
        """The user's current line."""
        return self.line(sys._getframe(1))

    # ---- storages

    def storage(self, shape, dtype, buffer, name="", kind=INTERNAL, pinned=None, core=None, line=None):
        """Declares a storage and returns it as a tensor."""
        if line is None:
            line = self.here()
        number = self.storages
        self.storages = number + 1
        if core is None:
            core = -1 if buffer is MemoryRegion.shared_hbm or kind != INTERNAL else self.core
        name_id = self.text(name)
        partition, offset = pinned or (0, 0)
        self.words += (isa.STORAGE, line, number, SPACES[buffer], NUMBER[dtype], kind, core, 1 if pinned else 0, partition, offset)
        self.words += (name_id, len(shape))
        self.words += shape
        if len(self.words) > BATCH:
            self.flush()
        return NkiTensor(shape, dtype, Base(self, number, dtype, buffer, name, shape), buffer, name)

    def constant(self, shape, dtype, data, name=""):
        """A storage in shared HBM that holds ``data``; the same data is declared once."""
        key = (tuple(shape), dtype, bytes(data))
        known = self.constants.get(key)
        if known is None:
            known = self.storage(tuple(shape), dtype, MemoryRegion.shared_hbm, name, CONSTANT)
            self.words += (isa.CONSTANT, known._b.id)
            self.bytes(key[2])
            self.constants[key] = known
        return known

    def register(self, frozen=False):
        from ._registers import VirtualRegister

        number = self.registers
        self.registers = number + 1
        return VirtualRegister(number, frozen, self)

    def start_core(self, core):
        """What follows runs on ``core`` of the launch."""
        self.core = core
        self.shared_at = 0
        self.registers = 0
        self.names = {}
        self.words += (isa.CORE, core)

    def close(self):
        """No tensor of this trace can be used any more."""
        self.open = False
        for view in self.kept:
            view._w = None
        self.kept = []


def _function(frame):
    """The function a frame runs; a comprehension counts for the function it stands in, as newer Pythons have it."""
    while frame.f_code.co_name in _COMPREHENSIONS and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_name


def current():
    """The trace in progress; RuntimeError outside a kernel."""
    trace = isa.trace
    if trace is None:
        raise RuntimeError("nki.language and nki.isa work on tensors only inside a kernel; decorate the function with nki.jit and call it")
    return trace
