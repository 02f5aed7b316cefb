import { bytesOf, encode, isInteger } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";

export const memset = instruction({
  name: "memset",
  summary: "dst = value, a compile-time constant.",
  source: "NKI API reference, nki.isa.memset",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    value: { role: "in", spaces: [], scalar: true, doc: "constant of dst's kind" },
  },
  attrs: {
    engine: { kind: "enum", values: ["unknown", "vector", "gpsimd"], doc: "engine to run on" },
  },
  params: ["dst", "value", "engine"],
  engines: () => ["vector", "gpsimd"],
  rules: {
    C1: {
      says: "an integer tile takes an integer constant",
      broken: ({ tile: { dst }, immediate: { value } }) =>
        isInteger(dst.dtype) && !Number.isInteger(value)
          ? `value is ${value} and dst is ${dst.dtype}; pass an integer`
          : undefined,
    },
    C2: {
      says: "packed types take only 0",
      broken: ({ tile: { dst }, immediate: { value } }) =>
        dst.dtype.endsWith("_x4") && value !== 0
          ? `value is ${value} and dst is ${dst.dtype}`
          : undefined,
    },
    C3: {
      says: "GpSimd does not reach PSUM",
      broken: ({ tile: { dst }, engine }) =>
        dst.space === "psum" && engine === "gpsimd"
          ? "dst is in psum; let vector fill it"
          : undefined,
    },
  },
  bits: () => ["dst"],
  evaluate: ({ dst }, { tile, immediate }) => {
    const value = immediate.value!;
    const d = tile.dst.dtype;
    dst.fill(
      d.endsWith("_x4")
        ? 0
        : isInteger(d)
          ? Number(BigInt.asUintN(8 * bytesOf(d), BigInt(value)))
          : encode(value, d),
    );
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N/2 + fixed cycles for 0 into a 16-bit float, else N + fixed",
    source: "Neuron SDK 2.26.1 nki.isa.memset; fixed part measured on trn2",
    cycles: (call) => {
      const { dst } = call.tile;
      const fast =
        call.immediate.value === 0 && (dst.dtype === "bfloat16" || dst.dtype === "float16");
      return streaming(call, dst.free, fast ? 2 : 1);
    },
  },
});
