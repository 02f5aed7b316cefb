"""
Which NKI a file is written for. ``neuronxcc.nki`` files say so by their imports (NKI 0.1); ``nki`` files by what they use: a form that
a version removed is proof of an earlier one (NKI migration guides 0.2 to 0.6). Only Python's own parser reads the file.
"""
import ast

from ._older_forms import forms_in

VERSIONS = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6")
NEWEST = VERSIONS[-1]


class Dialect:
    """``api`` is neuronxcc.nki, nki or None; ``version`` the newest one that has all forms of the file; ``forms`` the older ones."""

    def __init__(self, api, version, forms, aliases):
        self.api = api
        self.version = version
        self.forms = forms
        self.aliases = aliases

    def __repr__(self):
        return "Dialect(%s %s)" % (self.api, self.version)


def imports_of(tree):
    """Dotted module or attribute of every imported name, anywhere in the file."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                names[a.asname or a.name.split(".")[0]] = a.name if a.asname else a.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for a in node.names:
                names[a.asname or a.name] = "%s.%s" % (node.module, a.name)
    return names


def api_of(tree):
    """The package whose kernels the file holds, or None."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {"%s.%s" % (node.module, a.name) for a in node.names}
    if any(m == "neuronxcc" or m.startswith("neuronxcc.nki") for m in modules):
        return "neuronxcc.nki"
    if any(m == "nki" or m.startswith("nki.") for m in modules):
        return "nki"
    return None


def dialect_of(source, filename="<kernel>"):
    """The dialect of a file's text; SyntaxError where it is no Python."""
    tree = ast.parse(source, filename)
    aliases = imports_of(tree)
    api = api_of(tree)
    forms = forms_in(tree, aliases) if api else []
    version = None
    if api == "neuronxcc.nki":
        version = "0.1"
    elif api == "nki":
        # Forms of 0.1 never worked under the name nki: they prove nothing, and the call itself refuses them.
        version = min([f.last for f in forms if f.breaks and f.last != "0.1"], default=NEWEST)
    return Dialect(api, version, forms, aliases)
