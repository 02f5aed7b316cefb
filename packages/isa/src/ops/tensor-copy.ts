import { instruction } from "../define.ts";
import { copyRate, streaming } from "./engine-cost.ts";
import { sameSize } from "./shapes.ts";
import { scatterFits } from "./shared-rules.ts";

export const tensorCopy = instruction({
  name: "tensor_copy",
  summary: "dst = src inside SBUF and PSUM, converting when the types differ.",
  source: "NKI API reference, nki.isa.tensor_copy",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    src: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
  },
  attrs: {
    engine: {
      kind: "enum",
      values: ["unknown", "vector", "scalar", "gpsimd"],
      doc: "engine to run on",
    },
  },
  params: ["dst", "src", "engine"],
  engines: (chip) =>
    chip.generation === 2 ? ["vector", "gpsimd"] : ["vector", "scalar", "gpsimd"],
  rules: {
    C1: {
      says: "dst and src have the same partitions and elements per partition",
      broken: ({ tile: { dst, src } }) => sameSize({ dst, src }),
    },
    C2: {
      says: "GpSimd does not reach PSUM",
      broken: ({ tile, engine }) => {
        const psum = Object.entries(tile).find(([, t]) => t.space === "psum");
        return psum && engine === "gpsimd"
          ? `${psum[0]} is in psum; copy on vector or scalar`
          : undefined;
      },
    },
    C3: scatterFits("src"),
    C4: {
      says: "tensor indirection runs on VectorE and ScalarE",
      broken: ({ tile, engine }) => {
        const indirect = Object.entries(tile).find(([, t]) => t.dynamic === "indirect");
        return indirect && engine === "gpsimd" ? `${indirect[0]} is indirect on gpsimd` : undefined;
      },
    },
  },
  bits: ({ tile: { dst, src } }) => (dst.dtype === src.dtype ? ["dst", "src"] : []),
  evaluate: ({ dst, src }) => {
    dst.set(src);
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula: "N / rate + fixed cycles; rate 1, on VectorE 2 or 4 for 16-bit floats",
    source: "neuron-profile dumps of a trn2.3xlarge; rates from trainium2_arch.rst",
    cycles: (call) =>
      streaming(call, call.tile.dst.free, copyRate(call, call.tile.dst, call.tile.src)),
  },
});
