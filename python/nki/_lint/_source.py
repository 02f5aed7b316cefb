"""A kernel file as the linter sees it: its kernels, the functions and classes they reach, and what names stand for."""
import ast

from .._dialect import api_of, imports_of
from .._older_forms import dotted

_KERNEL = ("nki.jit", "nki.simulate")


class Source:
    """One file: ``functions`` and ``classes`` of its top level, ``kernels`` among them, and top-level names bound to mutable values."""

    def __init__(self, text, file):
        self.file = file
        self.tree = ast.parse(text, file)
        self.aliases = imports_of(self.tree)
        self.api = api_of(self.tree)
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.kernels = [name for name, node in self.functions.items() if self.is_kernel(node)]
        self.mutable = {
            target.id
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp))
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        #: Top-level names that some function rebinds.
        self.rebound = {name for node in ast.walk(self.tree) if isinstance(node, ast.Global) for name in node.names}

    def name(self, node):
        """The dotted name behind an expression (``nki.language.add``), or None."""
        return dotted(node, self.aliases)

    def is_kernel(self, node):
        """Whether a function is decorated as a kernel."""
        targets = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
        return any(self.name(t) in _KERNEL for t in targets)

    def is_enum(self, node):
        """Whether a class derives from Enum alone."""
        return len(node.bases) == 1 and (self.name(node.bases[0]) or "").startswith("enum.")

    def reached(self, entry):
        """The functions and classes that compiling ``entry`` takes in, itself first; what other files define is not followed."""
        seen = [self.functions[entry]]
        for node in seen:
            parts = node.body + ([node.args] if not isinstance(node, ast.ClassDef) else [])
            for part in parts:
                for name in (n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)):
                    found = self.functions.get(name) or self.classes.get(name)
                    if found is not None and found not in seen:
                        seen.append(found)
        return seen


def own_nodes(function):
    """Every node of a function's parameters and body, decorators left out."""
    for part in (function.args, *function.body):
        yield from ast.walk(part)
