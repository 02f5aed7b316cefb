"""Which NKI a file is written for, what it would have to change, and kernels of 0.2 run by its rules."""
import os
import subprocess
import sys
import tempfile
import unittest

import support
from nki._dialect import dialect_of
from nki._migrate import report

OLDER = '''from neuronxcc import nki
import neuronxcc.nki.language as nl
import neuronxcc.nki.isa as nisa
import numpy as np

@nki.jit(mode="simulation")
def kernel(a):
    i = nl.arange(128)[:, None]
    t = nl.load(a[i, 0], mask=i < 64)
    return nisa.tensor_scalar(t, np.add, 1.0)
'''
NEWER = '''import nki
import nki.language as nl
import nki.isa as nisa

@nki.jit
def kernel(a):
    out = nl.ndarray((128, 64), dtype=nl.float32, buffer=nl.shared_hbm)
    t = nl.ndarray((128, 64), dtype=nl.float32, buffer=nl.sbuf)
    r = nl.ndarray((128, 64), dtype=nl.float32, buffer=nl.sbuf)
    nisa.dma_copy(dst=t, src=a)
    %s
    nisa.dma_copy(dst=out, src=r)
    return out
'''
OLD_SELECT = "nisa.affine_select(r, [[-1, 64]], 0, 1, t, -1.0, nl.greater_equal)"
NEW_SELECT = "nisa.affine_select(r, [[-1, 64]], 1, t, -1.0, nl.greater_equal)"


class DetectionTest(unittest.TestCase):
    def test_imports_decide_the_package(self):
        self.assertEqual((dialect_of(OLDER).api, dialect_of(OLDER).version), ("neuronxcc.nki", "0.1"))
        self.assertEqual((dialect_of(NEWER % NEW_SELECT).api, dialect_of(NEWER % NEW_SELECT).version), ("nki", "0.6"))
        self.assertIsNone(dialect_of("import numpy").api)

    def test_removed_forms_decide_the_version(self):
        for line, version in (
            (OLD_SELECT, "0.2"),
            ("nisa.dma_copy(r, t, dst_rmw_op=nl.add)", "0.2"),
            ("nisa.register_move(r, imm=3)", "0.2"),
            ("nl.ndarray((1, 1), nl.float32, buffer='sbuf')", "0.2"),
            ("nisa.dma_copy(r, t, dge_mode=2)", "0.2"),
            ("nisa.sendrecv(r, t, use_gpsimd_dma=True)", "0.2"),
            ("nisa.tensor_copy_dynamic_src(r, t)", "0.3"),
            ("nl.dynamic_range(3)", "0.6"),
        ):
            self.assertEqual(dialect_of(NEWER % line).version, version, line)

    def test_the_report_names_every_line(self):
        made = report(OLDER, "old.py")
        self.assertEqual(
            [(c["line"], c["rule"]) for c in made["changes"]],
            [(1, "import"), (2, "import"), (3, "import"), (6, "jit mode"), (8, "nl.arange"), (9, "mask"), (10, "dst"), (10, "numpy op")],
        )
        self.assertEqual(report(NEWER % NEW_SELECT, "new.py")["changes"], [])

    def test_names_that_do_not_exist(self):
        (change,) = report(NEWER % "nisa.no_such_op(r, t)", "new.py")["changes"]
        self.assertEqual((change["line"], change["rule"]), (11, "nisa.no_such_op"))

    def test_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text, code in (("old.py", OLDER, 1), ("new.py", NEWER % NEW_SELECT, 0), ("bad.py", "def (", 2), ("none", None, 2)):
                path = os.path.join(folder, name)
                if text is not None:
                    with open(path, "w") as f:
                        f.write(text)
                done = subprocess.run(
                    [sys.executable, "-m", "nki._migrate", path], capture_output=True, text=True, cwd=os.path.dirname(os.path.dirname(__file__))
                )
                self.assertEqual(done.returncode, code, name)
                self.assertNotIn("Traceback", done.stderr)


class OlderNkiTest(unittest.TestCase):
    def selected(self, line):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "kernel.py")
            with open(path, "w") as f:
                f.write(NEWER % line)
            names = {}
            with open(path) as f:
                exec(compile(f.read(), path, "exec"), names)
            link, _ = support.trace(names["kernel"].func, ((128, 64), "float32"))
        return [words for name, words in support.decode(link.words) if name == "affine_select"]

    def test_an_older_call_gives_the_newer_record(self):
        self.assertEqual(self.selected(OLD_SELECT), self.selected(NEW_SELECT))

    def test_a_name_of_the_oldest_version_elsewhere_in_the_file_changes_nothing(self):
        self.assertEqual(len(self.selected(NEW_SELECT + "\n    unused = lambda: nl.arange(3)")), 1)

    def test_helpers_of_the_newest_version_are_no_older_forms(self):
        for name in ("load_transpose2d(a)", "shared_identity_matrix(4, nl.float32)", "shared_constant(a)"):
            self.assertEqual(dialect_of(NEWER % ("nl." + name)).version, "0.6", name)


if __name__ == "__main__":
    unittest.main()
