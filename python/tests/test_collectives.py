"""Collectives become the words that the records describe."""
import inspect
import unittest

from support import decode, inside, trace

import nki.collectives as ncc
import nki.isa as nisa
import nki.language as nl
from nki import _isa_generated as isa
from nki._registers import VirtualRegister

PAIR = ncc.ReplicaGroup([[0, 1]])


def hbm(shape=(4, 8)):
    return nl.ndarray(shape, "float32", nl.hbm)


def only(function, name):
    """The words of the last instruction called ``name``."""
    link, _ = trace(lambda: (function(), None)[1])
    return [w for n, w in decode(link.words) if n == name][-1]


class Collectives(unittest.TestCase):
    def test_attributes_follow_the_operands(self):
        add = isa.ALU.index("add")
        groups = ncc.ReplicaGroup([[0, 1], [2, 3]])
        self.assertEqual(only(lambda: ncc.all_reduce([hbm()], [hbm()], groups, nl.add), "all_reduce")[-7:], [2, 0, 1, 2, 3, add, -1])
        self.assertEqual(only(lambda: ncc.all_gather([hbm()], [hbm((8, 8))], PAIR, 0, priority=2), "all_gather")[-6:], [3, 2, 0, 1, 0, 2])
        self.assertEqual(only(lambda: ncc.reduce_scatter([hbm((8, 8))], [hbm()], PAIR, 0, nl.maximum), "reduce_scatter")[-7:], [3, 2, 0, 1, 0, isa.ALU.index("maximum"), -1])
        self.assertEqual(only(lambda: ncc.all_to_all([hbm()], [hbm()], PAIR, 0), "all_to_all")[-6:], [3, 2, 0, 1, 0, -1])
        permuted = only(lambda: ncc.collective_permute([hbm()], [hbm()], [(0, 1), (1, 0)]), "collective_permute")
        self.assertEqual(permuted[-6:], [4, 0, 1, 1, 0, -1])

    def test_lists_are_joined_tensors(self):
        one = only(lambda: ncc.all_reduce([hbm()], [hbm()], PAIR, nl.add), "all_reduce")
        two = only(lambda: ncc.all_reduce([hbm(), hbm()], [hbm(), hbm()], PAIR, nl.add), "all_reduce")
        self.assertGreater(len(two), len(one))
        with self.assertRaisesRegex(nisa.NkiValidationError, "all_reduce: srcs has 9 elements, at most 8"):
            inside(lambda: ncc.all_reduce([hbm()] * 9, [hbm()] * 9, PAIR, nl.add))

    def test_channels_hold_one_tensor_each(self):
        words = only(
            lambda: ncc.collective_permute_implicit([[hbm()], [hbm()]], [[hbm()], [hbm()]], PAIR, [0, 1]), "collective_permute_implicit"
        )
        self.assertEqual(words[-8:], [3, 2, 0, 1, 2, 0, 1, -1])
        reduced = only(
            lambda: ncc.collective_permute_implicit_reduce([[hbm()]], [[hbm()]], [[hbm()]], PAIR, nl.add), "collective_permute_implicit_reduce"
        )
        self.assertEqual(reduced[-8:], [3, 2, 0, 1, isa.ALU.index("add"), 1, 0, -1])
        with self.assertRaisesRegex(nisa.NkiValidationError, "srcs_by_channel has 2 tensors for channel 0; pass exactly one"):
            inside(lambda: ncc.collective_permute_implicit([[hbm(), hbm()]], [[hbm()]], PAIR))
        with self.assertRaisesRegex(TypeError, "dsts_by_channel is .*pass a list of tensors for each channel"):
            inside(lambda: ncc.collective_permute_implicit([[hbm()]], [hbm()], PAIR))

    def test_variable_lengths_take_a_metadata_tensor(self):
        group = ncc.ReplicaGroup([[0, 1, 2, 3]])
        for function, name in [(ncc.all_gather_v, "all_gather_v"), (ncc.all_to_all_v, "all_to_all_v")]:
            words = only(lambda: function([hbm()], [hbm()], group, nl.ndarray((3, 4), "uint32", nl.hbm), recv_counts_known=True), name)
            self.assertEqual(words[-9:], [5, 4, 0, 1, 2, 3, 1, 0, -1])

    def test_ranks_are_registers(self):
        self.assertIsInstance(inside(ncc.rank_id), VirtualRegister)
        words = only(
            lambda: ncc.collective_permute_implicit_current_processing_rank_id(1, PAIR), "collective_permute_implicit_current_processing_rank_id"
        )
        self.assertEqual(words[-9:], [3, 0, 2, 1, 3, 2, 0, 1, 0])

    def test_what_is_no_replica_group(self):
        for groups in ([], [[]], [[0, 1], [2]]):
            with self.assertRaisesRegex(nisa.NkiValidationError, "all must have the same number"):
                ncc.ReplicaGroup(groups)
        with self.assertRaisesRegex(TypeError, "pass lists of ranks"):
            ncc.ReplicaGroup([0, 1])
        with self.assertRaisesRegex(TypeError, "all_reduce: replica_group is .*pass an nki.collectives.ReplicaGroup"):
            inside(lambda: ncc.all_reduce([hbm()], [hbm()], [[0, 1]], nl.add))

    def test_every_record_has_its_function_here_alone(self):
        for name in isa.COLLECTIVES:
            self.assertTrue(inspect.getdoc(getattr(ncc, name)), name)
            self.assertFalse(hasattr(nisa, name), name)
        with self.assertRaisesRegex(RuntimeError, "inside a kernel"):
            ncc.rank_id()


if __name__ == "__main__":
    unittest.main()
