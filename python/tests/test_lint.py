"""The linter: every rule on the line that breaks it, nothing on kernels that compile."""
import contextlib
import glob
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import support  # noqa: F401
from nki._lint import RULES, lint
from nki._lint.__main__ import main

HERE = os.path.dirname(os.path.abspath(__file__))
ENGINE = os.path.join(os.path.dirname(HERE), "nki", "_engine", "engine.mjs")
BAD = os.path.join(HERE, "bad_forms.py")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def expected(text):
    """(line, rule) of every ``# lint:`` comment."""
    marks = [(n, line.split("# lint:")[1].split()) for n, line in enumerate(text.split("\n"), 1) if "# lint:" in line]
    return {(n, rule) for n, rules in marks for rule in rules}


def called(*argv):
    """Exit code, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(argv)
    return code, out.getvalue(), err.getvalue()


class LintTest(unittest.TestCase):
    def test_every_rule_on_its_line_and_nothing_else(self):
        text = read(BAD)
        found = {(f.line, f.rule[5:]) for f in lint(text, BAD)}
        self.assertEqual(found, expected(text))

    def test_every_rule_is_broken_by_a_test(self):
        self.assertEqual({rule for _, rule in expected(read(BAD))} | {"namespace"}, set(RULES))

    def test_one_kernel_of_a_file(self):
        self.assertEqual(lint(read(BAD), BAD, "good"), [])
        self.assertTrue(lint(read(BAD), BAD, "bad"))
        with self.assertRaises(KeyError):
            lint(read(BAD), BAD, "none")

    def test_a_function_that_no_kernel_reaches_is_python(self):
        self.assertEqual(lint("import nki\ndef f():\n    return [x for x in ()]\n", "a.py"), [])

    def test_kernels_of_the_older_package_get_one_line(self):
        (found,) = lint("import neuronxcc.nki as nki\n@nki.jit\ndef f(a):\n    return [x for x in a]\n", "a.py")
        self.assertEqual((found.rule, found.line), ("lint namespace", 1))

    def test_messages_say_what_why_and_what_to_write(self):
        (found,) = lint("import nki\n@nki.jit\ndef f(a, *, b=1):\n    return a\n", "a.py")
        self.assertEqual(
            found.report(),
            {
                "rule": "lint keyword-only",
                "message": "f has keyword-only parameters (b): the compiler does not know * in a parameter list; "
                "drop the *, and put parameters with defaults last",
                "file": "a.py",
                "line": 3,
            },
        )

    def test_the_examples_are_clean(self):
        files = sorted(glob.glob(os.path.join(HERE, "..", "..", "examples", "*.py")))
        self.assertTrue(files)
        for path in files:
            self.assertEqual([f.message for f in lint(read(path), path)], [], path)


SCRIPT = """import array, nki, nki.language as nl

@nki.jit
def copied(a, *, twice=False):
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    nl.store(out, nl.load(a))
    return out

a = memoryview(array.array("f", [1])).cast("B").cast("f", (1, 1))
copied(a)
print(copied(a, twice=True).tolist())
"""


@unittest.skipUnless(shutil.which("node") and os.path.exists(ENGINE), "needs node and the bundled engine")
class ScriptTest(unittest.TestCase):
    def run_with(self, mode):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "script.py")
            with open(path, "w") as f:
                f.write(SCRIPT)
            env = {**os.environ, "PYTHONPATH": os.path.dirname(HERE), "OPENTRN_LINT": mode}
            return subprocess.run([sys.executable, path], capture_output=True, text=True, env=env)

    def test_off_warn_strict(self):
        self.assertEqual(self.run_with("off").stderr, "")
        warned = self.run_with("warn")
        self.assertEqual((warned.returncode, warned.stdout), (0, "[[1.0]]\n"))
        # Once, although the kernel is traced twice.
        self.assertRegex(warned.stderr, r"^\S+script\.py:4: lint keyword-only: copied has .*\n$")
        strict = self.run_with("strict")
        self.assertIn("NkiValidationError: lint keyword-only", strict.stderr)
        self.assertIn("OPENTRN_LINT is 'on'; set off, warn or strict", self.run_with("on").stderr)


class CommandTest(unittest.TestCase):
    def test_as_text_and_as_json(self):
        code, out, err = called(BAD)
        self.assertEqual((code, err), (1, ""))
        self.assertRegex(out, r"bad_forms\.py:\d+:1: class Sizes has no base class: .*; derive from nl\.NKIObject \[lint class-base\]")
        code, out, _ = called(BAD, "--json")
        rows = json.loads(out)["warnings"]
        self.assertEqual(code, 1)
        self.assertEqual(set(rows[0]), {"rule", "message", "file", "line", "column", "basis", "source"})
        self.assertEqual(called(BAD + ":good", "--json")[0], 0)

    def test_what_cannot_be_linted(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("broken.py", b"def (\n"), ("null.py", b"\0"), ("latin.py", b"# \xe9\n"), ("deep.py", b"x = " + b"-" * 50000 + b"1\n")):
                path = os.path.join(folder, name)
                with open(path, "wb") as f:
                    f.write(data)
                code, out, err = called(path)
                self.assertEqual((code, out), (2, ""), name)
                self.assertIn(path, err)
            self.assertEqual(called(os.path.join(folder, "none.py"))[0], 2)
            self.assertEqual(called(BAD + ":none")[2], "%s has no function none\n" % BAD)


if __name__ == "__main__":
    unittest.main()
