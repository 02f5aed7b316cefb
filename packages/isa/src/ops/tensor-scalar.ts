import { type AluName, isBitvec } from "@opentrn/numerics";
import { type AnyCall, instruction } from "../define.ts";
import { applied, bitsPerPartition, perPartition } from "./alu-operands.ts";
import { streaming, tensorScalarRate } from "./engine-cost.ts";
import {
  bitsOfIntegers,
  columns,
  gpsimdReach,
  operandFits,
  operationsOfTarget,
  sameSizes,
  scatterFits,
} from "./shared-rules.ts";

/** Operations that neither VectorE nor ScalarE has (Neuron SDK 2.26.1, table of math operators). */
const gpsimdOnly: readonly AluName[] = ["rsqrt", "power"];
const opsOf = (call: Pick<AnyCall, "attr">): AluName[] =>
  [call.attr["op0"], call.attr["op1"]].filter((o): o is AluName => o !== undefined);
const bitwise = (call: Pick<AnyCall, "attr">): boolean => isBitvec(call.attr["op0"] as AluName);

/** What ScalarE of NeuronCore-v3 can do: multiply-add, multiply, add. */
const scalarPairs = ["multiply add", "multiply", "add"];

export const tensorScalar = instruction({
  name: "tensor_scalar",
  summary:
    "dst = (data op0 operand0) op1 operand1, operands being numbers or one value a partition.",
  source: "NKI API reference, nki.isa.tensor_scalar",
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
    operand1: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1]; none without op1",
    },
  },
  attrs: {
    op0: { kind: "alu", doc: "first operation" },
    reverse0: { kind: "bool", doc: "operand0 op0 data" },
    op1: { kind: "alu", optional: true, doc: "second operation" },
    reverse1: { kind: "bool", doc: "operand1 op1 (first result)" },
    engine: {
      kind: "enum",
      values: ["unknown", "vector", "scalar", "gpsimd"],
      doc: "engine to run on",
    },
  },
  params: ["dst", "data", "op0", "operand0", "reverse0", "op1", "operand1", "reverse1", "engine"],
  engines: (chip) =>
    chip.generation === 2 ? ["vector", "gpsimd"] : ["vector", "scalar", "gpsimd"],
  chooseEngine: (call) => (opsOf(call).some((o) => gpsimdOnly.includes(o)) ? "gpsimd" : "vector"),
  rules: {
    C1: sameSizes("dst", "data"),
    C2: columns("data", "operand0", "operand1"),
    C3: {
      says: "op0 and op1 are both bitwise or both arithmetic",
      broken: ({ attr: { op0, op1 } }) =>
        op1 !== undefined && isBitvec(op0) !== isBitvec(op1)
          ? `op0 is ${op0} and op1 is ${op1}; use two instructions`
          : undefined,
    },
    C4: bitsOfIntegers(["op0"], "dst", "data", "operand0", "operand1"),
    C5: {
      says: "operand tensors of arithmetic operations are float32",
      broken: (call) => {
        if (bitwise(call)) return undefined;
        for (const name of ["operand0", "operand1"] as const) {
          const t = call.tile[name];
          if (t && t.dtype !== "float32") return `${name} is ${t.dtype}; make it float32`;
        }
        return undefined;
      },
    },
    C6: operandFits("op0", "operand0"),
    C7: operandFits("op1", "operand1"),
    C8: operationsOfTarget("op0", "op1"),
    C9: {
      says: "bitwise operations run on VectorE",
      broken: (call) =>
        bitwise(call) && call.engine !== "vector"
          ? `${call.attr.op0} was sent to ${call.engine}`
          : undefined,
    },
    C10: {
      says: "GpSimd runs this instruction for rsqrt and power only, and only GpSimd runs those",
      broken: (call) => {
        const own = opsOf(call).find((o) => gpsimdOnly.includes(o));
        if (call.engine === "gpsimd")
          return own ? undefined : `${opsOf(call).join(" and ")} was sent to gpsimd; use vector`;
        return own && `${own} was sent to ${call.engine}; use gpsimd or activation`;
      },
    },
    C11: {
      says: "ScalarE of NeuronCore-v3 does multiply, add, and multiply then add",
      broken: (call) => {
        const pair = opsOf(call).join(" ");
        return call.engine === "scalar" && call.chip.generation === 3 && !scalarPairs.includes(pair)
          ? `operations are ${opsOf(call).join(" and ")}; use vector`
          : undefined;
      },
    },
    C12: gpsimdReach,
    C13: scatterFits("data"),
  },
  bits: (call) => (bitwise(call) ? ["dst", "data", "operand0", "operand1"] : []),
  evaluate: (operands, call) => {
    const { dst, data } = operands;
    const { attr, tile } = call;
    const { partitions: P, free: N, dtype } = tile.data;
    const f0 = applied(attr.op0, attr.reverse0, dtype);
    const f1 = applied(attr.op1, attr.reverse1, dtype);
    const value = dst instanceof Uint32Array ? bitsPerPartition : perPartition;
    const s0 = value(call, operands, "operand0", dtype);
    const s1 = value(call, operands, "operand1", dtype);
    for (let p = 0; p < P; p++) {
      const [a, b] = [s0(p), s1(p)];
      for (let i = p * N; i < (p + 1) * N; i++) dst[i] = f1(f0(data[i]!, a), b);
    }
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula:
      "N / rate + fixed cycles, + pointer cycles for a tensor operand; rate 1, fp32 between SBUF tiles 2, 16-bit floats 2 or 4",
    source:
      "neuron-profile dumps of a trn2.3xlarge; 16-bit rates from trainium2_arch.rst; rsqrt on GpSimd 4 N from nki.api.shared.rst",
    cycles: (call) => {
      const { dst, data, operand0, operand1 } = call.tile;
      const rate = call.engine === "gpsimd" ? 1 / 4 : tensorScalarRate(call, dst, data);
      return streaming(call, data.free, rate, operand0 || operand1 ? 1 : 0);
    },
  },
});
