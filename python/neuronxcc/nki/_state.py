"""What one call of an older kernel carries besides its trace: launch coordinates, the instruction that waits for its destination."""
from nki import _isa_generated as _isa

session = None


class Session:
    """State of one traced call."""

    __slots__ = ("trace", "grid", "ids", "pending", "written", "lazy", "shared", "shared_at", "loaded", "masks", "placed", "unrolled", "spilled")

    def __init__(self, trace):
        self.trace = trace
        #: Launch grid and this instance's coordinates in it.
        self.grid = ()
        self.ids = ()
        #: The instruction whose destination is not settled yet (see _tile.Pending).
        self.pending = None
        #: Storages that an instruction has written.
        self.written = set()
        #: PSUM storages declared zero and not yet touched.
        self.lazy = set()
        #: shared_hbm tensors in order of creation: every instance of a launch gets the same ones.
        self.shared = []
        self.shared_at = 0
        #: Constants already in SBUF, by key.
        self.loaded = {}
        #: The kernel's file masks writes: what a mask leaves out of a tile is read later as it happens to be, and that is no error.
        self.masks = False
        #: Allocation functions by place in the source (see compiler/_allocate.py), and the static_range loops under way.
        self.placed = {}
        self.unrolled = []
        #: (file, line) of tensors kept in HBM (see _spill.py).
        self.spilled = frozenset()


def current():
    """The session in progress; RuntimeError outside a kernel."""
    if session is None or session.trace is not _isa.trace:
        raise RuntimeError("neuronxcc.nki functions work on tiles only inside a kernel; decorate the function with nki.jit and call it")
    return session


class at_line:
    """While this stands, instructions carry the user's line ``number`` instead of the caller's."""

    __slots__ = ("trace", "number", "saved")

    def __init__(self, trace, number):
        self.trace = trace
        self.number = number

    def __enter__(self):
        number = self.number
        self.saved = self.trace.__dict__.get("line")
        self.trace.line = lambda frame: number

    def __exit__(self, *_):
        if self.saved is None:
            del self.trace.line
        else:
            self.trace.line = self.saved
