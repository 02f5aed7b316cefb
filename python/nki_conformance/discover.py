"""Finds kernels, and the files that call them, by reading syntax trees; nothing is imported here."""
import ast
import os

from nki._dialect import api_of, imports_of
from nki._older_forms import dotted

#: Decorators and calls that make a kernel of a function.
MAKERS = {"jit", "baremetal", "benchmark", "profile", "trace", "nki_jit", "simulate", "simulate_kernel"}
_ROOTS = ("nki.", "neuronxcc.nki.", "torch_neuronx.", "jax_neuronx.")
SKIPPED = {".git", "__pycache__", "node_modules", ".github", "build", "dist"}


class File:
    """One Python file: its kernels by name, whether it tests or runs something, and what it imports."""

    def __init__(self, path, relative):
        self.path = path
        self.relative = relative
        self.error = None
        self.api = None
        self.kernels = []
        self.is_test = False
        self.is_script = False
        self.imports = {}
        with open(path, "rb") as f:
            source = f.read()
        try:
            tree = ast.parse(source, path)
        except (SyntaxError, ValueError) as e:
            self.error = "line %s: %s" % (getattr(e, "lineno", "?"), getattr(e, "msg", e))
            self.api = "nki" if b"import nki" in source or b"from nki" in source else "neuronxcc.nki" if b"neuronxcc" in source else None
            return
        self.api = api_of(tree)
        self.imports = imports_of(tree)
        _aliases(tree, self.imports)
        self.kernels = _kernels(tree, self.imports)
        self.is_test = any(_tests(node) for node in tree.body)
        self.is_script = any(_runs(node, self.kernels, self.imports) for node in tree.body)


def _aliases(tree, names):
    """``nki_jit = nki.trace`` makes a name of an entry point."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = dotted(node.value, names) if isinstance(node.value, (ast.Attribute, ast.Name)) else None
            if name and _maker(name):
                names[node.targets[0].id] = name


def _maker(name):
    return bool(name) and name.startswith(_ROOTS) and name.rsplit(".", 1)[-1] in MAKERS


def _is_maker(node, names):
    """Whether an expression is an entry point, or a call of one that gives a decorator."""
    if isinstance(node, ast.Call):
        return _is_maker(node.func, names)
    return _maker(dotted(node, names))


def _kernels(tree, names):
    found = {}
    functions = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions[node.name] = node
            if any(_is_maker(d, names) for d in node.decorator_list):
                found[node.name] = node.lineno
    for node in ast.walk(tree):
        # nki.baremetal()(matmul), benchmark(warmup=5)(matmul), nki.simulate(matmul), simulate_kernel(matmul, a)
        if isinstance(node, ast.Call) and _is_maker(node.func, names) and node.args and isinstance(node.args[0], ast.Name):
            name = node.args[0].id
            if name in functions:
                found.setdefault(name, functions[name].lineno)
    return sorted(found, key=found.get)


def _tests(node):
    if isinstance(node, ast.ClassDef):
        return any(isinstance(m, ast.FunctionDef) and m.name.startswith("test") for m in node.body)
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not node.decorator_list


def _runs(node, kernels, names):
    """A main guard, or a statement of the module that calls something."""
    if isinstance(node, ast.If):
        return "__name__" in ast.dump(node.test)
    if isinstance(node, (ast.Assign, ast.Expr)):
        # bench = benchmark(...)(kernel) makes a kernel and runs nothing; nki.simulate(kernel)(a) runs.
        calls = [c for c in ast.walk(node) if isinstance(c, ast.Call)]
        return any(_is_name_of(c.func, kernels) or _runs_made(c, kernels, names) or _launches(c, kernels) for c in calls)
    return False


def _runs_made(call, kernels, names):
    """``nki.simulate(kernel)(a)`` and ``simulate_kernel(kernel, a)``; ``benchmark(...)(kernel)`` only makes a kernel."""
    if not _is_maker(call, names):
        return False
    given = call.args[0] if call.args else None
    inner = call.func
    if isinstance(inner, ast.Call):
        return any(_is_name_of(a, kernels) for a in inner.args)
    return len(call.args) > 1 and _is_name_of(given, kernels)


def _is_name_of(node, kernels):
    return isinstance(node, ast.Name) and node.id in kernels


def _launches(call, kernels):
    """``kernel[grid](...)``"""
    f = call.func
    return isinstance(f, ast.Subscript) and isinstance(f.value, ast.Name) and f.value.id in kernels


def files_in(folder, only=None):
    """Every Python file of a checkout, by path."""
    out = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(d for d in folders if d not in SKIPPED and not d.startswith("."))
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(here, name)
                relative = os.path.relpath(path, folder)
                if only is None or only in relative:
                    out.append(File(path, relative))
    return out


def _packages(files):
    """Names of the packages that hold kernels."""
    found = set()
    for f in files:
        if f.kernels:
            here = os.path.dirname(f.path)
            while os.path.exists(os.path.join(here, "__init__.py")):
                found.add(os.path.basename(here))
                here = os.path.dirname(here)
    return found


def drivers(files):
    """Files worth running: tests and scripts that are about NKI, or import a file that is."""
    about = {os.path.splitext(os.path.basename(f.path))[0] for f in files if f.kernels} | _packages(files)
    for f in files:
        if f.error or not (f.is_test or f.is_script):
            continue
        modules = {v.split(".")[0] for v in f.imports.values()} | {p for v in f.imports.values() for p in v.split(".")}
        if f.api or modules & about:
            yield f
