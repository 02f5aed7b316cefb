"""
NumPy on the same small jobs as `trn bench`, one thread. Prints {"matmul": GFLOP/s, "exp": G elements/s, "to_bfloat16": GB/s, "copy": GB/s},
medians; bytes are those read. bfloat16 is ml_dtypes' where that is installed, otherwise three integer operations.
"""
import json
import os
import statistics
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np  # noqa: E402

try:
    from ml_dtypes import bfloat16
except ImportError:
    bfloat16 = None


def median_seconds(job, seconds=0.3):
    job()
    runs = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(runs) < 5:
        start = time.perf_counter()
        job()
        runs.append(time.perf_counter() - start)
    return statistics.median(runs)


def to_bfloat16(x):
    if bfloat16 is not None:
        return x.astype(bfloat16)
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def to_float32(x):
    return x.astype(np.float32) if bfloat16 is not None else (x.astype(np.uint32) << 16).view(np.float32)


random = np.random.default_rng(0)
stationary = to_bfloat16(random.standard_normal((128, 128), np.float32))
moving = to_bfloat16(random.standard_normal((128, 512), np.float32))
tile = random.standard_normal((128, 512), np.float32)
large = random.standard_normal((2048, 2048), np.float32)
target = np.empty_like(large)

print(
    json.dumps(
        {
            "matmul": 2 * 128 * 128 * 512 / median_seconds(lambda: to_float32(stationary).T @ to_float32(moving)) / 1e9,
            "exp": tile.size / median_seconds(lambda: np.exp(tile)) / 1e9,
            "to_bfloat16": tile.nbytes / median_seconds(lambda: to_bfloat16(tile)) / 1e9,
            "copy": large.nbytes / median_seconds(lambda: np.copyto(target, large)) / 1e9,
        }
    )
)
