"""
c = a.T @ b for a [K, M] and b [K, N], in four steps. TensorE multiplies a stationary tile [128, 128] with a moving tile [128, 512]
in about 215 ns; what separates the steps is how often operands travel from HBM and who empties PSUM.
"""
import nki
import nki.isa as nisa
import nki.language as nl


def fetch(source, k, start, width):
    """Rows [128 k, 128 k + 128) of `width` columns of an HBM matrix, in SBUF."""
    tile = nl.ndarray((128, width), dtype=source.dtype, buffer=nl.sbuf)
    nisa.dma_copy(dst=tile, src=source[k * 128 : (k + 1) * 128, start : start + width])
    return tile


def put(c, sums, m, n):
    """Rounds a PSUM tile [128, 512] to the result's type and writes it out."""
    tile = nl.ndarray((128, 512), dtype=c.dtype, buffer=nl.sbuf)
    nisa.tensor_copy(dst=tile, src=sums, engine=nisa.engine.vector)
    nisa.dma_copy(dst=c[m * 128 : (m + 1) * 128, n * 512 : (n + 1) * 512], src=tile)


def fetch_all(source):
    """A whole matrix [K, n] in SBUF as [128, K/128, n]: one transfer per 128 rows, at least 4 KiB a partition for n = 2048."""
    rows, columns = source.shape
    tiles = nl.ndarray((128, rows // 128, columns), dtype=source.dtype, buffer=nl.sbuf)
    for k in range(rows // 128):
        nisa.dma_copy(dst=tiles[:, k, :], src=source[k * 128 : (k + 1) * 128, :])
    return tiles


@nki.jit
def matmul_tiled(a, b):
    """1. Each output tile fetches every operand tile it needs: a is read N/512 times, b M/128 times."""
    K, M = a.shape
    N = b.shape[1]
    c = nl.ndarray((M, N), dtype=a.dtype, buffer=nl.shared_hbm)
    for m in range(M // 128):
        for n in range(N // 512):
            sums = nl.ndarray((128, 512), dtype=nl.float32, buffer=nl.psum)
            for k in range(K // 128):
                left = fetch(a, k, m * 128, 128)
                right = fetch(b, k, n * 512, 512)
                nisa.nc_matmul(dst=sums, stationary=left, moving=right, accumulate=k > 0)
            put(c, sums, m, n)
    return c


@nki.jit
def matmul_hoisted(a, b):
    """2. The columns of a for 128 output rows stay in SBUF across n: a is read once, b still M/128 times."""
    K, M = a.shape
    N = b.shape[1]
    c = nl.ndarray((M, N), dtype=a.dtype, buffer=nl.shared_hbm)
    for m in range(M // 128):
        columns = []
        for k in range(K // 128):
            columns.append(fetch(a, k, m * 128, 128))
        for n in range(N // 512):
            sums = nl.ndarray((128, 512), dtype=nl.float32, buffer=nl.psum)
            for k in range(K // 128):
                right = fetch(b, k, n * 512, 512)
                nisa.nc_matmul(dst=sums, stationary=columns[k], moving=right, accumulate=k > 0)
            put(c, sums, m, n)
    return c


@nki.jit
def matmul_resident(a, b):
    """3. Both matrices are read once, in wide transfers, and stay in SBUF (K/64 x (M + N) bytes a partition in bf16)."""
    K, M = a.shape
    N = b.shape[1]
    c = nl.ndarray((M, N), dtype=a.dtype, buffer=nl.shared_hbm)
    left = fetch_all(a)
    right = fetch_all(b)
    for m in range(M // 128):
        for n in range(N // 512):
            sums = nl.ndarray((128, 512), dtype=nl.float32, buffer=nl.psum)
            for k in range(K // 128):
                nisa.nc_matmul(
                    dst=sums,
                    stationary=left[:, k, m * 128 : (m + 1) * 128],
                    moving=right[:, k, n * 512 : (n + 1) * 512],
                    accumulate=k > 0,
                )
            put(c, sums, m, n)
    return c


@nki.jit
def matmul_pipelined(a, b):
    """
    4. TensorE never waits: the first output rows follow the arriving operands with k outermost, eight sums at a time in the eight PSUM
    banks; ScalarE and VectorE take turns emptying banks; whole output rows leave in one transfer.
    """
    K, M = a.shape
    N = b.shape[1]
    c = nl.ndarray((M, N), dtype=a.dtype, buffer=nl.shared_hbm)
    left = nl.ndarray((128, K // 128, M), dtype=a.dtype, buffer=nl.sbuf)
    right = nl.ndarray((128, K // 128, N), dtype=b.dtype, buffer=nl.sbuf)
    for k in range(K // 128):
        nisa.dma_copy(dst=left[:, k, :], src=a[k * 128 : (k + 1) * 128, :])
        nisa.dma_copy(dst=right[:, k, :], src=b[k * 128 : (k + 1) * 128, :])
    columns = N // 512
    high = max(1, 8 // columns)
    for first in range(0, M // 128, high):
        rows = range(first, min(first + high, M // 128))
        sums = []
        for m in rows:
            for n in range(columns):
                sums.append(nl.ndarray((128, 512), dtype=nl.float32, buffer=nl.psum))
        for k in range(K // 128):
            for m in rows:
                for n in range(columns):
                    nisa.nc_matmul(
                        dst=sums[(m - first) * columns + n],
                        stationary=left[:, k, m * 128 : (m + 1) * 128],
                        moving=right[:, k, n * 512 : (n + 1) * 512],
                        accumulate=k > 0,
                    )
        for m in rows:
            row = nl.ndarray((128, N), dtype=c.dtype, buffer=nl.sbuf)
            for n in range(columns):
                nisa.tensor_copy(
                    dst=row[:, n * 512 : (n + 1) * 512],
                    src=sums[(m - first) * columns + n],
                    engine=nisa.engine.vector if n % 2 == 0 else nisa.engine.scalar,
                )
            nisa.dma_copy(dst=c[m * 128 : (m + 1) * 128, :], src=row)
    return c
