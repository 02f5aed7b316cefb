import { activate } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { columnAt, isColumn, sameSize } from "./shapes.ts";

/** Values of `nki.isa.reduce_cmd`, in their numeric order. */
export const reduceCommands = ["idle", "reset", "reduce", "reset_reduce", "load_reduce"] as const;

export const activation = instruction({
  name: "activation",
  summary:
    "dst = op(data * scale + bias) on ScalarE; can add the results of a row into the engine's accumulators.",
  source: "NKI API reference, nki.isa.activation",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    bias: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1]; none: 0",
    },
    scale: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      default: 1,
      doc: "number or [P, 1] float32",
    },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
  },
  attrs: {
    op: { kind: "activation", doc: "activation function" },
    reduce_op: { kind: "alu", optional: true, doc: "only add" },
    reduce_cmd: { kind: "enum", values: reduceCommands, doc: "what happens to the accumulators" },
  },
  params: ["dst", "op", "data", "bias", "scale", "reduce_op", "reduce_res", "reduce_cmd"],
  engines: () => ["scalar"],
  rules: {
    C1: {
      says: "dst and data have the same partitions and elements per partition",
      broken: ({ tile: { dst, data } }) => sameSize({ dst, data }),
    },
    C2: {
      says: "bias, scale and reduce_res hold one value a partition",
      broken: ({ tile: { data, bias, scale, reduce_res } }) =>
        isColumn("bias", bias, data.partitions) ??
        isColumn("scale", scale, data.partitions) ??
        isColumn("reduce_res", reduce_res, data.partitions),
    },
    C3: {
      says: "a scale tensor is float32",
      broken: ({ tile: { scale } }) =>
        scale && scale.dtype !== "float32" ? `scale is ${scale.dtype}; make it float32` : undefined,
    },
    C4: {
      says: "reduce_op is add",
      broken: ({ attr }) =>
        attr.reduce_op === undefined || attr.reduce_op === "add"
          ? undefined
          : `reduce_op is ${attr.reduce_op}`,
    },
    C5: {
      says: "a bias number needs NeuronCore-v3; on v2 pass a [P, 1] tensor",
      broken: ({ immediate: { bias }, chip }) =>
        bias !== undefined && bias !== 0 && chip.generation === 2
          ? `bias is the number ${bias} on ${chip.name}`
          : undefined,
    },
    C6: {
      says: "reduce_cmd load_reduce belongs to VectorE",
      broken: ({ attr }) =>
        attr.reduce_cmd === "load_reduce"
          ? "reduce_cmd is load_reduce; use reset_reduce"
          : undefined,
    },
  },
  evaluate: ({ dst, data, bias, scale, reduce_res }, { tile, immediate, attr }, state) => {
    const { partitions: P, free: N } = tile.data;
    const f = (x: number): number => activate(attr.op, x);
    const command = attr.reduce_cmd;
    for (let p = 0; p < P; p++) {
      const a = tile.scale ? columnAt(scale, p) : Math.fround(immediate.scale!);
      const b = tile.bias ? columnAt(bias, p) : Math.fround(immediate.bias ?? 0);
      let sum = command === "reduce" ? state.scalarAccumulator[p]! : 0;
      for (let n = 0; n < N; n++) {
        const y = f(Math.fround(Math.fround(data[p * N + n]! * a) + b));
        dst[p * N + n] = y;
        sum = Math.fround(sum + y);
      }
      if (command === "reset") state.scalarAccumulator[p] = 0;
      else if (command !== "idle") state.scalarAccumulator[p] = sum;
      if (tile.reduce_res) reduce_res[p] = state.scalarAccumulator[p]!;
    }
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula:
      "N + fixed cycles, + pointer cycles for a tensor bias or scale, + 64 to read the accumulators",
    source:
      "neuron-profile dumps of a trn2.3xlarge; accumulator read-out from trainium_inferentia2_arch.rst",
    cycles: (call) => {
      const { data, bias, scale, reduce_res } = call.tile;
      const cost = streaming(call, data.free, 1, bias || scale ? 1 : 0);
      const readOut = reduce_res ? 64 : 0;
      return { interval: cost.interval + readOut, latency: cost.latency + readOut };
    },
  },
});
