import { instruction } from "../define.ts";
import { accumulate, commandOf, loadWith } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { applied, perPartition } from "./alu-operands.ts";
import { streaming, tensorScalarRate, withReadOut } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import {
  arithmetic,
  columns,
  float32Tiles,
  oneOf,
  operandFits,
  operationsOfTarget,
  sameSizes,
  scatterFits,
} from "./shared-rules.ts";

export const tensorScalarReduce = instruction({
  name: "tensor_scalar_reduce",
  summary: "dst = data op0 operand0, and reduce_res = each row of it reduced; on VectorE.",
  source: "NKI API reference, nki.isa.tensor_scalar_reduce",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    operand0: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1]; none for a one-operand op0",
    },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
    reduce_init: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1] float32 that load_reduce starts from",
    },
  },
  attrs: {
    op0: { kind: "alu", doc: "arithmetic operation" },
    reduce_op: { kind: "alu", doc: "add, multiply, maximum or minimum" },
    reverse0: { kind: "bool", doc: "not supported yet" },
    reduce_cmd: {
      kind: "enum",
      values: reduceCommands,
      default: "reset_reduce",
      doc: "what happens to the accumulators",
    },
    reduce_res_negate: { kind: "bool", doc: "negate what reduce_res receives" },
  },
  params: [
    "dst",
    "data",
    "op0",
    "operand0",
    "reduce_op",
    "reduce_res",
    "reverse0",
    "reduce_cmd",
    "reduce_init",
    "reduce_res_negate",
  ],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "data"),
    C2: columns("data", "operand0", "reduce_res", "reduce_init"),
    C3: arithmetic("op0"),
    C4: float32Tiles("operand0", "reduce_init"),
    C5: operandFits("op0", "operand0"),
    C6: oneOf("reduce_op", ["add", "multiply", "maximum", "minimum"]),
    C7: {
      says: "reverse0 is not supported yet",
      broken: ({ attr }) => (attr.reverse0 ? "reverse0 is true; use tensor_scalar" : undefined),
    },
    C8: commandOf("reset_reduce", "reduce", "load_reduce"),
    C9: loadWith("reduce_init"),
    C10: operationsOfTarget("op0"),
    C11: scatterFits("data"),
  },
  evaluate: (operands, call, state) => {
    const { dst, data, reduce_res } = operands;
    const { attr, tile } = call;
    const { partitions: P, free: N } = tile.data;
    const f = applied(attr.op0, false, "float32");
    const operand = perPartition(call, operands, "operand0");
    const initial = perPartition(call, operands, "reduce_init");
    const lanes = lanesOf(state.vectorAccumulator, tile.data);
    for (let p = 0; p < P; p++) {
      const a = operand(p);
      for (let i = p * N; i < (p + 1) * N; i++) dst[i] = f(data[i]!, a);
      const row = dst.subarray(p * N, (p + 1) * N);
      const held = accumulate(lanes, p, attr.reduce_cmd, attr.reduce_op, row, initial(p));
      if (tile.reduce_res) reduce_res[p] = attr.reduce_res_negate ? -held : held;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "as tensor_scalar, + one minimum interval to read the accumulators",
    source: "Neuron SDK 2.26.1 nki.isa.tensor_scalar_reduce; rates and fixed part measured on trn2",
    cycles: (call) => {
      const { dst, data, operand0, reduce_res } = call.tile;
      const rate = tensorScalarRate(call, dst, data);
      const cost = streaming(call, data.free, rate, operand0 ? 1 : 0);
      return withReadOut(call, cost, reduce_res !== undefined);
    },
  },
});
