"""The command: prints findings; exit code 0 for none, 1 for some, 2 for a file that cannot be linted."""
import json
import sys

from . import lint
from ._rules import RULES


def main(argv):
    """Runs the command line; returns the exit code."""
    names = [a for a in argv if not a.startswith("-")]
    if len(names) != 1:
        sys.stderr.write("usage: python -m nki._lint FILE[:KERNEL] [--json]\n")
        return 2
    file, _, kernel = names[0].partition(".py:")
    file += ".py" if kernel else ""
    try:
        with open(file, encoding="utf-8") as f:
            found = lint(f.read(), file, kernel or None)
    except OSError as e:
        return _fail("%s: %s" % (file, e.strerror))
    except UnicodeDecodeError:
        return _fail("%s: is no UTF-8 text" % file)
    except (SyntaxError, ValueError) as e:
        return _fail("%s:%s: %s" % (file, getattr(e, "lineno", None) or 0, getattr(e, "msg", None) or e))
    except KeyError:
        return _fail("%s has no function %s" % (file, kernel))
    except (RecursionError, MemoryError):
        return _fail("%s: is nested too deeply to be read" % file)
    if "--json" in argv:
        rows = [{**f.report(), "column": f.column, "basis": rule_of(f).basis, "source": rule_of(f).source} for f in found]
        sys.stdout.write(json.dumps({"file": file, "kernel": kernel or None, "warnings": rows}) + "\n")
    else:
        for f in found:
            sys.stdout.write("%s:%d:%d: %s [%s]\n" % (f.file, f.line, f.column, f.message, f.rule))
        sys.stdout.write("%d finding%s\n" % (len(found), "" if len(found) == 1 else "s"))
    return 1 if found else 0


def rule_of(finding):
    """The row of a finding's rule."""
    return RULES[finding.rule[5:]]


def _fail(message):
    sys.stderr.write(message + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
