"""Row softmax: VectorE finds each row's maximum, ScalarE takes exp(x - max) and sums it in the same pass, VectorE divides."""
import nki
import nki.isa as nisa
import nki.language as nl


@nki.jit
def softmax(x):
    rows, columns = x.shape
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    for start in range(0, rows, nl.tile_size.pmax):
        stop = min(start + nl.tile_size.pmax, rows)
        height = stop - start
        negative_max = nl.ndarray((height, 1), dtype=nl.float32, buffer=nl.sbuf)
        total = nl.ndarray((height, 1), dtype=nl.float32, buffer=nl.sbuf)
        inverse = nl.ndarray((height, 1), dtype=nl.float32, buffer=nl.sbuf)
        tile = nl.ndarray((height, columns), dtype=x.dtype, buffer=nl.sbuf)
        weights = nl.ndarray((height, columns), dtype=nl.float32, buffer=nl.sbuf)
        nisa.dma_copy(dst=tile, src=x[start:stop, :])
        nisa.tensor_reduce(dst=negative_max, op=nl.maximum, data=tile, axis=1, negate=True)
        nisa.activation(
            dst=weights,
            op=nl.exp,
            data=tile,
            bias=negative_max,
            reduce_op=nl.add,
            reduce_res=total,
            reduce_cmd=nisa.reduce_cmd.reset_reduce,
        )
        nisa.reciprocal(dst=inverse, data=total)
        result = nl.ndarray((height, columns), dtype=x.dtype, buffer=nl.sbuf)
        nisa.tensor_scalar(dst=result, data=weights, op0=nl.multiply, operand0=inverse)
        nisa.dma_copy(dst=out[start:stop, :], src=result)
    return out
