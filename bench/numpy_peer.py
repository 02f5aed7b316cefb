"""
The peer of `trn bench`: runs the instructions of one Program with NumPy, eagerly and vectorised, the way an interpreter written in
Python would. One NumPy expression an instruction; matmuls go to the BLAS that NumPy was built with. Usage:

    python3 bench/numpy_peer.py PROGRAM.json INPUTS.npz OUTPUTS.npz [REPEATS]

PROGRAM.json comes from `trn bench`. Prints {"seconds": median, "runs": [...], "instructions": n}; outputs go to OUTPUTS.npz. Reading
the files is not part of the time; allocating the chip's memories is. It needs NumPy; bfloat16 is ml_dtypes' where that is
installed, otherwise two shifts.
"""
import json
import sys
import time

import numpy as np

try:
    from ml_dtypes import bfloat16
except ImportError:
    bfloat16 = None

DTYPES = {
    "float32": np.float32,
    "float16": np.float16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int16": np.int16,
    "uint16": np.uint16,
    "int8": np.int8,
    "uint8": np.uint8,
    "bfloat16": np.uint16,
}
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
    """An operand: a strided view of a storage's memory."""

    __slots__ = ("array", "is_bfloat16")

    def __init__(self, memory, operand):
        self.is_bfloat16 = operand["dtype"] == "bfloat16"
        dtype = np.dtype(DTYPES[operand["dtype"]])
        row, size = memory.shape[1], dtype.itemsize
        strides = [s * size for s in operand["strides"]]
        if not operand["flat"]:
            strides[0] = operand["strides"][0] * row
        start = operand["partition"] * row + operand["offset"] * size
        self.array = np.ndarray(operand["counts"], dtype, memory, start, strides)

    def read(self):
        """The values, as NumPy computes with them."""
        a = self.array
        if not self.is_bfloat16:
            return a
        if bfloat16 is not None:
            return a.view(bfloat16).astype(np.float32) if a.flags.c_contiguous else a.copy().view(bfloat16).astype(np.float32)
        return (a.astype(np.uint32) << 16).view(np.float32)

    def write(self, values):
        """Rounds values to the operand's type."""
        if self.is_bfloat16:
            if bfloat16 is not None:
                values = np.ascontiguousarray(values, np.float32).astype(bfloat16).view(np.uint16)
            else:
                bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
                values = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        elif self.array.dtype.kind in "iu" and values.dtype.kind == "f":
            values = np.rint(values)
        self.array[...] = values.reshape(self.array.shape)

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
    if dst.is_bfloat16 == src.is_bfloat16 and dst.array.dtype == src.array.dtype:
        dst.array[...] = src.array.reshape(dst.array.shape)
    else:
        dst.write(src.read())


def dma_transpose(o, a):
    axes = a["axes"] or list(range(o["src"].array.ndim))[::-1]
    o["dst"].array[...] = o["src"].array.transpose(axes)


def nc_transpose(o, a):
    data = o["data"].array
    o["dst"].array[...] = data.reshape(data.shape[0], -1).T.reshape(o["dst"].array.shape)


def nc_matmul(o, a):
    product = np.matmul(o["stationary"].rows().T, o["moving"].rows())
    dst = o["dst"].array.reshape(product.shape)
    if a["accumulate"]:
        dst += product
    else:
        dst[...] = product


def memset(o, a):
    o["dst"].write(np.full(o["dst"].array.shape, o["value"], np.float32))


def iota(o, a):
    pattern = a["pattern"]
    dst = o["dst"]
    value = a["offset"] + a["channel_multiplier"] * np.arange(dst.array.shape[0]).reshape(-1, 1)
    row = np.zeros(1, np.int64)
    for step, n in zip(pattern[::2], pattern[1::2]):
        row = (row[:, None] + step * np.arange(n)[None, :]).reshape(-1)
    dst.write((value + row[None, :]).astype(np.float32 if dst.array.dtype.kind == "f" or dst.is_bfloat16 else np.int64))


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
        scalar_tensor_tensor, tensor_reduce, tensor_copy, reciprocal, range_select,
    )
}  # fmt: skip


def run(program, inputs):
    """Allocates the memories, interprets every instruction, returns the outputs' bytes by name."""
    memories = [np.zeros((s["partitions"], s["row_bytes"]), np.uint8) for s in program["storages"]]
    for s, memory in zip(program["storages"], memories):
        if s["name"] in inputs and s["input"]:
            memory.reshape(-1)[:] = inputs[s["name"]].reshape(-1).view(np.uint8)
    for op, operands, attributes in program["instructions"]:
        bound = {k: Tile(memories[v["storage"]], v) if isinstance(v, dict) else v for k, v in operands.items()}
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
