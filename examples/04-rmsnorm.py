"""y = x / sqrt(mean(x^2) + epsilon) * weight, by rows: ScalarE squares and sums in one pass, VectorE scales in one more."""
import nki
import nki.isa as nisa
import nki.language as nl


@nki.jit
def rms_norm(x, weight, epsilon=1e-6):
    rows, columns = x.shape
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    scale = nl.ndarray((128, columns), dtype=weight.dtype, buffer=nl.sbuf)
    nisa.dma_copy(dst=scale, src=weight.reshape((1, columns)).broadcast(0, 128))
    bias = nl.ndarray((128, 1), dtype=nl.float32, buffer=nl.sbuf)
    nisa.memset(dst=bias, value=epsilon)
    for start in range(0, rows, nl.tile_size.pmax):
        stop = min(start + nl.tile_size.pmax, rows)
        height = stop - start
        tile = nl.ndarray((height, columns), dtype=x.dtype, buffer=nl.sbuf)
        squares = nl.ndarray((height, columns), dtype=nl.float32, buffer=nl.sbuf)
        result = nl.ndarray((height, columns), dtype=x.dtype, buffer=nl.sbuf)
        total = nl.ndarray((height, 1), dtype=nl.float32, buffer=nl.sbuf)
        inverse = nl.ndarray((height, 1), dtype=nl.float32, buffer=nl.sbuf)
        nisa.dma_copy(dst=tile, src=x[start:stop, :])
        nisa.activation(
            dst=squares,
            op=nl.square,
            data=tile,
            reduce_op=nl.add,
            reduce_res=total,
            reduce_cmd=nisa.reduce_cmd.reset_reduce,
        )
        nisa.activation(dst=inverse, op=nl.rsqrt, data=total, scale=1.0 / columns, bias=bias[0:height, :])
        nisa.scalar_tensor_tensor(
            dst=result,
            data=tile,
            op0=nl.multiply,
            operand0=inverse,
            op1=nl.multiply,
            operand1=scale[0:height, :],
        )
        nisa.dma_copy(dst=out[start:stop, :], src=result)
    return out
