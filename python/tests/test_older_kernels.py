"""Kernels of the older surface as records: how many instructions, with which operands, at which line."""
import unittest

import support
from neuronxcc import nki
from neuronxcc.nki import isa as nisa, language as nl
from nki import _isa_generated as isa
from nki._errors import NkiBoundsError, NkiUnsupportedError, NkiValidationError


def names(kernel, *args, **kwargs):
    link, _ = support.trace(nki.jit(kernel).func, *args, **kwargs)
    return support.instructions(link.words)


ARG = ((128, 512), "float32")


class PendingTest(unittest.TestCase):
    def test_assignment_writes_straight_into_the_target(self):
        def kernel(a):
            t = nl.ndarray((128, 512), dtype="float32")
            t[...] = nl.load(a)
            t[:, 0:256] = nisa.activation(op=nl.exp, data=t[:, 256:512])

        self.assertEqual(names(kernel, ARG), ["dma_copy", "activation"])

    def test_blocks_are_written_in_place_too(self):
        def kernel(a):
            t = nl.ndarray((2, nl.par_dim(128), 512), dtype="float32")
            t[0] = nl.load(a)
            t[1, :, 0:512] = nisa.activation(op=nl.exp, data=t[0])

        self.assertEqual(names(kernel, ARG), ["dma_copy", "activation"])

    def test_a_result_that_is_kept_has_a_tile_of_its_own(self):
        def kernel(a):
            t = nl.ndarray((128, 512), dtype="float32")
            x = nl.load(a)
            t[...] = x
            return x, t

        self.assertEqual(names(kernel, ARG)[:2], ["dma_copy", "tensor_copy"])

    def test_narrower_results_round_before_they_are_widened(self):
        def kernel(a):
            t = nl.ndarray((128, 512), dtype="float32")
            t[...] = nisa.activation(op=nl.exp, data=nl.load(a), dtype="bfloat16")

        self.assertEqual(names(kernel, ARG), ["dma_copy", "activation", "tensor_copy"])

    def test_matmuls_accumulate_in_psum_without_a_memset(self):
        def kernel(a, b):
            x, y = nl.load(a), nl.load(b)
            acc = nl.zeros((128, 512), dtype="float32", buffer=nl.psum)
            for _ in nl.affine_range(3):
                acc += nisa.nc_matmul(x, y)
            return nl.copy(acc)

        link, _ = support.trace(nki.jit(kernel).func, ((128, 128), "bfloat16"), ((128, 512), "bfloat16"))
        flags = [words for name, words in support.decode(link.words) if name == "nc_matmul"]
        at = [a[0] for a in isa._s_nc_matmul[2]].index("accumulate")
        # Attributes stand at the end: tile_position and tile_size take one word each when empty.
        tail = [words[-(len(isa._s_nc_matmul[2]) - at)] for words in flags]
        self.assertEqual(tail, [0, 1, 1])
        self.assertNotIn("memset", support.instructions(link.words))

    def test_zeros_that_are_read_are_set(self):
        def kernel():
            acc = nl.zeros((128, 512), dtype="float32", buffer=nl.psum)
            return nl.exp(acc)

        self.assertEqual(names(kernel)[0], "memset")

    def test_lines_are_those_of_the_call_not_of_the_use(self):
        def kernel(a):
            x = nl.load(a)
            y = nl.exp(x)
            return nl.add(x, y)

        link, _ = support.trace(nki.jit(kernel).func, ARG)
        first = kernel.__code__.co_firstlineno
        lines, used, words, at = {}, [], link.words, 0
        while at < len(words):
            if words[at] == isa.LINE:
                lines[words[at + 1]] = words[at + 3]
            if words[at] < 1000:
                used.append(lines[words[at + 1]])
            at = support_next(words, at)
        self.assertEqual(used[:3], [first + 1, first + 2, first + 3])


def support_next(words, at):
    """Where the record after the one at ``at`` starts."""
    code = words[at]
    if code < 1000:
        return support._instruction(words, at)
    if code == isa.STRING:
        return at + 3 + (words[at + 2] + 3) // 4
    return at + {isa.LINE: 5, isa.STORAGE: 12 + (words[at + 11] if code == isa.STORAGE else 0), isa.OUTPUT: 2, isa.END: 1}[code]


class IndexingTest(unittest.TestCase):
    def view(self, make, *args):
        box = []

        def kernel(*tensors):
            box.append(make(*tensors)._v)

        support.trace(nki.jit(kernel).func, *args)
        return box[0]

    def test_index_expressions_become_strides(self):
        def make(a):
            p, x, y = nl.mgrid[0:128, 0:16, 0:32]
            return a[p, 31 - y + 32 * x]

        v = self.view(make, ARG)
        self.assertEqual((v.shape, v.strides, v.offset), ((128, 16, 32), (512, 32, -1), 31))

    def test_integers_and_slices(self):
        v = self.view(lambda a: a[2, :, 4:8], ((4, 128, 16), "float32"))
        self.assertEqual((v.shape, v.strides, v.offset), ((128, 4), (16, 1), 2 * 128 * 16 + 4))

    def test_one_dimensional_arange_is_refused(self):
        with self.assertRaises(NkiValidationError) as e:
            self.view(lambda a: a[nl.arange(64), 0], ARG)
        self.assertEqual(e.exception.rule, "1-D arange")

    def test_blocks_are_tiles_of_their_own(self):
        def kernel():
            t = nl.ndarray((3, nl.par_dim(128), 4), dtype="float32")
            for i in nl.affine_range(3):
                t[i] = 1.0
            with self.assertRaises(NkiBoundsError):
                t[3]
            with self.assertRaises(NkiUnsupportedError):
                t[nl.arange(3)[:, None]]

        self.assertEqual(names(kernel), ["memset"] * 3)

    def test_masks_clip_the_instruction(self):
        def kernel(a):
            p, f = nl.mgrid[0:128, 0:512]
            return nl.load(a[p + 64, f], mask=(p + 64 < 128))

        link, _ = support.trace(nki.jit(kernel).func, ARG)
        (words,) = [w for n, w in support.decode(link.words) if n == "dma_copy"][:1]
        # dst: tag, storage, partition, offset, then [stride, count] pairs.
        self.assertEqual(words[4:6], [1, 64])

    def test_and_between_masks_is_both(self):
        def kernel(a):
            p, f = nl.mgrid[0:128, 0:512]
            return nl.load(a[p, f], mask=(p < 8 and f < 16))

        link, _ = support.trace(nki.jit(kernel).func, ARG)
        (words,) = [w for n, w in support.decode(link.words) if n == "dma_copy"][:1]
        self.assertEqual(words[4:8], [1, 8, 1, 16])


class RefusalTest(unittest.TestCase):
    def refused(self, kernel, *args):
        with self.assertRaises(NkiUnsupportedError) as e:
            names(kernel, *args)
        return e.exception.rule

    def test_engines_do_not_read_hbm(self):
        self.assertEqual(self.refused(lambda a: nl.exp(a), ARG), "x memory")

    def test_reductions_leave_the_partition_dimension(self):
        self.assertEqual(self.refused(lambda a: nl.sum(nl.load(a), axis=0), ARG), "reduction axis")

    def test_custom_ops(self):
        self.assertEqual(self.refused(lambda: nisa.builtin_custom_op("f", "lib")), "builtin_custom_op")

    def test_two_comparisons_in_affine_select(self):
        def kernel(a):
            p, f = nl.mgrid[0:128, 0:512]
            return nisa.affine_select(pred=(p < f) & (f < 8), on_true_tile=nl.load(a), on_false_value=0.0)

        self.assertEqual(self.refused(kernel, ARG), "affine_select pred")


class SpillTest(unittest.TestCase):
    def test_tiles_of_a_spilled_line_live_in_hbm(self):
        @nki.jit
        def kernel(a, b):
            x, y = nl.load(a), nl.load(b)
            t = nl.ndarray((2, nl.par_dim(128), 512), dtype="float32", buffer=nl.psum)
            t[1] = nisa.nc_matmul(x, y)
            return nl.exp(t[1])

        arguments = ((128, 128), "bfloat16"), ((128, 512), "bfloat16")
        plain = support.instructions(support.trace(kernel.func, *arguments)[0].words)
        self.assertEqual(plain[2:4], ["nc_matmul", "activation"])
        kernel.spill((__file__, kernel.user.__code__.co_firstlineno + 3))
        spilled = support.instructions(support.trace(kernel.func, *arguments)[0].words)
        self.assertEqual(spilled[2:7], ["nc_matmul", "tensor_copy", "dma_copy", "dma_copy", "activation"])


class LaunchTest(unittest.TestCase):
    def test_instances_run_in_turn(self):
        seen = []

        @nki.jit
        def kernel(a):
            seen.append((nl.program_id(0), nl.program_id(1), nl.num_programs(1)))
            out = nl.ndarray((2, 3), dtype="float32", buffer=nl.shared_hbm)
            return out

        link, _ = support.trace(kernel[2, 3].func, ARG)
        self.assertEqual(seen, [(i, j, 3) for i in range(2) for j in range(3)])
        self.assertEqual(link.words.count(isa.STORAGE), 2)

    def test_physical_cores_share_the_grid(self):
        seen = []

        @nki.jit
        def kernel(a):
            seen.append((isa.trace.core, nl.program_id(0)))

        launched = kernel[nl.spmd_dim(2, nl.nc(2))]
        self.assertEqual(launched.cores, 2)
        support.trace(launched.func, ARG, cores=2)
        self.assertEqual(seen, [(0, 0), (0, 2), (1, 1), (1, 3)])


if __name__ == "__main__":
    unittest.main()
