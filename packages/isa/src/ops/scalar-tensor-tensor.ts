import { instruction } from "../define.ts";
import { applied, perPartition } from "./alu-operands.ts";
import { streaming, twoStreams } from "./engine-cost.ts";
import {
  arithmetic,
  binary,
  columns,
  onePsumInput,
  operandFits,
  operationsOfTarget,
  sameSizes,
} from "./shared-rules.ts";

export const scalarTensorTensor = instruction({
  name: "scalar_tensor_tensor",
  summary:
    "dst = (data op0 operand0) op1 operand1, operand0 a number or one value a partition, operand1 a whole tile.",
  source: "NKI API reference, nki.isa.scalar_tensor_tensor",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    operand0: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1]; none for a one-operand op0",
    },
    operand1: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
  },
  attrs: {
    op0: { kind: "alu", doc: "first operation" },
    op1: { kind: "alu", doc: "second operation" },
    reverse0: { kind: "bool", doc: "operand0 op0 data" },
    reverse1: { kind: "bool", doc: "operand1 op1 (first result)" },
  },
  params: ["dst", "data", "op0", "operand0", "op1", "operand1", "reverse0", "reverse1"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "data", "operand1"),
    C2: columns("data", "operand0"),
    C3: onePsumInput("data", "operand1"),
    C4: arithmetic("op0", "op1"),
    C5: operandFits("op0", "operand0"),
    C6: binary("op1"),
    C7: operationsOfTarget("op0", "op1"),
  },
  evaluate: (operands, call) => {
    const { dst, data, operand1 } = operands;
    const { attr, tile } = call;
    const { partitions: P, free: N } = tile.data;
    const f0 = applied(attr.op0, attr.reverse0, "float32");
    const f1 = applied(attr.op1, attr.reverse1, "float32");
    const s0 = perPartition(call, operands, "operand0");
    for (let p = 0; p < P; p++) {
      const a = s0(p);
      for (let i = p * N; i < (p + 1) * N; i++) dst[i] = f1(f0(data[i]!, a), operand1[i]!);
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula:
      "N + fixed cycles with one input in PSUM; both in SBUF 2N + fixed, half for subtract then multiply of bfloat16 tiles with N even, half again where VectorE reads two fp32 elements a cycle; + pointer cycles for a tensor operand0",
    source: "Neuron SDK 2.26.1 nki.isa.scalar_tensor_tensor; fixed part measured on trn2",
    cycles: (call) => {
      const { data, operand0, operand1 } = call.tile;
      const fast =
        data.dtype === "bfloat16" &&
        operand1.dtype === "bfloat16" &&
        call.attr.op0 === "subtract" &&
        call.attr.op1 === "multiply" &&
        data.free % 2 === 0;
      return streaming(call, twoStreams(call, data, operand1, fast), 1, operand0 ? 1 : 0);
    },
  },
});
