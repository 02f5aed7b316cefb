import { bytesOf, isBitvec, reduce } from "@opentrn/numerics";
import { type AnyCall, instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { bitsOfIntegers, reduction, scatterFits } from "./shared-rules.ts";

/** Elements that one result covers: the product of the dimensions in `axis`. */
const reducedSize = (call: Pick<AnyCall, "tile" | "attr">): number => {
  const { shape } = call.tile["data"]!;
  return (call.attr["axis"] as readonly number[]).reduce((n, a) => n * (shape.at(a) ?? 1), 1);
};

export const tensorReduce = instruction({
  name: "tensor_reduce",
  summary: "dst = data reduced along its last free dimensions; optionally negated.",
  source: "NKI API reference, nki.isa.tensor_reduce",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, kept elements]" },
    data: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, ...]" },
  },
  attrs: {
    op: { kind: "alu", doc: "reduction operation" },
    axis: { kind: "ints", doc: "the last dimensions of data, ascending; negative ones count back" },
    negate: { kind: "bool", doc: "multiply results by -1" },
    keepdims: { kind: "bool", doc: "dst keeps the reduced dimensions with size 1" },
  },
  params: ["dst", "op", "data", "axis", "negate", "keepdims"],
  engines: () => ["vector"],
  rules: {
    C1: {
      says: "axis names the last dimensions of data, in order and up to the final one, never the partition dimension",
      broken: ({ tile: { data }, attr: { axis } }) => {
        const rank = data.shape.length;
        const named = axis.map((a) => (a < 0 ? a + rank : a));
        const first = rank - named.length;
        return named.length > 0 && first > 0 && named.every((a, i) => a === first + i)
          ? undefined
          : `axis is (${axis}) and data is [${data.shape}]; transpose first, or reduce the last dimensions`;
      },
    },
    C2: {
      says: "dst has data's partitions and the elements that the reduction leaves",
      broken: (call) => {
        const { dst, data } = call.tile;
        const left = data.free / reducedSize(call);
        return dst.partitions === data.partitions && dst.free === left
          ? undefined
          : `dst is [${dst.shape}], must be [${data.partitions},${left}]`;
      },
    },
    C3: reduction("op"),
    C4: bitsOfIntegers(["op"], "dst", "data"),
    C5: {
      says: "only arithmetic reductions can be negated",
      broken: ({ attr: { op, negate } }) =>
        negate && isBitvec(op) ? `op is ${op} with negate` : undefined,
    },
    C6: scatterFits("data"),
  },
  bits: ({ attr }) => (isBitvec(attr.op) ? ["dst", "data"] : []),
  evaluate: ({ dst, data }, call) => {
    const size = reducedSize(call);
    const width = 8 * bytesOf(call.tile.data.dtype);
    const { op, negate } = call.attr;
    for (let i = 0; i < dst.length; i++) {
      const value = reduce(op, data.subarray(i * size, (i + 1) * size), undefined, width);
      dst[i] = negate ? -value : value;
    }
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula: "N + fixed cycles; N/2 for add and maximum of bfloat16 into bfloat16",
    source: "neuron-profile dumps of a trn2.3xlarge; Neuron SDK 2.26.1 nki.isa.tensor_reduce",
    cycles: (call) => {
      const { dst, data } = call.tile;
      const fast =
        dst.dtype === "bfloat16" &&
        data.dtype === "bfloat16" &&
        (call.attr.op === "add" || call.attr.op === "maximum");
      return streaming(call, data.free, fast ? 2 : 1);
    },
  },
});
