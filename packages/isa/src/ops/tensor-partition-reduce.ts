import { bytesOf, isInteger, reduce } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";

const operations = ["add", "average", "maximum", "bitwise_or", "bitwise_and"] as const;
const bitwise = (op: string): boolean => op.startsWith("bitwise");

export const tensorPartitionReduce = instruction({
  name: "tensor_partition_reduce",
  summary: "dst = data reduced across its partitions, on GpSimd.",
  source: "NKI API reference, nki.isa.tensor_partition_reduce",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf"], doc: "[1, N]" },
    data: { role: "in", spaces: ["sbuf"], doc: "[P, N]" },
  },
  attrs: { op: { kind: "enum", values: operations, doc: "reduction operation" } },
  params: ["dst", "op", "data"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "dst has one partition and data's elements per partition",
      broken: ({ tile: { dst, data } }) =>
        dst.partitions === 1 && dst.free === data.free
          ? undefined
          : `dst is [${dst.shape}], must be [1,${data.free}]`,
    },
    C2: {
      says: "bitwise operations take integer tiles",
      broken: ({ tile, attr: { op } }) => {
        const wrong = bitwise(op) && Object.entries(tile).find(([, t]) => !isInteger(t.dtype));
        return wrong ? `${wrong[0]} is ${wrong[1].dtype} under ${op}` : undefined;
      },
    },
  },
  bits: ({ attr }) => (bitwise(attr.op) ? ["dst", "data"] : []),
  evaluate: ({ dst, data }, { tile, attr: { op } }) => {
    const { partitions: P, free: N, dtype } = tile.data;
    const width = 8 * bytesOf(dtype);
    const column = new Array<number>(P);
    for (let n = 0; n < N; n++) {
      for (let p = 0; p < P; p++) column[p] = data[p * N + n]!;
      const total = reduce(op === "average" ? "add" : op, column, undefined, width);
      dst[n] = op === "average" ? Math.fround(total / P) : total;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as each of the eight GpSimd cores folding its 16 partitions one after another",
    cycles: (call) => streaming(call, 16 * call.tile.data.free),
  },
});
