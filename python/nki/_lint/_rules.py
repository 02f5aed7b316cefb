"""
What the NKI compiler refuses inside a kernel although Python takes it: one row a rule, with where it is written. ``documented``: a page
of the NKI documentation (Neuron SDK 2.32) says so. ``derived``: the language guide does not list the construct, and none of the 112
kernels published for NKI 0.2 to 0.6 (Neuron SDK examples, nki-samples, nki-library) uses it.
"""

DOCUMENTED, DERIVED = "documented", "derived"


class Rule:
    """One restriction: its id, basis and source, why it exists, and what to write instead."""

    __slots__ = ("id", "basis", "source", "why", "instead")

    def __init__(self, id, basis, source, why, instead):
        self.id = id
        self.basis = basis
        self.source = source
        self.why = why
        self.instead = instead


_GUIDE = "nki/get-started/nki-language-guide.rst"
_MOVE = "nki/migration/index.rst"
_SUBSET = _GUIDE + ", what it leaves out; published kernels"

_ROWS = (
    # id, basis, source, why, what to write instead
    ("class-base", DOCUMENTED, _GUIDE + ", Class Support", "the compiler takes in only classes that derive from NKIObject alone, or from Enum",
     "derive from nl.NKIObject"),
    ("enum-operator", DOCUMENTED, _GUIDE + ", Enumerations", "members of an enumeration can only be compared with == and !=",
     "compare their .value"),
    ("dict-key", DOCUMENTED, _GUIDE + ", NKI Values", "dictionaries of a kernel have strings as keys", "use a string, or a list indexed by the number"),
    ("list-argument", DOCUMENTED, _MOVE + ", Replace list kernel arguments with tuples", "arguments of a kernel must be hashable",
     "make the default a tuple"),
    ("is", DOCUMENTED, _MOVE + ", Replace is / is not (None is accepted: published kernels compare with it)",
     "identity means nothing while a kernel is compiled", "write == or !="),
    ("keyword-only", DOCUMENTED, _MOVE + ", Remove keyword-only argument separator", "the compiler does not know * in a parameter list",
     "drop the *, and put parameters with defaults last"),
    ("string-buffer", DOCUMENTED, _MOVE + ", String buffer names no longer supported", "buffers are objects since NKI 0.3", ""),
    ("integer-enum", DOCUMENTED, _MOVE + ", Integer enum constants no longer supported", "enumerations take no integers since NKI 0.3", ""),
    ("removed", DOCUMENTED, _MOVE, "a later NKI removed it", ""),
    ("namespace", DOCUMENTED, _MOVE + ", neuronxcc.nki.* inside kernels", "neuronxcc.nki is a compilation error since NKI 0.4",
     "see trn migrate-report for every line"),
    ("missing-dst", DOCUMENTED, _MOVE + ", All ISA functions require a destination parameter", "instructions write dst and return no tile",
     "make the tile with nl.ndarray and pass dst="),
    ("no-reorder-loop", DOCUMENTED, "nki/deep-dives/nki-dynamic-loops.rst, Interaction with no_reorder", "a loop on the device cannot stand inside nl.no_reorder",
     "put no_reorder inside the loop"),
    ("loop-step", DOCUMENTED, _MOVE + ", Rules for migrated loops", "loops on the device count upwards by a compile-time step", "use a positive integer"),
    ("loop-body", DOCUMENTED, _MOVE + ", Rules for migrated loops", "the body of fori_loop returns nothing, that of while_loop the next condition", ""),
    ("register-value", DOCUMENTED, "nki/deep-dives/nki-dynamic-loops.rst, Hardware Lowering; " + _MOVE + ", Rules for migrated loops",
     "a register has its value only on the device", "compute on a (1, 1) tile and register_load it, or index with scalar_offset="),
    ("tensor-value", DOCUMENTED, _GUIDE + ", Tensor Values", "elements of a tensor do not exist while the kernel is compiled",
     "use nl.device_print to look, nl.where to choose"),
    ("impure", DOCUMENTED, _GUIDE + ", Kernel Caching", "compiled kernels are cached by their arguments, so other state goes stale or is lost",
     "pass it as an argument and return what changes"),
    ("output-buffer", DOCUMENTED, _MOVE + ", Output tensors must use nl.shared_hbm", "a kernel returns only tensors in shared HBM",
     "allocate it with buffer=nl.shared_hbm"),
    ("nested-kernel", DOCUMENTED, _MOVE + ", Remove nki.jit decorator on sub-kernels", "a kernel calls plain functions, not kernels",
     "drop the decorator and write nki.jit(function)(...) where Python calls it"),
    ("breakpoint", DERIVED, _SUBSET, "there is no Python left to stop in once a kernel is compiled", "remove it before compiling"),
    ("try", DERIVED, _SUBSET, "compiled kernels raise and catch nothing", "test the condition with if, or assert it"),
    ("with", DERIVED, _SUBSET, "nl.no_reorder is the only context the language has", "call the functions directly"),
    ("lambda", DERIVED, _SUBSET, "the language has no lambda", "define a function with def"),
    ("comprehension", DERIVED, _SUBSET, "the language has no comprehensions", "write the loop out and append"),
    ("generator", DERIVED, _SUBSET, "functions are inlined, so they cannot pause", "return a list"),
    ("star-arguments", DERIVED, _SUBSET, "the language passes arguments by position or by name", "write the arguments out"),
    ("set", DERIVED, _SUBSET, "containers of the language are tuples, lists, dictionaries and NKIObject classes", "use a list or a dictionary"),
    ("builtin", DERIVED, _SUBSET, "the language does not list this function", "write the loop out with range and len"),
    ("import", DERIVED, _SUBSET, "modules are imported by Python, before the kernel is compiled", "move the import to the top of the file"),
)  # fmt: skip

RULES = {row[0]: Rule(*row) for row in _ROWS}
