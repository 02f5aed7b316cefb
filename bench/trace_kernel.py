"""Issues `rounds` times eight instructions of common kinds; `trn bench` measures how fast a host traces it."""
import nki
import nki.isa as nisa
import nki.language as nl

P = 128


@nki.jit
def trace_kernel(x, rounds=1):
    out = nl.ndarray((P, 512), dtype=x.dtype, buffer=nl.shared_hbm)
    data = nl.ndarray((P, 512), dtype=nl.bfloat16, buffer=nl.sbuf)
    weights = nl.ndarray((P, P), dtype=nl.bfloat16, buffer=nl.sbuf)
    result = nl.ndarray((P, 512), dtype=nl.bfloat16, buffer=nl.sbuf)
    peak = nl.ndarray((P, 1), dtype=nl.float32, buffer=nl.sbuf)
    sums = nl.ndarray((P, 4, 512), dtype=nl.float32, buffer=nl.psum)
    nisa.memset(dst=weights, value=1.0)
    for i in range(rounds):
        bank = sums[:, i % 4, :]
        nisa.dma_copy(dst=data, src=x)
        nisa.nc_matmul(dst=bank, stationary=weights, moving=data)
        nisa.tensor_reduce(dst=peak, op=nl.maximum, data=bank, axis=[1])
        nisa.tensor_scalar(dst=peak, data=peak, op0=nl.multiply, operand0=-1.0)
        nisa.activation(dst=result, op=nl.exp, data=bank, bias=peak, scale=0.5)
        nisa.tensor_tensor(dst=result, data1=result, data2=data, op=nl.add)
        nisa.tensor_copy(dst=data[:, 0:256], src=result[:, 256:512])
        nisa.dma_copy(dst=out, src=result)
    return out
