"""
Forms that NKI changed or removed, found in a syntax tree. Each row says since which version the form is gone, whether code that uses it
stops working, and what to write instead (NKI migration guides 0.2 to 0.6).
"""
import ast


class Form:
    """One older form at one place. ``last``: the newest version that has it; ``breaks``: newer ones refuse it."""

    __slots__ = ("line", "column", "rule", "last", "breaks", "message")

    def __init__(self, node, rule, last, breaks, message):
        self.line = node.lineno
        self.column = node.col_offset + 1
        self.rule = rule
        self.last = last
        self.breaks = breaks
        self.message = message

    def report(self):
        return {k: getattr(self, k) for k in self.__slots__}


_ISA = ("neuronxcc.nki.isa", "nki.isa")
_NL = ("neuronxcc.nki.language", "nki.language")
_ENUMS = {"dge_mode": "dge_mode", "oob_mode": "oob_mode", "reduce_cmd": "reduce_cmd", "engine": "engine", "perf_mode": "matmul_perf_mode"}
_BUFFERS = ("sbuf", "psum", "hbm", "private_hbm", "shared_hbm")

#: Functions of nki.language that 0.2 removed, and what takes their place.
REMOVED_LANGUAGE = {
    "arange": "index with slices, or with tensor.ap([[stride, count], ...])",
    "mgrid": "index with slices, or with tensor.ap([[stride, count], ...])",
    "par_dim": "put the partition dimension first; block dimensions become free dimensions or a tensor inside the loop",
    "spmd_dim": "launch kernel[2] and split the work by nl.program_id(0)",
    "nc": "launch kernel[2] and split the work by nl.program_id(0)",
    "loop_reduce": "accumulate in place: nisa.tensor_tensor(dst=acc, data1=acc, data2=x, op=...)",
    "gemm_grid": "write the tile sizes out",
    "gemm_stationary_grid": "write the tile sizes out",
    "static_cast": "cast arrays with NumPy outside the kernel",
    "fp32": "write the number: -3.4028234663852886e38",
    "bfp16": "write the number",
    "finfo": "write the number",
    "atomic_rmw": "nisa.dma_compute(dst, [src], reduce_op=nl.add)",
    "all_reduce": "nki.collectives.all_reduce",
}
#: Entry points of neuronxcc.nki that nki has not.
REMOVED_ENTRY = {
    "simulate_kernel": "nki.simulate(kernel)(...)",
    "baremetal": "nki.jit, called with NumPy arrays",
    "benchmark": "nki.jit and the profiler",
    "profile": "nki.jit and the profiler",
    "trace": "no decorator: functions called inside a kernel are plain functions",
    "tensor": "nki.language.NkiTensor, or nki.typing.tensor in annotations",
}
#: Instructions without a result that were called with dst before 0.2, too.
_ALWAYS_DST = {"dma_copy", "nc_stream_shuffle", "select_reduce", "tensor_copy_predicated", "tensor_scalar_cumulative", "tensor_copy_dynamic_dst"}
_NO_INSTRUCTION = {"get_nc_version", "engine", "reduce_cmd", "dge_mode", "oob_mode", "nc_version"}


_NUMPY_OPS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "maximum": "maximum", "minimum": "minimum", "max": "maximum",
    "amax": "maximum", "min": "minimum", "amin": "minimum", "sum": "add", "exp": "exp", "square": "square", "sqrt": "sqrt", "tanh": "tanh",
    "copy": "copy", "log": "log", "abs": "abs", "equal": "equal", "less": "less", "less_equal": "less_equal", "greater": "greater",
    "greater_equal": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or", "reciprocal": "reciprocal",
}  # fmt: skip


def dotted(node, aliases):
    """The full dotted name of a name or attribute, imports resolved; None for other expressions."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in aliases:
        return None
    return ".".join([aliases[node.id], *reversed(parts)])


def _member(name, modules):
    """The last part of a dotted name of one of the modules, or None."""
    for m in modules:
        if name and name.startswith(m + "."):
            rest = name[len(m) + 1 :]
            return rest if "." not in rest else rest.split(".")[0]
    return None


def _is_number(node):
    """Whether an argument is written as a number: a constant, its negation, arithmetic."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.BinOp) or isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


class _Finder(ast.NodeVisitor):
    def __init__(self, aliases):
        self.aliases = aliases
        self.found = []
        self.older = any(v.split(".")[0] == "neuronxcc" for v in aliases.values())
        self.registers = set()
        self.kernel = 0

    def add(self, node, rule, last, breaks, message):
        self.found.append(Form(node, rule, last, breaks, message))

    # ---- imports

    def visit_Import(self, node):
        for a in node.names:
            if a.name.startswith("neuronxcc.nki"):
                self.add(node, "import", "0.1", True, "import %s becomes import %s" % (a.name, a.name[len("neuronxcc.") :]))

    def visit_ImportFrom(self, node):
        module = node.module or ""
        if module == "neuronxcc":
            self.add(node, "import", "0.1", True, "from neuronxcc import nki becomes import nki")
        elif module.startswith("neuronxcc.nki"):
            new = module[len("neuronxcc.") :]
            self.add(node, "import", "0.1", True, "from %s becomes from %s" % (module, new))
        elif module in ("torch_neuronx", "jax_neuronx") and any(a.name in ("nki_jit", "nki_call") for a in node.names):
            self.add(node, "nki_jit", "0.1", True, "%s of %s is gone; decorate with nki.jit" % (", ".join(a.name for a in node.names), module))
        self._names(node, module)

    def _names(self, node, module):
        if module in _NL:
            for a in node.names:
                if a.name in REMOVED_LANGUAGE:
                    self.add(node, "nl." + a.name, "0.1", True, "nl.%s is gone; %s" % (a.name, REMOVED_LANGUAGE[a.name]))

    # ---- names

    def visit_Attribute(self, node):
        name = dotted(node, self.aliases)
        member = _member(name, _NL)
        if member in REMOVED_LANGUAGE and name.endswith("." + member):
            self.add(node, "nl." + member, "0.1", True, "nl.%s is gone; %s" % (member, REMOVED_LANGUAGE[member]))
        if name and name.endswith("tile_size.total_available_sbuf_size"):
            self.add(node, "tile_size", "0.6", False, "total_available_sbuf_size is deprecated; use tile_size.sbuf_fmax_bytes")
        for root in ("neuronxcc.nki", "nki"):
            if name and name.startswith(root + ".compiler."):
                part = name[len(root) + 10 :]
                if part.startswith(("sbuf.", "psum.")):
                    self.add(node, "allocation", "0.1", True, "nki.compiler.%s is gone; give nl.ndarray(..., address=(partition, offset))" % part)
                elif "." not in part:
                    self.add(node, "compiler", "0.1", True, "nki.compiler.%s is gone%s" % (part, "; use nl.no_reorder" if part == "no_reorder" else "; drop it"))
            elif name and name.startswith(root + ".") and name[len(root) + 1 :] in REMOVED_ENTRY:
                entry = name[len(root) + 1 :]
                self.add(node, "nki." + entry, "0.1", True, "nki.%s is gone; use %s" % (entry, REMOVED_ENTRY[entry]))
        self.generic_visit(node)

    # ---- calls

    def visit_Call(self, node):
        name = dotted(node.func, self.aliases)
        instruction = _member(name, _ISA)
        if instruction and name.endswith("." + instruction):
            self._instruction(node, instruction)
        elif name in ("nki.jit", "neuronxcc.nki.jit"):
            self._jit(node)
        language = _member(name, _NL)
        for k in node.keywords:
            if k.arg == "mask" and (instruction or language):
                self.add(k.value, "mask", "0.1", True, "mask= is gone; shorten the slices: p = slice(start, min(n, start + 128))")
            elif k.arg == "buffer" and isinstance(k.value, ast.Constant) and k.value.value in _BUFFERS:
                self.add(k.value, "buffer", "0.2", True, "buffer=%r becomes buffer=nl.%s" % (k.value.value, k.value.value))
        if language == "dynamic_range":
            self.add(node, "dynamic_range", "0.6", False, "nl.dynamic_range is deprecated; use nl.fori_loop(lower, upper, body)")
        self.generic_visit(node)

    def _jit(self, node):
        for k in node.keywords:
            if k.arg == "mode":
                self.add(k.value, "jit mode", "0.2", not self.older, "nki.jit(mode=...) is gone; drop it, or use nki.simulate(kernel)")
            elif k.arg == "platform_target":
                self.add(k.value, "jit platform_target", "0.2", True, "platform_target= is gone; set NEURON_PLATFORM_TARGET_OVERRIDE")

    def _instruction(self, node, name):
        keys = {k.arg for k in node.keywords}
        if name in ("tensor_copy_dynamic_src", "tensor_copy_dynamic_dst"):
            self.add(node, name, "0.3", True, "nisa.%s is gone; use nisa.tensor_copy with tensor.ap(..., scalar_offset=...)" % name)
            return
        if self.older and name not in _ALWAYS_DST and name not in _NO_INSTRUCTION and "dst" not in keys:
            hint = "nisa.memset(dst, value)" if name == "memset" else "nisa.%s(dst, ...)" % name
            if name == "nc_matmul":
                hint += "; psum += becomes accumulate=True"
            self.add(node, "dst", "0.1", True, "nisa.%s returns nothing: make the result with nl.ndarray and call %s" % (name, hint))
        if not self.older and "dtype" in keys:
            self.add(node, name + " dtype", "0.3", True, "nisa.%s has no dtype=; the destination's dtype decides" % name)
        for value in [*node.args, *(k.value for k in node.keywords)]:
            numpy_name = dotted(value, self.aliases) if isinstance(value, ast.Attribute) else None
            if numpy_name and numpy_name.startswith("numpy.") and numpy_name[6:] in _NUMPY_OPS:
                self.add(value, "numpy op", "0.1", False, "%s becomes nl.%s" % (numpy_name.replace("numpy", "np", 1), _NUMPY_OPS[numpy_name[6:]]))
        if name == "dma_copy":
            for k in node.keywords:
                if k.arg in ("dst_rmw_op", "unique_indices"):
                    self.add(k.value, k.arg, "0.2", True, "dma_copy has no %s; use nisa.dma_compute(dst, [src, dst], reduce_op=nl.add)" % k.arg)
        elif name == "affine_select" and not self.older and len(node.args) >= 4 and _is_number(node.args[3]):
            self.add(node, "affine_select", "0.2", True, "offset is no longer third: affine_select(dst, pattern, channel_multiplier, on_true, on_false, offset=...)")
        elif name == "register_move" and "imm" in keys:
            self.add(node, "register_move", "0.2", True, "imm= becomes src=: nisa.register_move(dst, nisa.register_alloc(n))")
        elif name == "sendrecv" and "use_gpsimd_dma" in keys:
            self.add(node, "sendrecv", "0.2", True, "use_gpsimd_dma= becomes dma_engine=nisa.dma_engine.gpsimd_dma or .dma")
        elif name == "dma_compute" and len(node.args) >= 4 and not isinstance(node.args[2], ast.Attribute):
            self.add(node, "dma_compute", "0.2", True, "reduce_op comes before scales: dma_compute(dst, srcs, reduce_op, scales=...)")
        for k in node.keywords:
            if k.arg in _ENUMS and isinstance(k.value, ast.Constant) and isinstance(k.value.value, int) and not isinstance(k.value.value, bool):
                self.add(k.value, "enum", "0.2", True, "%s=%d becomes a member of nisa.%s" % (k.arg, k.value.value, _ENUMS[k.arg]))

    # ---- statements

    def visit_FunctionDef(self, node):
        decorated = any(self._makes_kernel(d) for d in node.decorator_list)
        if decorated and node.args.kwonlyargs:
            self.add(node, "keyword-only", "0.2", False, "the compiler takes no * in a kernel's parameters; put parameters with defaults last")
        if decorated:
            for default in node.args.defaults:
                if isinstance(default, ast.List):
                    self.add(default, "list argument", "0.2", False, "a list as a default becomes a tuple")
        self.kernel += decorated
        self.generic_visit(node)
        self.kernel -= decorated

    def _makes_kernel(self, decorator):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = dotted(target, self.aliases) or ""
        return name in ("nki.jit", "neuronxcc.nki.jit", "neuronxcc.nki.trace", "neuronxcc.nki.baremetal", "neuronxcc.nki.benchmark")

    def visit_Assign(self, node):
        if isinstance(node.value, ast.Call) and (dotted(node.value.func, self.aliases) or "").endswith("isa.register_alloc"):
            self.registers |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        self.generic_visit(node)

    def visit_While(self, node):
        if isinstance(node.test, ast.Name) and node.test.id in self.registers:
            self.add(node, "while", "0.6", False, "while over a register is deprecated; use nl.while_loop(register, body)")
        self.generic_visit(node)

    def visit_Compare(self, node):
        if self.kernel and any(isinstance(o, (ast.Is, ast.IsNot)) for o in node.ops):
            self.add(node, "is", "0.2", False, "the compiler takes no is; write == or !=")
        self.generic_visit(node)


def forms_in(tree, aliases):
    """Every older form of the file, by line."""
    finder = _Finder(aliases)
    finder.visit(tree)
    seen = set()
    out = []
    for f in sorted(finder.found, key=lambda f: (f.line, f.column, f.rule)):
        if (f.line, f.rule) not in seen:
            seen.add((f.line, f.rule))
            out.append(f)
    return out
