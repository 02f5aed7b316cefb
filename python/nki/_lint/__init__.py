"""
``python -m nki._lint FILE[:KERNEL] [--json]``: what the NKI compiler would refuse in a kernel that runs here as ordinary Python. Reads the
syntax tree of the kernel and of the functions and classes of its file that it reaches; runs nothing.
"""
from .._older_forms import forms_in
from . import _forms, _values
from ._rules import RULES
from ._source import Source

#: Older forms that have a rule of their own here; others that break are ``removed``.
_FORMS = {"buffer": "string-buffer", "enum": "integer-enum"}
_OWN = frozenset(("keyword-only", "list argument", "is", "dst"))


class Finding:
    """A rule broken at one place. ``message`` says what, why and what to write instead."""

    __slots__ = ("rule", "message", "file", "line", "column")

    def __init__(self, rule, message, file, line, column):
        self.rule = rule
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    def report(self):
        """As reports of runs carry warnings."""
        return {"rule": self.rule, "message": self.message, "file": self.file, "line": self.line}


def lint(text, file, kernel=None):
    """Findings of a file's text, by line; ``kernel`` names one function, else all kernels count. SyntaxError, KeyError: no such function."""
    source = Source(text, file)
    found = {}

    def add(rule, node, what):
        if (node.lineno, rule) not in found:
            found[node.lineno, rule] = Finding("lint " + rule, _text(rule, what), file, node.lineno, node.col_offset + 1)

    if source.api == "neuronxcc.nki":
        form = next((f for f in forms_in(source.tree, source.aliases) if f.rule == "import"), None)
        if form is not None:
            found[0] = Finding("lint namespace", _text("namespace", "the file imports neuronxcc.nki"), file, form.line, form.column)
        return list(found.values())
    if kernel is not None and kernel not in source.functions:
        raise KeyError(kernel)
    entries = source.kernels if kernel is None else [kernel]
    reached = []
    called = [n for entry in entries for n in source.reached(entry)[1:]]
    for entry in entries:
        # What a kernel hands to another one may lie anywhere.
        if source.functions[entry] not in called:
            _values.outputs(source.functions[entry], source, add)
        reached += [n for n in source.reached(entry) if n not in reached]
    for node in reached:
        if node.__class__.__name__ == "ClassDef":
            _forms.classes(node, source, add)
            functions = [n for n in node.body if n.__class__.__name__ == "FunctionDef"]
        else:
            functions = [node]
        for function in functions:
            if function.__class__.__name__ == "AsyncFunctionDef":
                add("generator", function, "%s is async" % function.name)
            _forms.check(function, source, add)
            _values.check(function, source, add)
    _older(source, reached, found)
    return sorted(found.values(), key=lambda f: (f.line, f.column, f.rule))


def _text(rule, what):
    row = RULES[rule]
    return "%s: %s%s" % (what, row.why, "; " + row.instead if row.instead else "")


def _older(source, reached, found):
    """Forms that a later NKI removed, inside what the kernels reach."""
    spans = [(min([n.lineno, *(d.lineno for d in n.decorator_list)]), n.end_lineno) for n in reached]
    for form in forms_in(source.tree, source.aliases):
        if not form.breaks or form.rule in _OWN or not any(a <= form.line <= b for a, b in spans):
            continue
        rule = _FORMS.get(form.rule, "removed")
        found[(form.line, rule, form.rule)] = Finding("lint " + rule, form.message, source.file, form.line, form.column)
