"""Index expressions and masks of the older surface, against element-by-element enumeration."""
import itertools
import unittest

import support  # noqa: F401
from neuronxcc.nki import language as nl
from neuronxcc.nki._clip import boxes
from neuronxcc.nki._index import Index, Mask
from nki._errors import NkiUnsupportedError, NkiValidationError


def value(index, position):
    return index.const + sum(c * p for c, p in zip(index.coef, position[len(position) - len(index.coef) :]))


def positions(shape):
    return itertools.product(*map(range, shape))


class IndexTest(unittest.TestCase):
    def test_arithmetic_is_affine(self):
        p, f = nl.mgrid[0:4, 2:8:3]
        e = 5 + 2 * p - f * 3
        self.assertEqual([value(e, at) for at in positions((4, 2))], [5 + 2 * i - 3 * (2 + 3 * j) for i in range(4) for j in range(2)])

    def test_arange_is_placed_by_none(self):
        i = nl.arange(3, 7)[None, :, None]
        self.assertEqual((i.shape, i.coef, i.const), ((1, 4, 1), (0, 1, 0), 3))

    def test_division_folds_where_it_is_exact(self):
        i = nl.arange(8)[:, None] * 4
        self.assertEqual((i // 2).coef, (2, 0))
        self.assertEqual(((i + 1) % 4).const, 1)
        with self.assertRaises(NkiUnsupportedError) as e:
            nl.arange(8)[:, None] // 3
        self.assertEqual(e.exception.rule, "index affine")

    def test_products_are_refused(self):
        with self.assertRaises(NkiUnsupportedError):
            nl.arange(4)[:, None] * nl.arange(4)[None, :]

    def test_empty_ranges_are_refused(self):
        for make in (lambda: nl.arange(0), lambda: nl.mgrid[0:4, 3:3]):
            with self.assertRaises(NkiValidationError):
                make()

    def test_masks_have_no_truth_value(self):
        with self.assertRaises(NkiValidationError) as e:
            bool(nl.arange(4)[:, None] < 2)
        self.assertEqual(e.exception.rule, "index truth")
        self.assertTrue(bool(nl.arange(4)[:, None] < 4))

    def test_grid_names(self):
        grid = nl.mgrid[0:2, 0:3, 0:4]
        self.assertEqual([grid.p.coef, grid.x.coef, grid.y.coef], [(1, 0, 0), (0, 1, 0), (0, 0, 1)])


class MaskTest(unittest.TestCase):
    def check(self, mask, shape):
        found = boxes(mask, shape)
        covered = [at for box in found for at in itertools.product(*(range(*r) for r in box))]
        wanted = [at for at in positions(shape) if all(value(t, at) <= 0 for t in mask.terms)]
        self.assertEqual(sorted(covered), wanted)
        self.assertEqual(len(covered), len(set(covered)))
        return found

    def test_one_dimension_clips(self):
        p, f = nl.mgrid[0:8, 0:16]
        self.assertEqual(self.check((p < 5) & (f >= 3), (8, 16)), [((0, 5), (3, 16))])
        self.assertEqual(self.check(100 + 8 * p < 120, (8, 16)), [((0, 3), (0, 16))])
        self.assertEqual(self.check(p == 2, (8, 16)), [((2, 3), (0, 16))])

    def test_nothing_left(self):
        p, _ = nl.mgrid[0:8, 0:16]
        self.assertEqual(self.check(p > 100, (8, 16)), [])

    def test_two_dimensions_split(self):
        p, f = nl.mgrid[0:4, 0:6]
        self.assertEqual(len(self.check(p >= f, (4, 6))), 4)
        self.check((2 * p + f < 7) & (f > 0), (4, 6))

    def test_truth_values_pass(self):
        self.assertEqual(boxes(None, (2, 3)), [((0, 2), (0, 3))])
        self.assertEqual(boxes(True, (2, 3)), [((0, 2), (0, 3))])
        self.assertEqual(boxes(False, (2, 3)), [])
        p, _ = nl.mgrid[0:4, 0:6]
        self.assertIs((p < 2) & False, False)
        self.assertIsInstance(True & (p < 2), Mask)

    def test_fractions_round_inwards(self):
        p = nl.arange(8)[:, None]
        self.assertEqual(boxes(p < 2.5, (8, 1)), [((0, 3), (0, 1))])
        self.assertEqual(boxes(p > 2.5, (8, 1)), [((3, 8), (0, 1))])
        self.assertEqual(boxes(p == 2.5, (8, 1)), [])

    def test_more_dimensions_than_the_operand(self):
        with self.assertRaises(NkiUnsupportedError):
            boxes(Mask((Index((4, 1, 1), (1, 0, 0), -2),)), (4, 6))

    def test_disjunctions_are_refused(self):
        p, f = nl.mgrid[0:4, 0:6]
        with self.assertRaises(NkiUnsupportedError):
            (p < 2) | (f < 2)
        self.assertIs((p < 4) | (f < 2), True)


if __name__ == "__main__":
    unittest.main()
