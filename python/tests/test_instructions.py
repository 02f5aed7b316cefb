"""Calls become the words that the records describe."""
import unittest

from support import Recorder, decode, instructions, inside, trace

import nki
import nki.isa as nisa
import nki.language as nl
from nki import _isa_generated as isa

F32 = "float32"


def tile(shape=(128, 16), dtype=F32, buffer=nl.sbuf):
    return nl.ndarray(shape, dtype, buffer)


def only(function, name):
    """The words of the last instruction called ``name``."""
    link, _ = trace(lambda: (function(), None)[1])
    return [w for n, w in decode(link.words) if n == name][-1]


class Operands(unittest.TestCase):
    def pattern(self, make):
        return only(lambda: nisa.memset(make(), 0), "memset")

    def test_on_chip_patterns_count_partitions_and_elements_of_a_partition(self):
        tag = 4 | 2 << 4 | isa.DTYPES.index(F32) << 8
        self.assertEqual(self.pattern(lambda: tile()[32:64, 4:8])[:8], [tag, 0, 32, 4, 1, 32, 1, 4])
        self.assertEqual(self.pattern(lambda: tile((128, 4, 8))[:, 1:3, 0:8:2])[:10], [tag + 16, 0, 0, 8, 1, 128, 8, 2, 2, 4])
        self.assertEqual(self.pattern(lambda: tile((128, 4, 8))[:, 2, 5])[:8], [tag, 0, 0, 21, 1, 128, 1, 1])

    def test_hbm_offsets_beyond_31_bits_carry_over(self):
        words = only(lambda: nisa.dma_copy(tile((1, 4)), tile((3, 2**31 - 8), "uint8", nl.hbm)[2:3, 4:20].view(F32)), "dma_copy")
        high, low = words[10], words[11]
        self.assertEqual((high >> 8) * 2**31 + low, (2 * (2**31 - 8) + 4) // 4)

    def test_numbers(self):
        t = tile
        self.assertEqual(only(lambda: nisa.memset(t(), 7), "memset")[8:10], [2, 7])
        self.assertEqual(only(lambda: nisa.memset(t(), 1.0), "memset")[8:10], [1, 0x3F800000])
        self.assertEqual(only(lambda: nisa.memset(t(), -0.0), "memset")[8:10], [1, -0x80000000])
        self.assertEqual(only(lambda: nisa.memset(t(), 0.0), "memset")[8:10], [1, 0])
        self.assertEqual(only(lambda: nisa.memset(t(), 1e39), "memset")[8:10], [1, 0x7F800000])
        self.assertEqual(only(lambda: nisa.memset(t(dtype="uint32"), 0xFFFFFFFF), "memset")[8:10], [2, -1])
        self.assertEqual(only(lambda: nisa.memset(t(), 2**31), "memset")[8:10], [1, 0x4F000000])
        self.assertEqual(only(lambda: nisa.memset(t(), True), "memset")[8:10], [2, 1])

    def test_what_is_no_operand(self):
        for call, said in [
            (lambda: nisa.tensor_copy(tile(), 3.0), "tensor_copy: src is 3.0 of type float; pass a tensor"),
            (lambda: nisa.tensor_copy(tile(), None), "tensor_copy: src is None"),
            (lambda: nisa.memset(tile(), "one"), "memset: value is 'one'"),
            (lambda: nisa.register_move(3, 4), "register_move: dst is 3"),
        ]:
            with self.assertRaisesRegex(TypeError, said):
                inside(call)


class Attributes(unittest.TestCase):
    def test_enumerations_by_member_and_name(self):
        by = lambda e: only(lambda: nisa.memset(tile(), 0, engine=e), "memset")[-1]
        self.assertEqual([by(nisa.engine.unknown), by(nisa.engine.vector), by("gpsimd"), by(None)], [0, 1, 2, 0])
        with self.assertRaisesRegex(nisa.NkiValidationError, "memset: engine is engine.tensor; choose unknown, vector, gpsimd"):
            inside(lambda: nisa.memset(tile(), 0, engine=nisa.engine.tensor))

    def test_operations_by_function_and_name(self):
        t = tile
        op = lambda o: only(lambda: nisa.tensor_tensor(t(), t(), t(), o), "tensor_tensor")[-2]
        self.assertEqual([op(nl.add), op("multiply")], [isa.ALU.index("add"), isa.ALU.index("multiply")])
        with self.assertRaisesRegex(nisa.NkiValidationError, "tensor_tensor: op is nl.exp, which is no ALU operation"):
            inside(lambda: nisa.tensor_tensor(t(), t(), t(), nl.exp))
        with self.assertRaisesRegex(TypeError, "pass a function of nki.language"):
            inside(lambda: nisa.activation(t(), len, t()))

    def test_accumulate_is_true_false_or_open(self):
        def last(value):
            def call():
                a = tile((128, 128), "bfloat16")
                nisa.nc_matmul(tile((128, 128), F32, nl.psum), a, a, accumulate=value)

            words = only(call, "nc_matmul")
            return words[27] if len(words) > 27 else words

        spec = isa._s_nc_matmul[2]
        self.assertEqual([a[0] for a in spec][3], "accumulate")
        self.assertEqual([last(None), last(True), last(False)], [-1, 1, 0])

    def test_patterns_are_flattened(self):
        words = only(lambda: nisa.iota(tile(dtype="int32"), [[1, 4], [8, 4]], 3, 2), "iota")
        self.assertEqual(words[8:], [4, 1, 4, 8, 4, 3, 2])

    def test_lists_of_tensors_are_operands(self):
        def add(n, scales=None):
            out = nl.ndarray((128, 4), F32, nl.hbm)
            nisa.dma_compute(out, [nl.ndarray((128, 4), F32, nl.hbm) for _ in range(n)], nl.add, scales)

        words = only(lambda: add(3, [1.0, 1.0, 1.0]), "dma_compute")
        self.assertEqual(words[32:46], [0] * 13 + [isa.ALU.index("add")])
        self.assertEqual(only(lambda: add(2, [1.0, 2.0]), "dma_compute")[-3], 0x40000000)
        with self.assertRaisesRegex(nisa.NkiValidationError, "dma_compute: srcs has 17 elements, at most 16"):
            inside(lambda: add(17))
        with self.assertRaisesRegex(TypeError, "pass a list of tensors"):
            inside(lambda: nisa.dma_compute(tile(), tile(), nl.add))

    def test_parameters_follow_the_documented_order(self):
        import inspect

        self.assertEqual(
            str(inspect.signature(nisa.scalar_tensor_tensor)),
            "(dst, data, op0, operand0, op1, operand1, reverse0=False, reverse1=False, name=None)",
        )
        self.assertIn("op0, operand0=None, reverse0=False, op1=None", str(inspect.signature(nisa.tensor_scalar)))


class Stream(unittest.TestCase):
    def test_lines_name_file_line_and_function_once(self):
        def kernel():
            for _ in range(3):
                nisa.memset(tile((128, 4)), 0)

        link, _ = trace(kernel)
        lines = [w for w in range(len(link.words)) if link.words[w] == isa.LINE]
        self.assertLessEqual(len(lines), 4)

    def test_words_go_out_in_batches_while_the_kernel_runs(self):
        sizes = []

        class Counting(Recorder):
            def records(self, batch):
                sizes.append(len(batch))
                super().records(batch)

        def kernel():
            t = tile((128, 4))
            for _ in range(5000):
                nisa.memset(t, 0)

        trace(kernel, link=Counting())
        self.assertGreater(len(sizes), 3)
        self.assertLess(max(sizes), 13000)

    def test_a_refusal_ends_at_the_users_line(self):
        import traceback

        report = {"type": "error", "category": "out of bounds", "rule": "memset G6", "message": "memset G6: no", "file": __file__, "line": 7, "function": "somewhere"}

        def kernel():
            t = tile((128, 4))
            while True:
                try:
                    nisa.memset(t, 0)
                except Exception:
                    pass

        try:
            trace(kernel, link=Recorder(refuse_after=20000, report=report))
            self.fail("nothing was raised")
        except nisa.NkiBoundsError as e:
            last = traceback.extract_tb(e.__traceback__)[-1]
            self.assertEqual((last.filename, last.lineno, last.name), (__file__, 7, "somewhere"))
            self.assertEqual((str(e), e.rule, e.line), ("memset G6: no", "memset G6", 7))

    def test_exceptions_of_the_package_end_at_the_users_line_too(self):
        import traceback

        try:
            inside(lambda: tile()[:, 0:99])
        except nisa.NkiBoundsError as e:
            self.assertEqual(traceback.extract_tb(e.__traceback__)[-1].filename, __file__)

    def test_outside_a_kernel(self):
        for call in (lambda: tile(), lambda: nisa.memset(None, 0), lambda: nl.program_id(0)):
            with self.assertRaisesRegex(RuntimeError, "kernel"):
                call()

    def test_dependencies_and_order(self):
        def kernel():
            t = tile()
            a = nisa.memset(t, 0)
            b = nisa.memset(t, 1).depends_on(a)
            with nl.no_reorder():
                nisa.memset(t, 2).depends_on(b, a)

        link, _ = trace(kernel)
        w = link.words
        edges = [tuple(w[i + 1 : i + 3]) for i in range(len(w)) if w[i] == isa.DEPENDS]
        self.assertEqual(edges, [(1, 0), (2, 1), (2, 0)])


class Loops(unittest.TestCase):
    def names(self, kernel):
        link, _ = trace(kernel)
        return instructions(link.words)

    def test_counted_loops(self):
        def kernel():
            t = tile()
            stop = nisa.register_alloc(4)
            for i in nl.dynamic_range(0, stop, 2):
                nisa.memset(t[:, nl.ds(i, 2)], 0)
            nl.fori_loop(0, 3, lambda i: nisa.memset(t, 1))

        self.assertEqual(
            self.names(kernel), ["register_move", "loop_begin", "memset", "loop_end", "loop_begin", "memset", "loop_end"]
        )

    def test_while_over_a_register(self):
        def kernel():
            t = tile((1, 1), "int32")
            reg = nisa.register_alloc(1)
            while reg:
                nisa.memset(t, 0)
                nisa.register_load(reg, t)
            nl.while_loop(reg, lambda r: r)

        self.assertEqual(
            self.names(kernel),
            ["register_move", "while_begin", "memset", "register_load", "while_end", "register_move", "while_begin", "register_move", "register_move", "while_end"],
        )

    def test_what_a_loop_cannot_do(self):
        def leaves():
            for _ in nl.dynamic_range(4):
                break

        def decides():
            if nisa.register_alloc(1):
                pass

        def writes():
            for i in nl.dynamic_range(4):
                nisa.register_move(i, 0)

        def reordered():
            with nl.no_reorder():
                for _ in nl.dynamic_range(4):
                    pass

        def open_while():
            reg = nisa.register_alloc(1)
            while reg:
                break

        for kernel, kind, said in [
            (leaves, nisa.NkiValidationError, "break"),
            (decides, TypeError, "not known"),
            (writes, nisa.NkiValidationError, "index of a loop"),
            (reordered, nisa.NkiValidationError, "no_reorder"),
            (open_while, nisa.NkiValidationError, "left with break"),
            (lambda: range(nisa.register_alloc(1)), TypeError, "not known"),
            (lambda: nl.dynamic_range(0, 4, nisa.register_alloc(1)), AssertionError, "compile-time"),
        ]:
            with self.assertRaisesRegex(kind, said):
                trace(kernel)


class Launch(unittest.TestCase):
    def test_two_cores_trace_in_turn_and_share_what_is_shared(self):
        def kernel(a):
            out = nl.ndarray((2, 128, 4), F32, nl.shared_hbm)
            mine = nl.ndarray((128, 4), F32, nl.hbm)
            t = tile((128, 4))
            nisa.dma_copy(t, a)
            nisa.dma_copy(out[nl.program_id(0)], t)
            nisa.dma_copy(mine, t)
            assert nl.num_programs() == 2 and nl.program_ndim() == 1
            return out

        link, _ = trace(kernel, ((128, 4), F32), cores=2)
        cores = [link.words[i + 6] for i in range(len(link.words) - 7) if link.words[i] == isa.STORAGE]
        self.assertEqual(cores, [-1, -1, 0, 0, 1, 1])
        self.assertEqual(len(link.outputs), 1)

    def test_cores_that_disagree(self):
        def kernel():
            nl.ndarray((2 + nl.program_id(0), 4), F32, nl.shared_hbm)

        with self.assertRaisesRegex(nisa.NkiValidationError, "core 1 creates shared_hbm tensor 0"):
            trace(kernel, cores=2)

    def test_targets(self):
        self.assertEqual(inside(nisa.get_nc_version), nisa.nc_version.gen3)
        self.assertGreater(inside(nisa.get_nc_version), nisa.nc_version.gen2)
        self.assertEqual(inside(lambda: nl.tile_size.gemm_moving_fmax), 512)

    def test_schedules(self):
        def kernel():
            t = tile()
            nisa.memset(t, 0, name="a")
            nisa.memset(t, 0, name="b")

        scheduled = nki.jit(kernel).with_schedule([("b", ["a"])])
        from nki._call import bound, trace_call

        link = Recorder()
        trace_call(link, scheduled.func, *bound(kernel, (), {}), "trn2", 1, scheduled.schedule)
        w = link.words
        self.assertIn((1, 0), [tuple(w[i + 1 : i + 3]) for i in range(len(w)) if w[i] == isa.DEPENDS])


if __name__ == "__main__":
    unittest.main()
