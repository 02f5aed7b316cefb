"""
``python -m nki._migrate FILE``: what to change in a kernel file for the newest NKI, line by line. With ``--json``:
``{file, api, version, newest, changes: [{line, column, rule, last, breaks, message}]}``. Exit code 0: nothing to change; 1: something.
"""
import ast
import json
import sys

from . import isa, language
from ._dialect import NEWEST, dialect_of
from ._older_forms import _ISA, _NL, Form, _member, dotted


def absent(tree, aliases, known):
    """Names of nki.language and nki.isa that the newest version has not and no rule explains."""
    found = []
    taken = {f.line for f in known}
    for node in ast.walk(tree):
        name = dotted(node, aliases) if isinstance(node, ast.Attribute) else None
        for modules, module, short in ((_NL, language, "nl"), (_ISA, isa, "nisa")):
            member = _member(name, modules)
            if member and name.endswith("." + member) and not hasattr(module, member) and node.lineno not in taken:
                found.append(Form(node, "%s.%s" % (short, member), "0.5", True, "%s.%s does not exist in NKI %s" % (short, member, NEWEST)))
    return found


def report(source, file):
    """The report of one file; SyntaxError where it is no Python."""
    dialect = dialect_of(source, file)
    changes = list(dialect.forms)
    if dialect.api:
        changes += absent(ast.parse(source, file), dialect.aliases, changes)
    changes.sort(key=lambda f: (f.line, f.column))
    return {
        "file": file,
        "api": dialect.api,
        "version": dialect.version,
        "newest": NEWEST,
        "changes": [f.report() for f in changes],
    }


def text(made):
    """The report as a person reads it."""
    if made["api"] is None:
        return "%s imports neither nki nor neuronxcc.nki: nothing to migrate\n" % made["file"]
    lines = ["%s is written for %s (NKI %s); the newest is %s" % (made["file"], made["api"], made["version"], made["newest"])]
    for c in made["changes"]:
        lines.append("%s:%d:%d: %s%s [%s]" % (made["file"], c["line"], c["column"], c["message"], "" if c["breaks"] else " (still runs)", c["rule"]))
    n = len(made["changes"])
    lines.append("nothing to change" if n == 0 else "%d line%s to change" % (n, "" if n == 1 else "s"))
    return "\n".join(lines) + "\n"


def main(argv):
    files = [a for a in argv if not a.startswith("-")]
    if len(files) != 1:
        sys.stderr.write("usage: python -m nki._migrate FILE [--json]\n")
        return 2
    try:
        with open(files[0], encoding="utf-8") as f:
            made = report(f.read(), files[0])
    except OSError as e:
        sys.stderr.write("%s: %s\n" % (files[0], e.strerror))
        return 2
    except SyntaxError as e:
        sys.stderr.write("%s:%s: %s\n" % (files[0], e.lineno, e.msg))
        return 2
    sys.stdout.write(json.dumps(made, indent=1) + "\n" if "--json" in argv else text(made))
    return 1 if made["changes"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
