"""Views address the elements that NKI 0.6 says, and refuse what it refuses."""
import unittest

from support import elements, inside

import nki.isa as nisa
import nki.language as nl


def tile(shape=(4, 3, 8), dtype="float32"):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.sbuf)


def hbm(shape=(4, 3, 8), dtype="float32"):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.shared_hbm)


class Index(unittest.TestCase):
    def check(self, make, key, shape, positions=None):
        view = inside(lambda: make()[key])
        self.assertEqual(view.shape, shape)
        if positions is not None:
            self.assertEqual(elements(view), positions)

    def test_integers_keep_two_dimensions_on_chip_and_one_in_hbm(self):
        cube = lambda: tile((64, 64, 64))
        self.check(cube, (0, 0, 10), (1, 1), [10])
        self.check(cube, (slice(None), 0), (64, 64))
        self.check(cube, (slice(None), 0, 10), (64, 1))
        self.check(cube, 3, (1, 64, 64))
        self.check(cube, (Ellipsis, 2), (64, 64))
        self.check(hbm, (1, 2, 3), (1,), [24 + 16 + 3])
        self.check(hbm, 1, (3, 8))
        self.check(lambda: hbm((5,)), 2, (1,), [2])

    def test_slices(self):
        self.check(tile, (slice(1, 3), slice(None), slice(2, 8, 3)), (2, 3, 2), [24 * p + 8 * r + c for p in (1, 2) for r in range(3) for c in (2, 5)])
        self.check(tile, (slice(-2, None),), (2, 3, 8))
        self.check(tile, (Ellipsis, slice(-3, -1)), (4, 3, 2))
        self.check(tile, (slice(None), Ellipsis, nl.ds(2, 4)), (4, 3, 4))
        self.check(hbm, (slice(0, 4, 2), -1), (2, 8), [24 * a + 16 + c for a in (0, 2) for c in range(8)])
        self.check(tile, Ellipsis, (4, 3, 8))

    def test_views_of_views(self):
        view = inside(lambda: tile((128, 4, 16))[0:64, :, :].permute((0, 2, 1))[:, 0, :])
        self.assertEqual(view.shape, (64, 4))
        self.assertEqual(view.strides, (64, 16))

    def test_what_is_outside(self):
        for key in [(slice(0, 5),), (slice(2, 2),), (slice(3, 1),), 4, -5, (0, 0, 0, 0), (slice(0, 4, -1),), (slice(None), slice(0, 9))]:
            with self.assertRaises(IndexError, msg=str(key)):
                inside(lambda: tile()[key])
        for key in [1.5, "a", (None, 0), (Ellipsis, Ellipsis), slice(0.0, 2)]:
            with self.assertRaises(TypeError, msg=str(key)):
                inside(lambda: tile()[key])

    def test_the_message_says_what_and_how_far(self):
        with self.assertRaisesRegex(nisa.NkiValidationError, r"float32\[4,3,8\] in sbuf: slice 0:9 in dimension 2 reaches outside its 8 elements"):
            inside(lambda: tile()[:, :, 0:9])


class Layout(unittest.TestCase):
    def test_a_fresh_tensor(self):
        t = inside(lambda: tile((128, 64)))
        self.assertEqual((t.shape, t.strides, t.offset, t.dtype, t.buffer, t.ndim, t.size), ((128, 64), (64, 1), 0, "float32", nl.sbuf, 2, 8192))
        self.assertTrue(t.is_contiguous())
        self.assertFalse(t.is_indirect())
        self.assertEqual(inside(lambda: tile((128, 64)).slice(dim=1, start=8, end=24)).get_pattern(), [[64, 128], [1, 16]])

    def test_contiguity_on_chip_is_per_partition(self):
        self.assertTrue(inside(lambda: tile()[1:3]).is_contiguous())
        self.assertFalse(inside(lambda: tile()[:, :, 0:4]).is_contiguous())
        self.assertTrue(inside(lambda: tile()[:, 1:2, 0:4]).is_contiguous())
        self.assertFalse(inside(lambda: hbm()[:, 0:1]).is_contiguous())

    def test_permute(self):
        view = inside(lambda: tile().permute((0, 2, 1)))
        self.assertEqual((view.shape, view.strides), ((4, 8, 3), (24, 1, 8)))
        self.assertEqual(inside(lambda: hbm().permute((2, 0, 1))).strides, (1, 24, 8))
        with self.assertRaisesRegex(nisa.NkiValidationError, "partition dimension"):
            inside(lambda: tile().permute((1, 0, 2)))
        with self.assertRaises(nisa.NkiValidationError):
            inside(lambda: tile().permute((0, 1, 1)))

    def test_reshape(self):
        flat = inside(lambda: tile().reshape((4, 24)))
        self.assertEqual((flat.shape, flat.strides), ((4, 24), (24, 1)))
        self.assertEqual(inside(lambda: tile().reshape((4, 2, -1))).shape, (4, 2, 12))
        self.assertEqual(inside(lambda: tile().reshape(4, 6, 4)).shape, (4, 6, 4))
        self.assertEqual(inside(lambda: hbm().reshape((2, 2, 1, 24))).shape, (2, 2, 1, 24))
        strided = inside(lambda: tile((4, 6, 8))[:, 0:6:2].reshape((4, 3, 2, 4)))
        self.assertEqual((strided.shape, strided.strides), ((4, 3, 2, 4), (48, 16, 4, 1)))
        for bad in [lambda: tile().reshape((2, 48)), lambda: tile().reshape((4, 25)), lambda: tile()[:, :, 0:4].reshape((4, 12)), lambda: hbm().permute((2, 0, 1)).reshape((96,))]:
            with self.assertRaises(nisa.NkiValidationError):
                inside(bad)

    def test_dimensions_come_and_go(self):
        self.assertEqual(inside(lambda: tile().expand_dim(1)).shape, (4, 1, 3, 8))
        self.assertEqual(inside(lambda: tile().expand_dim(3)).shape, (4, 3, 8, 1))
        self.assertEqual(inside(lambda: hbm().expand_dim(0)).shape, (1, 4, 3, 8))
        self.assertEqual(inside(lambda: tile((4, 1, 8)).squeeze_dim(1)).shape, (4, 8))
        self.assertEqual(inside(lambda: tile((4, 1, 8)).broadcast(1, 5)).strides, (8, 0, 1))
        self.assertEqual(inside(lambda: tile().reshape_dim(2, (2, -1))).shape, (4, 3, 2, 4))
        self.assertEqual(inside(lambda: tile().flatten_dims(1, 2)).shape, (4, 24))
        for bad in [
            lambda: tile().expand_dim(0),
            lambda: tile((1, 8)).squeeze_dim(0),
            lambda: tile().squeeze_dim(1),
            lambda: tile((1, 8)).broadcast(0, 4),
            lambda: tile().broadcast(1, 4),
            lambda: tile().reshape_dim(0, (2, 2)),
            lambda: tile().flatten_dims(0, 1),
            lambda: tile().permute((0, 2, 1)).flatten_dims(1, 2),
        ]:
            with self.assertRaises(nisa.NkiValidationError):
                inside(bad)

    def test_rearrange(self):
        view = inside(lambda: tile((128, 24)).rearrange(("b", ("h", "w")), ("b", "w", "h"), {"h": 4}))
        self.assertEqual((view.shape, view.strides), ((128, 6, 4), (24, 1, 6)))
        merged = inside(lambda: hbm((2, 3, 4)).rearrange(("a", "b", "c"), (("a", "b"), "c")))
        self.assertEqual(merged.shape, (6, 4))

    def test_view_as_another_type(self):
        t = inside(lambda: tile((128, 64))[:, 8:24].view(nl.uint8))
        self.assertEqual((t.shape, t.strides, t.offset, t.dtype), ((128, 64), (256, 1), 32, "uint8"))
        self.assertEqual(inside(lambda: tile((128, 256), "uint8").view(nl.float32)).shape, (128, 64))
        self.assertEqual(inside(lambda: tile((128, 64)).reinterpret_cast(nl.int32)).shape, (128, 64))
        for bad in [lambda: tile((128, 6), "uint8").view(nl.float32), lambda: tile((128, 4, 4)).permute((0, 2, 1)).view(nl.uint8)]:
            with self.assertRaises(nisa.NkiValidationError):
                inside(bad)


class Patterns(unittest.TestCase):
    def test_ap_addresses_the_storage(self):
        view = inside(lambda: tile((128, 256))[:, 3:9].ap([[256, 128], [2, 64]]))
        self.assertEqual((view.shape, view.strides, view.offset), ((128, 64), (256, 2), 3))
        self.assertEqual(inside(lambda: tile((16, 16)).ap(pattern=[[16, 16], [1, 8]], offset=8)).offset, 8)
        cast = inside(lambda: tile((128, 256), "int32").ap([[512, 128], [1, 512]], dtype=nl.bfloat16))
        self.assertEqual((cast.shape, cast.dtype), ((128, 512), "bfloat16"))
        with self.assertRaisesRegex(nisa.NkiValidationError, "first stride"):
            inside(lambda: nisa.memset(tile((16, 32)).ap([[40, 8], [1, 32]]), 0))

    def test_a_scalar_offset_counts_rows_of_the_tensor(self):
        def make():
            index = nl.ndarray((1, 1), nl.int32)
            return hbm((512, 512)).ap([[512, 128], [1, 256]], scalar_offset=index, indirect_dim=0)

        kind, stride, limit, _, _ = inside(make)._x
        self.assertEqual((kind, stride, limit), (2, 512, 385))

    def test_vector_offsets_and_selects(self):
        offsets = lambda: nl.ndarray((64, 1), nl.int32)
        view = inside(lambda: hbm((128, 512)).vector_select(0, offsets()))
        self.assertEqual((view.shape, view._x[:3], view.is_indirect()), ((64, 512), (3, 512, 128), True))
        view = inside(lambda: hbm((128, 512)).ap([[512, 64], [1, 512]], 0, vector_offset=offsets()))
        self.assertEqual(view._x[:3], (3, 512, 128))
        one = lambda: nl.ndarray((1, 1), nl.int32)
        view = inside(lambda: hbm((4, 128, 8)).select(0, one()))
        self.assertEqual((view.shape, view._x[:3]), ((128, 8), (2, 1024, 4)))
        self.assertEqual(inside(lambda: tile((128, 8, 64)).select(1, 3)).shape, (128, 64))
        register = lambda: nisa.register_alloc(2)
        view = inside(lambda: tile((128, 64))[:, nl.ds(register(), 8)])
        self.assertEqual((view.shape, view._x[:3]), ((128, 8), (1, 1, 57)))
        view = inside(lambda: hbm((4, 128, 8))[register()])
        self.assertEqual((view.shape, view._x[:3]), ((128, 8), (1, 1024, 4)))

    def test_one_indirection_a_view(self):
        one = lambda: nl.ndarray((1, 1), nl.int32)
        column = lambda: nl.ndarray((4, 1), nl.int32)
        for bad in [
            lambda: hbm().select(0, one()).select(0, one()),
            lambda: tile().select(0, one()),
            lambda: tile().vector_select(0, column()),
            lambda: hbm().vector_select(1, column()),
            lambda: hbm().vector_select(0, column())[0:2],
            lambda: hbm().vector_select(0, column()).permute((1, 0, 2)),
            lambda: hbm().select(0, column()),
            lambda: hbm().ap([[1, 4]], scalar_offset=one(), vector_offset=column()),
        ]:
            with self.assertRaises(nisa.NkiValidationError):
                inside(bad)

    def test_a_vector_select_can_be_sliced_elsewhere(self):
        view = inside(lambda: hbm((64, 128, 8)).vector_select(0, nl.ndarray((16, 1), nl.int32))[:, 3:5, 1])
        self.assertEqual((view.shape, view._x[4]), ((16, 2), 0))

    def test_tensors_have_no_truth_value_and_end_with_their_call(self):
        with self.assertRaisesRegex(TypeError, "no truth value"):
            inside(lambda: bool(tile()))
        kept = inside(tile)
        with self.assertRaisesRegex(RuntimeError, "another kernel call"):
            inside(lambda: nisa.memset(kept, 0))

    def test_words_of_a_view_are_kept_only_while_its_trace_lives(self):
        kept = []

        def use():
            kept.append(tile())
            for _ in range(3):
                nisa.memset(kept[0], 0)

        inside(use)
        with self.assertRaises(RuntimeError):
            inside(lambda: nisa.memset(kept[0], 0))


if __name__ == "__main__":
    unittest.main()
