"""Finding kernels and drivers in a checkout, and what outcomes mean."""
import os
import tempfile
import textwrap
import unittest

import support  # noqa: F401
from nki_conformance.__main__ import Run
from nki_conformance.cases import case_of, known
from nki_conformance.discover import drivers, files_in
from nki_conformance.verdict import Outcome, counts

KERNELS = """
    from neuronxcc import nki
    import neuronxcc.nki.language as nl
    nki_jit = nki.trace

    @nki.jit
    def first(a):
        return a

    @nki_jit
    def second(a, b):
        pass

    def third(a):
        return a

    def helper(a):
        return nl.exp(a)

    bench = nki.benchmark(warmup=5)(third)
"""


class Checkout:
    def __init__(self, **files):
        self.folder = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = os.path.join(self.folder.name, name.replace("-", "/") + ".py")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(textwrap.dedent(text))

    def files(self):
        return files_in(self.folder.name)


class DiscoverTest(unittest.TestCase):
    def one(self, text):
        checkout = Checkout(k=text)
        self.addCleanup(checkout.folder.cleanup)
        return checkout.files()[0]

    def test_kernels_by_decorator_alias_and_call(self):
        file = self.one(KERNELS)
        self.assertEqual((file.api, file.kernels), ("neuronxcc.nki", ["first", "second", "third"]))
        self.assertFalse(file.is_test or file.is_script)

    def test_scripts(self):
        for last, runs in (
            ("if __name__ == '__main__':\n    first(1)", True),
            ("out = nki.simulate_kernel(first, 1)", True),
            ("first[2](1)", True),
            ("made = nki.benchmark()(first)", False),
            ("x = 3", False),
        ):
            file = self.one("from neuronxcc import nki\n@nki.jit\ndef first(a):\n    return a\n" + last + "\n")
            self.assertEqual(file.is_script, runs, last)

    def test_tests(self):
        self.assertTrue(self.one("class TestA:\n    def test_a(self):\n        pass\n").is_test)
        self.assertFalse(self.one("from nki import jit\n@jit\ndef test_kernel(a):\n    return a\n").is_test)

    def test_files_that_do_not_parse(self):
        file = self.one("import nki\ndef (\n")
        self.assertEqual((file.api, file.kernels), ("nki", []))
        self.assertIn("line 2", file.error)

    def test_drivers_reach_kernels_by_module_or_package(self):
        checkout = Checkout(
            **{"pack-__init__": "", "pack-kernels": "import nki\n@nki.jit\ndef k(a):\n    return a\n"},
            test_direct="from kernels import k\ndef test_k():\n    k(1)\n",
            test_package="import pack\ndef test_p():\n    pass\n",
            test_other="import json\ndef test_o():\n    pass\n",
        )
        self.addCleanup(checkout.folder.cleanup)
        self.assertEqual([f.relative for f in drivers(checkout.files())], ["test_direct.py", "test_package.py"])


def outcome(cases, errors=(), **more):
    made = Outcome("f.py", "k", "nki")
    made.called = True
    made.cases = {c["id"]: c for c in cases}
    made.errors = dict(errors)
    for k, v in more.items():
        setattr(made, k, v)
    return made.row()


def case(id, result, error=None, **more):
    return {"id": id, "outcome": result, "error": error, **more}


class VerdictTest(unittest.TestCase):
    def status(self, *args, **kwargs):
        row = outcome(*args, **kwargs)
        return row["status"], row["reason"]

    def test_every_case_must_pass(self):
        self.assertEqual(self.status([case("a", "passed"), case("b", "skipped")]), ("pass", ""))
        self.assertEqual(self.status([case("a", "passed"), case("b", "failed", "off by one")]), ("fail", "off by one"))

    def test_time(self):
        self.assertEqual(self.status([case("a", "timeout", "stopped after 1 s")])[0], "unsupported")
        self.assertEqual(self.status([case("a", "passed"), case("b", "timeout")]), ("pass", "1 case of 2 stopped for time"))

    def test_errors_by_kind(self):
        def error(type, category=None, rule=None):
            return {"a": {"type": type, "category": category, "rule": rule, "message": "why"}}

        cases = [case("a", "failed", "x")]
        self.assertEqual(self.status(cases, error("NkiUnsupportedError", "unsupported here")), ("unsupported", "why"))
        self.assertEqual(self.status(cases, error("NkiCapacityError", "capacity", "PSUM capacity"))[0], "unsupported")
        self.assertEqual(self.status(cases, error("NameError"))[0], "invalid")
        self.assertEqual(self.status(cases, error("NkiValidationError", "invalid program")), ("fail", "why"))

    def test_remarks(self):
        self.assertIn("NKI_PRECISE_FP=0", self.status([case("a", "passed", precise=False)])[1])
        self.assertEqual(self.status([case("a", "passed")], called=False, inlined=True)[1], "called inside other kernels")
        self.assertIn("compares nothing", self.status([case("a", "passed", checked=False)])[1])

    def test_never_called(self):
        self.assertEqual(self.status([], called=False)[0], "unsupported")

    def test_counts(self):
        rows = [{"status": s} for s in ("pass", "pass", "invalid")]
        self.assertEqual(counts(rows), {"pass": 2, "fail": 0, "unsupported": 0, "invalid": 1})


class CasesTest(unittest.TestCase):
    def test_drivers_of_ours_compile(self):
        code = case_of("x/attention_fwd_performance/attention_kernels.py", "attn_fwd_v2")
        self.assertIn("t.attn_fwd_v2", code)
        for file, kernel in (("a/mxfp-matmul/mx_kernels.py", "kernel_a"), ("tensor_addition/tensor_addition_nki_kernels.py", "nki_tensor_add")):
            compile(case_of(file, kernel), file, "exec")
        self.assertIsNone(case_of("other.py", "k"))

    def test_known_failures(self):
        self.assertEqual(known("nki/examples/layout-violation.py", "tensor_exp_kernel_")[0], "invalid")
        self.assertIsNone(known("nki/examples/layout-pass.py", "tensor_exp_kernel_"))


class ImportTest(unittest.TestCase):
    def test_a_test_of_what_the_commit_lacks(self):
        checkout = Checkout(test_a="from nki_samples.reference.attention import flash\nimport neuronxcc.nki\ndef test_a():\n    flash()\n")
        self.addCleanup(checkout.folder.cleanup)

        class Options:
            only = commit = None
            timeout = 1

        run = Run(checkout.folder.name, Options)
        run.import_failed(run.files[0], case("test_a.py", "import", "ModuleNotFoundError: No module named 'nki_samples'"))
        row = run.extra[0].row()
        self.assertEqual((row["kernel"], row["status"]), ("flash", "invalid"))
        self.assertIn("does not have", row["reason"])



if __name__ == "__main__":
    unittest.main()
