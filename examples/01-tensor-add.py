"""c = a + b: tiles of 128 rows come in, VectorE adds them, the sums go out. Bound by HBM: 12 bytes move for every addition."""
import nki
import nki.isa as nisa
import nki.language as nl


@nki.jit
def tensor_add(a, b):
    rows, columns = a.shape
    c = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    for start in range(0, rows, nl.tile_size.pmax):
        stop = min(start + nl.tile_size.pmax, rows)
        x = nl.ndarray((stop - start, columns), dtype=a.dtype, buffer=nl.sbuf)
        y = nl.ndarray((stop - start, columns), dtype=b.dtype, buffer=nl.sbuf)
        nisa.dma_copy(dst=x, src=a[start:stop, :])
        nisa.dma_copy(dst=y, src=b[start:stop, :])
        nisa.tensor_tensor(dst=x, data1=x, data2=y, op=nl.add)
        nisa.dma_copy(dst=c[start:stop, :], src=x)
    return c
