import { activate } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { accumulate, commandOf } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { applied, perPartition } from "./alu-operands.ts";
import { copyRate, streaming, withReadOut } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import { columns, oneOf, sameSizes, scatterFits } from "./shared-rules.ts";

const pairs = [
  "multiply add",
  "multiply subtract",
  "multiply bypass",
  "add bypass",
  "subtract bypass",
  "bypass bypass",
];

export const activate2 = instruction({
  name: "activate2",
  summary:
    "dst = op((data op0 imm0) op1 imm1) on ScalarE; can reduce rows by add, maximum, minimum, abs_max or abs_min.",
  source: "NKI API reference, nki.isa.activate2",
  generations: [4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    imm0: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1]" },
    imm1: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1]" },
    relu_param: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      default: 0,
      doc: "number or [P, 1]: slope of prelu below 0",
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
    op0: { kind: "alu", doc: "first operation, or bypass" },
    op1: { kind: "alu", doc: "second operation, or bypass" },
    reverse0: { kind: "bool", doc: "imm0 op0 data" },
    reverse1: { kind: "bool", doc: "imm1 op1 (first result)" },
    reduce_op: { kind: "alu", optional: true, doc: "what rows are reduced by" },
    reduce_cmd: { kind: "enum", values: reduceCommands, doc: "what happens to the accumulators" },
  },
  params: [
    "dst",
    "op",
    "data",
    "imm0",
    "imm1",
    "op0",
    "op1",
    "relu_param",
    "reverse0",
    "reverse1",
    "reduce_op",
    "reduce_res",
    "reduce_cmd",
  ],
  engines: () => ["scalar"],
  rules: {
    C1: sameSizes("dst", "data"),
    C2: columns("data", "imm0", "imm1", "relu_param", "reduce_res"),
    C3: {
      says: "op0 and op1 are multiply with add, subtract or bypass, or add, subtract or bypass with bypass",
      broken: ({ attr: { op0, op1 } }) =>
        pairs.includes(`${op0} ${op1}`) ? undefined : `op0 is ${op0} and op1 is ${op1}`,
    },
    C4: {
      says: "imm0 and imm1 have the same data type where both are tensors",
      broken: ({ tile: { imm0, imm1 } }) =>
        imm0 && imm1 && imm0.dtype !== imm1.dtype
          ? `imm0 is ${imm0.dtype} and imm1 is ${imm1.dtype}`
          : undefined,
    },
    C5: {
      says: "reverse0 and reverse1 need their operation",
      broken: ({ attr: { op0, op1, reverse0, reverse1 } }) =>
        reverse0 && op0 === "bypass"
          ? "reverse0 is true and op0 is bypass"
          : reverse1 && op1 === "bypass"
            ? "reverse1 is true and op1 is bypass"
            : undefined,
    },
    C6: oneOf("reduce_op", ["add", "maximum", "minimum", "abs_max", "abs_min"]),
    C7: commandOf("idle", "reset", "reduce", "reset_reduce"),
    C8: {
      says: "reducing needs reduce_op",
      broken: ({ attr: { reduce_cmd, reduce_op } }) =>
        reduce_cmd !== "idle" && reduce_op === undefined
          ? `reduce_cmd is ${reduce_cmd} without reduce_op; pass nl.add`
          : undefined,
    },
    C9: scatterFits("data"),
  },
  evaluate: (operands, call, state) => {
    const { dst, data, reduce_res } = operands;
    const { tile, attr } = call;
    const { partitions: P, free: N } = tile.data;
    const f0 = applied(attr.op0, attr.reverse0, "float32");
    const f1 = applied(attr.op1, attr.reverse1, "float32");
    const [s0, s1, slope] = [
      perPartition(call, operands, "imm0"),
      perPartition(call, operands, "imm1"),
      perPartition(call, operands, "relu_param"),
    ];
    const lanes = lanesOf(state.scalarAccumulator, tile.data);
    for (let p = 0; p < P; p++) {
      const [a, b, alpha] = [s0(p), s1(p), slope(p)];
      for (let i = p * N; i < (p + 1) * N; i++)
        dst[i] = activate(attr.op, f1(f0(data[i]!, a), b), alpha);
      const row = dst.subarray(p * N, (p + 1) * N);
      const held = accumulate(lanes, p, attr.reduce_cmd, attr.reduce_op ?? "add", row);
      if (tile.reduce_res) reduce_res[p] = held;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken like activation at ScalarE's rate for the types, with its pointers and accumulator read-out",
    cycles: (call) => {
      const { dst, data, imm0, imm1, relu_param, reduce_res } = call.tile;
      const cost = streaming(
        call,
        data.free,
        copyRate(call, dst, data),
        imm0 || imm1 || relu_param ? 1 : 0,
      );
      return withReadOut(call, cost, reduce_res !== undefined);
    },
  },
});
