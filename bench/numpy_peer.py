"""
The peer of `trn bench`: runs the instructions of one Program with NumPy, eagerly and vectorised, the way an interpreter written in
Python would. One NumPy expression an instruction; matmuls go to the BLAS that NumPy was built with. Usage:

    python3 bench/numpy_peer.py PROGRAM.json INPUTS.npz OUTPUTS.npz [REPEATS]

PROGRAM.json comes from `trn bench`. Prints {"seconds": median, "runs": [...], "instructions": n}; outputs go to OUTPUTS.npz. Reading
the files is not part of the time; allocating the chip's memories is. It needs NumPy; numpy_dtypes.py says how the types NumPy lacks
are read and rounded.
"""
import json
import sys
import time

import numpy as np

from numpy_dtypes import DTYPES, STORED, dequantise_mx, quantise_mx, read_bits, round_to

ALU = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "max": np.maximum,
    "minimum": np.minimum,
    "min": np.minimum,
    "divide": np.divide,
    "power": np.power,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
}
REDUCE = {"add": np.sum, "maximum": np.max, "max": np.max, "minimum": np.min, "min": np.min}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATION = {
    "exp": np.exp,
    "copy": lambda x: x,
    "identity": lambda x: x,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": np.reciprocal,
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "log": np.log,
    "relu": lambda x: np.maximum(x, 0),
}


class Tile:
    """An operand: a strided view of a storage's memory; with a vector of offsets, rows of such a view."""

    __slots__ = ("array", "dtype", "rows_at")

    def __init__(self, memories, operand):
        memory = memories[operand["storage"]]
        self.dtype = operand["dtype"]
        self.rows_at = None
        dtype = STORED[self.dtype]
        row, size = memory.shape[1], dtype.itemsize
        strides = [s * size for s in operand["strides"]]
        if not operand["flat"]:
            strides[0] = operand["strides"][0] * row
        start = operand["partition"] * row + operand["offset"] * size
        counts = operand["counts"]
        dynamic = operand.get("dynamic")
        if dynamic is not None:
            index = Tile(memories, dynamic["index"]).array
            if dynamic["kind"] == "vector":
                self.rows_at = index.reshape(-1)
                counts = [dynamic["limit"], *counts[1:]]
                strides[0] = dynamic["stride"] * size
            else:
                start += int(index.reshape(-1)[0]) * dynamic["stride"] * size
        self.array = np.ndarray(counts, dtype, memory, start, strides)

    def bits(self):
        """The stored patterns."""
        return self.array if self.rows_at is None else self.array[self.rows_at]

    def put(self, patterns):
        if self.rows_at is None:
            self.array[...] = patterns.reshape(self.array.shape)
        else:
            self.array[self.rows_at] = patterns.reshape(-1, *self.array.shape[1:])

    def read(self):
        """The values, as NumPy computes with them."""
        return read_bits(self.bits(), self.dtype)

    def write(self, values):
        """Rounds values to the operand's type."""
        self.put(round_to(values, self.dtype))

    def rows(self):
        """Two dimensions: partitions and everything else."""
        a = self.read()
        return a.reshape(a.shape[0], -1)


def binary(op, a, b, reverse):
    return ALU[op](b, a) if reverse else ALU[op](a, b)


def number_or_column(x):
    return x.rows() if isinstance(x, Tile) else np.float32(x)


def dma_copy(o, a):
    dst, src = o["dst"], o["src"]
    if dst.dtype == src.dtype:
        dst.put(src.bits())
    else:
        dst.write(src.read())


def dma_transpose(o, a):
    axes = a["axes"] or list(range(o["src"].array.ndim))[::-1]
    o["dst"].put(o["src"].array.transpose(axes))


def nc_transpose(o, a):
    data = o["data"].array
    o["dst"].array[...] = data.reshape(data.shape[0], -1).T.reshape(o["dst"].array.shape)


def nc_matmul(o, a):
    stationary, moving = o["stationary"].read(), o["moving"].read()
    # double_row: the first free dimension belongs to the contraction.
    k = stationary.shape[0] * (2 if a["perf_mode"] == "double_row" else 1)
    accumulate(o["dst"], np.matmul(stationary.reshape(k, -1).T, moving.reshape(k, -1)), a)


def nc_matmul_mx(o, a):
    left = dequantise_mx(o["stationary"].bits(), o["stationary"].dtype, o["stationary_scale"].bits())
    right = dequantise_mx(o["moving"].bits(), o["moving"].dtype, o["moving_scale"].bits())
    accumulate(o["dst"], np.matmul(left.T, right), a)


def accumulate(dst, product, a):
    if a["accumulate"] and dst.dtype == "float32":
        dst.array += product.reshape(dst.array.shape)
    else:
        dst.write(product + dst.rows() if a["accumulate"] else product)


def quantize_mx(o, a):
    dst, scale = o["dst"], o["dst_scale"]
    packed, scales = quantise_mx(o["src"].rows(), dst.dtype)
    dst.put(packed)
    for quadrant in range(0, scales.shape[0], 4):
        rows = scale.array[8 * quadrant : 8 * quadrant + 4]
        rows[...] = scales[quadrant : quadrant + 4].reshape(rows.shape)


def affine_select(o, a):
    data = o["on_true_tile"].rows()
    keep = ALU[a["cmp_op"]](affine(a, data.shape[0]), 0)
    o["dst"].write(np.where(keep, data, np.float32(o["on_false_value"])))


def affine(a, partitions):
    """offset + channel_multiplier * partition + the pattern's steps, [partitions, elements]."""
    row = np.zeros(1, np.int64)
    for step, n in zip(a["pattern"][::2], a["pattern"][1::2]):
        row = (row[:, None] + step * np.arange(n)[None, :]).reshape(-1)
    return a["offset"] + a["channel_multiplier"] * np.arange(partitions).reshape(-1, 1) + row[None, :]


def memset(o, a):
    o["dst"].write(np.full(o["dst"].array.shape, o["value"], np.float32))


def iota(o, a):
    o["dst"].write(affine(a, o["dst"].array.shape[0]).astype(np.float32 if is_float(o["dst"]) else np.int64))


def is_float(tile):
    return tile.dtype not in DTYPES or np.dtype(DTYPES[tile.dtype]).kind == "f"


def activation(o, a):
    x = o["data"].rows() * number_or_column(o.get("scale", 1.0))
    y = ACTIVATION[a["op"]](x + number_or_column(o.get("bias", 0.0)))
    o["dst"].write(y)
    if "reduce_res" in o:
        o["reduce_res"].write(y.sum(axis=1, dtype=np.float32))


def tensor_tensor(o, a):
    o["dst"].write(ALU[a["op"]](o["data1"].rows(), o["data2"].rows()))


def tensor_scalar(o, a):
    y = binary(a["op0"], o["data"].rows(), number_or_column(o["operand0"]), a["reverse0"])
    if a["op1"] is not None:
        y = binary(a["op1"], y, number_or_column(o["operand1"]), a["reverse1"])
    o["dst"].write(y)


def scalar_tensor_tensor(o, a):
    y = binary(a["op0"], o["data"].rows(), number_or_column(o["operand0"]), a["reverse0"])
    o["dst"].write(binary(a["op1"], y, o["operand1"].rows(), a["reverse1"]))


def tensor_reduce(o, a):
    data = o["data"].read()
    y = REDUCE[a["op"]](data, axis=tuple(d % data.ndim for d in a["axis"]))
    o["dst"].write(-y if a["negate"] else y)


def tensor_copy(o, a):
    o["dst"].write(o["src"].read())


def reciprocal(o, a):
    o["dst"].write(np.reciprocal(o["data"].read()))


def range_select(o, a):
    data = o["on_true_tile"].rows()
    index = a["range_start"] + np.arange(data.shape[1], dtype=np.float32)
    keep = ALU[a["comp_op0"]](index, o["bound0"].rows()) & ALU[a["comp_op1"]](index, o["bound1"].rows())
    y = np.where(keep, data, np.float32(o.get("on_false_value", np.finfo(np.float32).min)))
    o["dst"].write(y)
    if "reduce_res" in o:
        o["reduce_res"].write(y.max(axis=1))


INSTRUCTIONS = {
    f.__name__: f
    for f in (
        dma_copy, dma_transpose, nc_transpose, nc_matmul, memset, iota, activation, tensor_tensor, tensor_scalar,
        scalar_tensor_tensor, tensor_reduce, tensor_copy, reciprocal, range_select, nc_matmul_mx, quantize_mx, affine_select,
    )
}  # fmt: skip


def run(program, inputs):
    """Allocates the memories, interprets every instruction, returns the outputs' bytes by name."""
    memories = [np.zeros((s["partitions"], s["row_bytes"]), np.uint8) for s in program["storages"]]
    for s, memory in zip(program["storages"], memories):
        if s["name"] in inputs and s["input"]:
            memory.reshape(-1)[:] = inputs[s["name"]].reshape(-1).view(np.uint8)
    for op, operands, attributes in program["instructions"]:
        bound = {k: Tile(memories, v) if isinstance(v, dict) else v for k, v in operands.items()}
        INSTRUCTIONS[op](bound, attributes)
    return {program["storages"][i]["name"]: memories[i].reshape(-1) for i in program["outputs"]}


def main():
    with open(sys.argv[1]) as f:
        program = json.load(f)
    inputs = dict(np.load(sys.argv[2]))
    unknown = sorted({op for op, _, _ in program["instructions"]} - set(INSTRUCTIONS))
    if unknown:
        print(json.dumps({"error": "the peer does not interpret " + ", ".join(unknown)}))
        return
    runs = []
    for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 3):
        start = time.perf_counter()
        outputs = run(program, inputs)
        runs.append(time.perf_counter() - start)
    np.savez(sys.argv[3], **outputs)
    print(json.dumps({"seconds": sorted(runs)[len(runs) // 2], "runs": runs, "instructions": len(program["instructions"])}))


main()
