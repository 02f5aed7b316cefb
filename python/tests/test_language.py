"""What the functions of nki.language expand into, and the shapes and types they give."""
import unittest
import warnings

from support import inside, instructions, trace

import nki.isa as nisa
import nki.language as nl

F32, BF16 = "float32", "bfloat16"


def tile(shape=(128, 16), dtype=F32, buffer=nl.sbuf):
    return nl.ndarray(shape, dtype, buffer)


def expands(function):
    """(instruction names, result shape, result dtype)."""
    box = []
    link, _ = trace(lambda: box.append(function()))
    t = box[0]
    return instructions(link.words), t.shape if t is not None else None, t.dtype if t is not None else None


class Elementwise(unittest.TestCase):
    def test_two_tiles_a_number_a_column(self):
        self.assertEqual(expands(lambda: nl.add(tile(), tile())), (["tensor_tensor"], (128, 16), F32))
        self.assertEqual(expands(lambda: nl.multiply(tile(), 2.0)), (["tensor_scalar"], (128, 16), F32))
        self.assertEqual(expands(lambda: nl.subtract(1.0, tile())), (["tensor_scalar"], (128, 16), F32))
        self.assertEqual(expands(lambda: nl.maximum(tile(), tile((128, 1)))), (["tensor_scalar"], (128, 16), F32))
        self.assertEqual(expands(lambda: nl.add(tile(dtype=BF16), tile((128, 1), BF16))), (["tensor_tensor"], (128, 16), BF16))
        self.assertEqual(expands(lambda: nl.add(tile((128, 4, 1)), tile((128, 1, 8)))), (["tensor_tensor"], (128, 4, 8), F32))

    def test_types(self):
        self.assertEqual(expands(lambda: nl.add(tile(), tile(dtype=BF16)))[2], F32)
        self.assertEqual(expands(lambda: nl.add(tile(dtype="float16"), tile(dtype=BF16)))[2], F32)
        self.assertEqual(expands(lambda: nl.add(tile(dtype="int32"), tile(dtype=BF16)))[2], BF16)
        self.assertEqual(expands(lambda: nl.add(tile(dtype="int8"), tile(dtype="uint8")))[2], "int8")
        self.assertEqual(expands(lambda: nl.equal(tile(), tile(), dtype=nl.uint8))[2], "uint8")
        self.assertEqual(expands(lambda: nl.exp(tile(), dtype=BF16)), (["activation"], (128, 16), BF16))

    def test_operators(self):
        self.assertEqual(expands(lambda: 2.0 * tile() + tile())[0], ["tensor_scalar", "tensor_tensor"])
        self.assertEqual(expands(lambda: -tile())[0], ["tensor_scalar"])
        self.assertEqual(expands(lambda: tile() > 0.5)[0], ["tensor_scalar"])

    def test_functions_of_one_tile(self):
        for name in "exp log sqrt tanh sigmoid relu gelu silu softplus erf arctan sign square mish gelu_dx".split():
            self.assertEqual(expands(lambda: getattr(nl, name)(tile())), (["activation"], (128, 16), F32), name)
        self.assertEqual(expands(lambda: nl.reciprocal(tile()))[0], ["reciprocal"])
        self.assertEqual(expands(lambda: nl.rsqrt(tile(buffer=nl.psum)))[0], ["tensor_copy", "tensor_scalar"])
        self.assertEqual(expands(lambda: nl.invert(tile(dtype="int32")))[2], "int32")
        self.assertEqual(expands(lambda: nl.sin(tile()))[0][-1], "activation")
        self.assertEqual(expands(lambda: nl.floor(tile(), dtype="int32"))[1:], ((128, 16), "int32"))

    def test_what_hardware_lacks_is_announced(self):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self.assertEqual(expands(lambda: nl.divide(tile(), tile()))[0], ["reciprocal", "tensor_tensor"])
            expands(lambda: tile() / 2.0)
        self.assertEqual([w.category for w in said], [RuntimeWarning, RuntimeWarning])
        self.assertEqual({w.filename for w in said}, {__file__})

    def test_shapes_that_do_not_fit(self):
        for call in (lambda: nl.add(tile(), tile((128, 8))), lambda: nl.add(tile(), tile((1, 16))), lambda: nl.add(tile(), tile((128, 4, 4)))):
            with self.assertRaises(nisa.NkiValidationError):
                inside(call)
        with self.assertRaises(TypeError):
            inside(lambda: nl.add(1.0, 2.0))

    def test_where(self):
        names, shape, dtype = expands(lambda: nl.where(tile(), tile(), 0.0))
        self.assertEqual((names, shape, dtype), (["tensor_scalar", "memset", "tensor_copy_predicated"], (128, 16), F32))


class Reductions(unittest.TestCase):
    def test_shapes(self):
        self.assertEqual(expands(lambda: nl.sum(tile((128, 4, 8)), axis=2)), (["tensor_reduce"], (128, 4), F32))
        self.assertEqual(expands(lambda: nl.max(tile((128, 4, 8)), axis=[1, 2]))[1], (128, 1))
        self.assertEqual(expands(lambda: nl.min(tile((128, 4, 8)), axis=-1, keepdims=True))[1], (128, 4, 1))
        self.assertEqual(expands(lambda: nl.mean(tile(), axis=1))[:2], (["tensor_reduce", "tensor_scalar"], (128, 1)))
        self.assertEqual(expands(lambda: nl.var(tile((128, 4, 8)), axis=2))[1], (128, 4, 1))
        self.assertEqual(expands(lambda: nl.all(tile(), axis=1, dtype=nl.uint8))[1:], ((128, 1), "uint8"))

    def test_axes(self):
        for axis in (0, (1,), (0, 1, 2), ()):
            with self.assertRaises(nisa.NkiValidationError, msg=str(axis)):
                inside(lambda: nl.sum(tile((128, 4, 8)), axis=axis))


class Composites(unittest.TestCase):
    def test_softmax_and_norm(self):
        self.assertEqual(
            expands(lambda: nl.softmax(tile(), axis=-1)), (["tensor_reduce", "activation_reduce", "reciprocal", "tensor_scalar"], (128, 16), F32)
        )
        self.assertEqual(expands(lambda: nl.softmax(tile((128, 4, 8)), axis=2))[1], (128, 4, 8))
        self.assertEqual(expands(lambda: nl.rms_norm(tile(dtype=BF16), tile(dtype=BF16), 1, 16))[1:], ((128, 16), BF16))

    def test_products(self):
        self.assertEqual(expands(lambda: nl.matmul(tile((64, 32)), tile((64, 100)), transpose_x=True)), (["nc_matmul"], (32, 100), F32))
        self.assertEqual(expands(lambda: nl.matmul(tile((32, 64)), tile((64, 100))))[0], ["nc_transpose", "tensor_copy", "nc_matmul"])
        self.assertEqual(expands(lambda: nl.transpose(tile((64, 32)))), (["nc_transpose"], (32, 64), F32))

    def test_broadcasts(self):
        self.assertEqual(expands(lambda: nl.broadcast_to(tile((128, 1)), (128, 8))), (["tensor_copy"], (128, 8), F32))
        self.assertEqual(expands(lambda: nl.broadcast_to(tile((1, 8)), (128, 8))), (["dma_copy"], (128, 8), F32))
        self.assertEqual(expands(lambda: nl.expand_dims(tile(), 1))[1], (128, 1, 16))


class Memory(unittest.TestCase):
    def test_creation(self):
        self.assertEqual(expands(lambda: nl.zeros((128, 4), F32))[0], ["memset"])
        self.assertEqual(expands(lambda: nl.full((300, 17), 2.0, F32, nl.shared_hbm))[0], ["memset", "dma_copy", "dma_copy"])
        self.assertEqual(expands(lambda: nl.zeros_like(tile(dtype=BF16)))[1:], ((128, 16), BF16))
        self.assertEqual(expands(lambda: nl.empty_like(tile(), dtype="int32", buffer=nl.psum))[2], "int32")
        for bad, kind in [
            (lambda: tile((128, 1.5)), TypeError),
            (lambda: tile(dtype="float64"), TypeError),
            (lambda: nl.ndarray((128, 4), F32, "registers"), TypeError),
            (lambda: nl.ndarray((128, 4), F32, nl.hbm, address=(0, 0)), nisa.NkiValidationError),
        ]:
            with self.assertRaises(kind):
                inside(bad)

    def test_movement(self):
        hbm = lambda shape=(128, 16): nl.ndarray(shape, F32, nl.shared_hbm)
        self.assertEqual(expands(lambda: nl.load(hbm())), (["dma_copy"], (128, 16), F32))
        self.assertEqual(expands(lambda: nl.load(hbm((16,)), dtype=BF16)), (["dma_copy"], (1, 16), BF16))
        self.assertEqual(expands(lambda: nl.store(hbm(), tile(buffer=nl.psum)))[0], ["tensor_copy", "dma_copy"])
        self.assertEqual(expands(lambda: nl.load_transpose2d(hbm()))[1], (16, 128))
        self.assertEqual(expands(lambda: hbm().__setitem__(slice(0, 64), tile((64, 16))))[0], ["dma_copy"])
        self.assertEqual(expands(lambda: tile().__setitem__(Ellipsis, 0))[0], ["memset"])

    def test_identities_share_their_constant(self):
        def twice():
            nl.shared_identity_matrix(4, BF16)
            nl.shared_identity_matrix(4, BF16)

        link, _ = trace(twice)
        from nki import _isa_generated as isa

        at = [i for i, w in enumerate(link.words) if w == isa.CONSTANT]
        self.assertEqual(len(at), 1)
        length = link.words[at[0] + 2]
        self.assertEqual(length, 32)
        self.assertEqual(link.words[at[0] + 3 : at[0] + 11], [0x3F80, 0, 0x3F800000, 0, 0, 0x3F80, 0, 0x3F800000])


if __name__ == "__main__":
    unittest.main()
