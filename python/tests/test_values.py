"""Tensors looked at while the kernel is traced: the values are those of this point, and why there are none is said."""
import array
import contextlib
import io
import os
import shutil
import sys
import unittest

import support  # noqa: F401

import nki
import nki.isa as nisa
import nki.language as nl
from nki import _engine, _values

try:
    import numpy as np
except ImportError:
    np = None

READY = (os.environ.get("OPENTRN_NODE") or shutil.which("node")) and os.path.exists(
    os.path.join(os.path.dirname(_engine.__file__), "_engine", "engine.mjs")
)


def rows(values, width):
    return memoryview(array.array("f", values)).cast("B").cast("f", (len(values) // width, width))


seen = []


@nki.jit
def looks(a):
    t = nl.load(a)
    seen.append(t.tolist())
    nisa.tensor_scalar(dst=t, data=t, op0=nl.multiply, operand0=2.0)
    seen.append(t[0:1, 1:3].tolist())
    print(t)
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    nl.store(out, t)
    return out


@nki.jit
def kinds(a):
    wide = nl.ndarray((1, 2), dtype=nl.int32, buffer=nl.sbuf)
    nisa.memset(dst=wide, value=16777217)
    narrow = nl.ndarray((2, 9), dtype=nl.bfloat16, buffer=nl.sbuf)
    print("before", narrow)
    nisa.memset(dst=narrow[0:1, :], value=1.3)
    print("half", narrow)
    nisa.memset(dst=narrow, value=1.3)
    register = nisa.register_alloc(7)
    print(wide, narrow, register, a, sep="\n")
    for i in nl.dynamic_range(2):
        print("inside", i, wide)
        nisa.memset(dst=narrow, value=2.0)
    print("after", narrow[0:1, 0:1])
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    nl.store(out, nl.load(a))
    seen.append(wide)
    return out


@nki.jit
def broken(a):
    t = nl.ndarray((128, 4), dtype=nl.float32, buffer=nl.sbuf)
    nisa.tensor_copy(dst=t, src=t)
    print(t)
    seen.append("not reached")
    return a


@nki.jit
def swallows(a):
    t = nl.ndarray((128, 4), dtype=nl.float32, buffer=nl.sbuf)
    nisa.tensor_copy(dst=t, src=t)
    for _ in range(2):
        try:
            print(t)
        except BaseException:
            seen.append("swallowed")
    return a


def printed(kernel, *args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        result = kernel(*args)
    return result, out.getvalue()


@unittest.skipUnless(READY, "needs node and the bundled engine")
class ValuesTest(unittest.TestCase):
    def setUp(self):
        seen.clear()

    def test_values_are_those_of_the_moment_and_of_every_call(self):
        result, text = printed(looks, rows([0, 1, 2, 3, 4, 5], 3))
        self.assertEqual(seen, [[[0, 1, 2], [3, 4, 5]], [[2, 4]]])
        self.assertEqual(text, "NkiTensor((2, 3), float32, sbuf)\n[[0 2 4]\n [6 8 10]]\n")
        self.assertEqual(result.tolist(), [[0, 2, 4], [6, 8, 10]])
        # The same shapes again: what was printed depends on the data, so the kernel is traced again.
        _, text = printed(looks, rows([1, 1, 1, 1, 1, 1], 3))
        self.assertIn("[[2 2 2]", text)

    def test_types_registers_loops_and_what_is_not_written(self):
        _, text = printed(kinds, rows([0.5, -0.25], 2))
        self.assertEqual(
            text.split("\n")[:-1],
            [
                "before NkiTensor((2, 9), bfloat16, sbuf) has no values: nothing has written partition 0, byte 0 yet",
                "half NkiTensor((2, 9), bfloat16, sbuf) has no values: nothing has written partition 1, byte 0 yet",
                "NkiTensor((1, 2), int32, sbuf)",
                "[[16777217 16777217]]",
                "NkiTensor((2, 9), bfloat16, sbuf)",
                "[[1.29688 1.29688 1.29688 ... 1.29688 1.29688 1.29688]",
                " [1.29688 1.29688 1.29688 ... 1.29688 1.29688 1.29688]]",
                "VirtualRegister(r0) 7",
                "NkiTensor((1, 2), float32, private_hbm, name='a')",
                "[[0.5 -0.25]]",
                "inside VirtualRegister(r1) is looked at in a loop on the device, whose body is traced once; print it with nl.device_print "
                "NkiTensor((1, 2), int32, sbuf) is looked at in a loop on the device, whose body is traced once; print it with nl.device_print",
                "after NkiTensor((1, 1), bfloat16, sbuf)",
                "[[2]]",
            ],
        )
        self.assertEqual(repr(seen[0]), "NkiTensor((1, 2), int32, sbuf) belongs to a kernel call that is over")
        with self.assertRaises(_values.Unavailable):
            seen[0].tolist()

    def test_a_broken_rule_comes_before_the_value(self):
        with self.assertRaises(nisa.NkiUninitialisedError) as caught:
            printed(broken, rows([1.0], 1))
        self.assertEqual(seen, [])
        self.assertIn("tensor_copy", str(caught.exception))
        with self.assertRaises(nisa.NkiUninitialisedError):
            printed(swallows, rows([1.0], 1))
        self.assertEqual(seen, ["swallowed"] * 2)
        self.assertEqual(looks(rows([1.0, 2.0, 3.0], 3)).tolist(), [[2.0, 4.0, 6.0]])

    def test_tiles_of_the_older_package(self):
        import neuronxcc.nki as older
        import neuronxcc.nki.isa as older_isa
        import neuronxcc.nki.language as older_nl

        @older.jit
        def kernel(a):
            t = older_nl.load(a)
            print(t)
            print(older_isa.activation(older_nl.square, t))
            out = older_nl.ndarray(a.shape, dtype=a.dtype, buffer=older_nl.shared_hbm)
            older_nl.store(out, t)
            seen.append(t)
            return out

        _, text = printed(kernel, rows([1, 2, 3], 3))
        self.assertEqual(text, "tensor((1, 3), float32, sbuf)\n[[1 2 3]]\ntensor((1, 3), float32, sbuf)\n[[1 4 9]]\n")
        self.assertRegex(repr(seen[0]), "belongs to a kernel call that is over")

    @unittest.skipIf(np is None, "needs NumPy")
    def test_numpy(self):
        @nki.jit
        def kernel(a):
            t = nl.load(a)
            seen.append((np.asarray(t).dtype, t.numpy().tolist(), np.asarray(t, dtype="float64").dtype))
            seen.append((np.float32(2) * t).shape)
            out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
            nl.store(out, t)
            return out

        kernel(np.array([[1, 2]], dtype="int32"))
        self.assertEqual(seen, [(np.dtype("int32"), [[1, 2]], np.dtype("float64")), (1, 2)])


class MessagesTest(unittest.TestCase):
    def test_messages_of_the_package_do_not_ask_for_values(self):
        def kernel():
            t = nl.ndarray((128, 4), dtype=nl.float32, buffer=nl.sbuf)
            if t:
                pass

        link = support.Recorder()
        with self.assertRaisesRegex(TypeError, r"NkiTensor\(\(128, 4\), float32, sbuf\) has no truth value"):
            support.trace(kernel, link=link)
        self.assertEqual([m["type"] for m in link.messages], ["begin"])

    def test_long_dimensions_are_cut(self):
        text = str(_values.Values((9, 2, 1), "int8", tuple(range(18))))
        self.assertEqual(text.split("\n")[:4], ["[[[0]", "  [1]]", "", " [[2]"])
        self.assertIn(" ...", text)
        self.assertEqual(_values.Values((2, 1), "bool_", (1, 0)).nested(), [[1], [0]])
        self.assertEqual(str(_values.Values((2, 1), "bool_", (1, 0))), "[[True]\n [False]]")


if __name__ == "__main__":
    sys.exit(unittest.main())
