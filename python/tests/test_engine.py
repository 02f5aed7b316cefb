"""Kernels called with arrays: through the engine process and back. Skipped where Node or the bundled engine is missing."""
import array
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
import unittest
import unittest.mock
import warnings

import support  # noqa: F401

import nki
import nki.isa as nisa
import nki.language as nl
from nki import _engine

try:
    import numpy as np
except ImportError:
    np = None
try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None
try:
    import torch
except Exception:  # a torch without its libraries fails in its own ways
    torch = None

READY = (os.environ.get("OPENTRN_NODE") or shutil.which("node")) and os.path.exists(
    os.path.join(os.path.dirname(_engine.__file__), "_engine", "engine.mjs")
)


def buffer(shape, values, kind="f"):
    flat = memoryview(array.array(kind, values))
    return flat.cast("B").cast(kind, shape)


def counting(shape):
    n = 1
    for d in shape:
        n *= d
    return buffer(shape, [float(i % 97) for i in range(n)])


traced = []


@nki.jit
def scaled_sum(a, b, scale=1.0):
    traced.append(scale)
    x = nl.load(a)
    y = nl.load(b)
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    nl.store(out, nl.multiply(nl.add(x, y), scale))
    return out


@nki.jit
def several(tensors, note="x"):
    x = nl.load(tensors["a"])
    nl.store(tensors["a"], nl.add(x, 1.0))
    first = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    nl.store(first, x)
    return {"copy": first, "part": first[0:2], "note": note, "rest": [first.reshape((x.size,)), None]}


def refused(a):
    t = nl.ndarray((128, 4), dtype=nl.float32)
    nisa.dma_copy(a, t)  # here: refused
    for _ in range(20000):
        nisa.memset(t, 0)


@unittest.skipUnless(READY, "needs Node and npm run build")
class Buffers(unittest.TestCase):
    """What works with nothing but Python."""

    def test_a_kernel_computes(self):
        a, b = counting((128, 4)), counting((128, 4))
        out = scaled_sum(a, b, scale=0.5)
        self.assertEqual((out.shape, out.format), ((128, 4), "f"))
        self.assertEqual(out.tolist(), a.tolist())

    def test_the_same_call_is_traced_once(self):
        traced.clear()
        a = counting((128, 4))
        for scale in (2.0, 2.0, 3.0, 2.0, 2):
            scaled_sum(a, a, scale)
        scaled_sum(counting((128, 8)), counting((128, 8)), 2.0)
        self.assertEqual(traced, [2.0, 3.0, 2, 2.0])

    def test_results_keep_their_structure_and_inputs_are_written_back(self):
        a = counting((4, 4))
        before = a.tolist()
        out = several({"a": a}, note="kept")
        self.assertEqual(out["copy"].tolist(), before)
        self.assertEqual(out["part"].tolist(), before[:2])
        self.assertEqual((out["note"], out["rest"][0].shape, out["rest"][1]), ("kept", (16,), None))
        self.assertEqual(a.tolist(), [[x + 1 for x in row] for row in before])

    def test_a_broken_rule_ends_at_the_users_line_and_the_next_call_works(self):
        with open(__file__) as lines:
            line = next(i for i, text in enumerate(lines, 1) if text.rstrip().endswith("# here: refused"))
        for _ in range(2):
            try:
                nki.simulate(refused)(counting((128, 4)))
                self.fail("nothing was raised")
            except nisa.NkiUninitialisedError as e:
                last = traceback.extract_tb(e.__traceback__)[-1]
                self.assertEqual((last.filename, last.lineno, last.name, e.line), (__file__, line, "refused", line))
                ours = [f for f in traceback.extract_tb(e.__traceback__) if os.sep + "nki" + os.sep in f.filename]
                self.assertEqual(len(ours), 1)
            self.test_a_kernel_computes()

    def test_what_only_shows_at_run_time_ends_at_the_users_line_too(self):
        def full(a):
            tiles = [nl.load(a) for _ in range(70)]
            for t in tiles:
                nl.store(a, t)

        try:
            nki.jit(full)(counting((128, 1024)))
            self.fail("nothing was raised")
        except nisa.NkiCapacityError as e:
            last = traceback.extract_tb(e.__traceback__)[-1]
            self.assertEqual((last.filename, last.name), (__file__, "full"))
            self.assertIn("sbuf", str(e).lower())

    def test_an_exception_inside_leaves_the_engine_usable(self):
        def raises(a):
            for _ in range(20000):
                nisa.memset(nl.ndarray((128, 4), nl.float32), 0)
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            nki.jit(raises)(counting((128, 4)))
        self.test_a_kernel_computes()

    def test_prints_and_time(self):
        @nki.jit
        def shows(a):
            t = nl.load(a)
            nl.device_print("tile", t)
            return a

        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            shows(buffer((1, 4), [1.0, 2.0, 3.5, 4.0]))
        self.assertEqual(said.getvalue(), "tile float32[1,4]\n  [1 2 3.5 4]\n")
        self.assertGreater(nki.last_run().time()["time"]["total_ns"], 0)

    def test_two_cores(self):
        @nki.jit
        def halves(a):
            out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
            rows = a.shape[0] // nl.num_programs()
            mine = slice(nl.program_id(0) * rows, (nl.program_id(0) + 1) * rows)
            nl.store(out[mine], nl.add(nl.load(a[mine]), 1.0 + nl.program_id(0)))
            return out

        a = counting((4, 4))
        self.assertEqual(halves[2](a).tolist(), [[x + (1 if i < 2 else 2) for x in row] for i, row in enumerate(a.tolist())])

    def test_loops_on_the_device(self):
        @nki.jit
        def total(a, n):
            count = nl.ndarray((1, 1), nl.int32)
            nisa.dma_copy(count, n)
            stop = nisa.register_alloc()
            nisa.register_load(stop, count)
            x = nl.load(a)
            acc = nl.zeros((1, 1), nl.float32)
            for i in nl.dynamic_range(stop):
                nisa.tensor_tensor(acc, acc, x[:, nl.ds(i, 1)], nl.add)
            out = nl.ndarray((1, 1), nl.float32, nl.shared_hbm)
            nl.store(out, acc)
            return out

        a = buffer((1, 8), [float(2**i) for i in range(8)])
        self.assertEqual(total(a, buffer((1, 1), [5], "i")).tolist(), [[31.0]])
        self.assertEqual(total(a, buffer((1, 1), [8], "i")).tolist(), [[255.0]])

    def test_threads_take_turns(self):
        results = []
        a = counting((128, 4))
        threads = [threading.Thread(target=lambda: results.append(scaled_sum(a, a, 1.0).tolist())) for _ in range(3)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(len(results), 3)
        self.assertEqual(results[0], results[2])

    def test_an_engine_that_died_is_started_again(self):
        a = counting((128, 4))
        scaled_sum(a, a)
        process = _engine.engine().process
        process.kill()
        process.wait()
        scaled_sum(a, a)

    def test_an_endless_kernel_meets_the_limit(self):
        def endless(a):
            t = nl.load(a)
            while True:
                nisa.tensor_copy(t, t)

        with unittest.mock.patch.dict(os.environ, {"OPENTRN_MAX_INSTRUCTIONS": "20000"}):
            with self.assertRaisesRegex(nisa.NkiLimitError, "more than 20000 instructions"):
                nki.jit(endless)(counting((128, 4)))
        with unittest.mock.patch.dict(os.environ, {"OPENTRN_MAX_INSTRUCTIONS": "few"}):
            with self.assertRaises(nisa.NkiInputError):
                nki.jit(endless)(counting((128, 4)))

    def test_missing_engines_say_what_was_looked_for(self):
        with unittest.mock.patch.dict(os.environ, {"OPENTRN_ENGINE": "/nowhere/engine.mjs"}):
            with self.assertRaisesRegex(nisa.NkiInputError, "/nowhere/engine.mjs, which does not exist"):
                _engine.command()

    @unittest.skipUnless(hasattr(signal, "SIGINT") and os.name == "posix", "needs signals")
    def test_ctrl_c_ends_an_endless_kernel(self):
        script = (
            "import sys, array; sys.path.insert(0, %r)\n"
            "import nki, nki.language as nl\n"
            "def hangs(a):\n    print('running', flush=True)\n    while True: pass\n"
            "nki.jit(hangs)(memoryview(array.array('f', [0.0] * 4)).cast('B').cast('f', (1, 4)))\n"
        ) % os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=10)
        self.assertIn(b"KeyboardInterrupt", said)


@unittest.skipUnless(READY and np, "needs NumPy")
class NumPy(unittest.TestCase):
    def test_arrays_in_arrays_out(self):
        a = np.random.default_rng(0).standard_normal((128, 64)).astype(np.float32)
        out = scaled_sum(a, a[:, ::-1], 2.0)
        self.assertIsInstance(out, np.ndarray)
        np.testing.assert_array_equal(out, (a + a[:, ::-1]) * np.float32(2))

    def test_integers_and_half(self):
        a = np.arange(512, dtype=np.int32).reshape(128, 4)
        np.testing.assert_array_equal(scaled_sum(a, a), a + a)
        h = a.astype(np.float16)
        self.assertEqual(scaled_sum(h, h).dtype, np.float16)
        with self.assertRaisesRegex(TypeError, "float64 is not a data type"):
            scaled_sum(a.astype(np.float64), a)

    @unittest.skipUnless(ml_dtypes, "needs ml_dtypes")
    def test_narrow_floats(self):
        for kind in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3, ml_dtypes.float8_e5m2):
            a = np.arange(512).reshape(128, 4).astype(np.float32).astype(kind)
            out = several({"a": a})["copy"]
            self.assertEqual(out.dtype, np.dtype(kind))
            np.testing.assert_array_equal(out.view(np.uint8), np.arange(512).reshape(128, 4).astype(np.float32).astype(kind).view(np.uint8))

    def test_narrow_floats_kept_wide(self):
        if not ml_dtypes:
            self.skipTest("needs ml_dtypes")
        a = np.full((128, 4), 1.0, ml_dtypes.bfloat16)
        with unittest.mock.patch.dict(os.environ, {"NKI_PRECISE_FP": "0"}):
            out = scaled_sum(a, a, 1.001)
        self.assertEqual(out.dtype, np.float32)
        self.assertAlmostEqual(float(out[0, 0]), 2.002, places=5)


@unittest.skipUnless(READY and np, "needs NumPy")
class Values(unittest.TestCase):
    """What the language's functions compute, against NumPy."""

    def run_tile(self, function, *arrays):
        def kernel(tensors):
            t = function(*[nl.load(x) for x in tensors])
            if t.buffer == nl.psum:
                t = nl.copy(t)
            out = nl.ndarray(t.shape, dtype=t.dtype, buffer=nl.shared_hbm)
            nl.store(out, t)
            return out

        return nki.jit(kernel)(list(arrays))

    def check(self, function, reference, *arrays, rtol=1e-5, atol=1e-6):
        got = self.run_tile(function, *arrays)
        np.testing.assert_allclose(got, reference(*[a.astype(np.float64) for a in arrays]), rtol=rtol, atol=atol)

    x = np.random.default_rng(1).uniform(-9, 9, (128, 32)).astype(np.float32) if np else None
    y = np.random.default_rng(2).uniform(0.5, 3, (128, 32)).astype(np.float32) if np else None

    def test_one_tile(self):
        x, y = self.x, self.y
        for name in "exp tanh abs square negative sin cos floor ceil trunc sign".split():
            self.check(getattr(nl, name), getattr(np, name), x)
        for name in "log sqrt reciprocal".split():
            self.check(getattr(nl, name), getattr(np, name), y)
        self.check(nl.rsqrt, lambda a: 1 / np.sqrt(a), y)
        self.check(nl.arctan, np.arctan, x)
        self.check(nl.tan, np.tan, y / 4)
        self.check(nl.sigmoid, lambda a: 1 / (1 + np.exp(-a)), x)
        self.check(nl.silu, lambda a: a / (1 + np.exp(-a)), x)
        big = np.array([[1e30, -1e30, 2.0**31, 8388609.0, -0.5, 0.5, 1.5, 2.5]] * 2, np.float32)
        self.check(nl.floor, np.floor, big)
        self.check(nl.ceil, np.ceil, big)
        self.check(nl.trunc, np.trunc, big)

    def test_two_tiles(self):
        x, y = self.x, self.y
        for name in "add subtract multiply maximum minimum equal less greater_equal".split():
            self.check(getattr(nl, name), getattr(np, name), x, y)
        self.check(lambda a, b: nl.subtract(1.0, a), lambda a, b: 1 - a, x, y)
        self.check(lambda a, b: nl.add(a, b), np.add, x, y[:, :1])
        self.check(lambda a, b: nl.where(nl.greater(a, 0.0), b, -1.0), lambda a, b: np.where(a > 0, b, -1), x, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.check(nl.divide, np.divide, x, y)
            self.check(nl.mod, np.mod, x, y, atol=1e-4)
            self.check(nl.fmod, np.fmod, x, y, atol=1e-4)

    def test_reductions(self):
        x = self.x.reshape(128, 4, 8)
        self.check(lambda a: nl.sum(a, axis=2), lambda a: a.sum(2), x, atol=1e-4)
        self.check(lambda a: nl.max(a, axis=[1, 2], keepdims=True), lambda a: a.max((1, 2), keepdims=True), x)
        self.check(lambda a: nl.mean(a, axis=-1), lambda a: a.mean(2), x, atol=1e-5)
        self.check(lambda a: nl.var(a, axis=[1, 2]), lambda a: a.var((1, 2), keepdims=True), x, atol=1e-4)
        self.check(lambda a: nl.prod(a, axis=2), lambda a: a.prod(2), self.y.reshape(128, 4, 8), rtol=1e-4)

    def test_composites(self):
        def softmax(a, axes):
            e = np.exp(a - a.max(axes, keepdims=True))
            return e / e.sum(axes, keepdims=True)

        x, y = self.x, self.y
        self.check(lambda a: nl.softmax(a), lambda a: softmax(a, (1,)), x)
        self.check(lambda a: nl.softmax(a, axis=2), lambda a: softmax(a, (2,)), x.reshape(128, 4, 8))
        norm = lambda a, w: a / np.sqrt((a * a).mean(1, keepdims=True) + 1e-6) * w
        self.check(lambda a, w: nl.rms_norm(a, w, axis=1, n=32), norm, x, y)
        self.check(lambda a, b: nl.matmul(a, b, transpose_x=True), lambda a, b: a.T @ b, x, y, atol=1e-3)
        self.check(lambda a, b: nl.matmul(a, b), lambda a, b: a @ b, x, y.T.copy(), atol=1e-3)
        self.check(lambda a: nl.transpose(a), np.transpose, x)
        self.check(lambda a: nl.broadcast_to(a[0:1], (64, 32)), lambda a: np.broadcast_to(a[:1], (64, 32)), x)
        self.check(lambda a: nl.shared_identity_matrix(16, nl.float32), lambda a: np.eye(16), x)

    def test_creation(self):
        self.check(lambda a: nl.full((128, 4), 2.5, nl.float32), lambda a: np.full((128, 4), 2.5), self.x)

        @nki.jit
        def filled():
            return nl.full((300, 17), 2.0, nl.float32, buffer=nl.shared_hbm)

        np.testing.assert_array_equal(filled(), np.full((300, 17), 2.0, np.float32))
        r = self.run_tile(lambda a: nl.rand((128, 64), nl.float32), self.x)
        self.assertTrue(0 <= r.min() < 0.1 and 0.9 < r.max() < 1)


@unittest.skipUnless(READY and torch, "needs torch")
class Torch(unittest.TestCase):
    def test_tensors_in_tensors_out(self):
        for kind in (torch.float32, torch.bfloat16):
            a = torch.arange(512, dtype=kind).reshape(128, 4)
            out = scaled_sum(a, a)
            self.assertEqual(out.dtype, kind)
            self.assertTrue(torch.equal(out, a + a))


if __name__ == "__main__":
    unittest.main()
