import { type AnyCall, instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { sameType } from "./shared-rules.ts";
import { matmulCost } from "./tensor-cost.ts";

const limits = { tensor: 128, vector: 32 } as const;

/** Before NeuronCore-v3 the array multiplies by an identity matrix, which spreads NaN and infinity along a row. */
const multiplies = (call: Pick<AnyCall, "engine" | "chip">): boolean =>
  call.engine === "tensor" && !call.chip.tensor.transposeMode.value;

export const ncTranspose = instruction({
  name: "nc_transpose",
  summary: "dst = data transposed between partitions and elements, on TensorE or VectorE.",
  source: "NKI API reference, nki.isa.nc_transpose",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["psum", "sbuf"], doc: "[F, P]; psum for tensor" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, F]; sbuf for tensor" },
  },
  attrs: {
    engine: { kind: "enum", values: ["unknown", "tensor", "vector"], doc: "engine to run on" },
  },
  params: ["dst", "data", "engine"],
  engines: () => ["tensor", "vector"],
  // The documented choice is by shape alone; the memories settle what shape leaves open.
  chooseEngine: ({ tile: { dst, data } }) =>
    data.partitions <= limits.vector && data.free <= limits.vector
      ? "vector"
      : dst.space === "psum" && data.space === "sbuf"
        ? "tensor"
        : "vector",
  rules: {
    C1: {
      says: "dst is [F, P] for data [P, F], free dimensions flattened",
      broken: ({ tile: { dst, data } }) =>
        dst.partitions === data.free && dst.free === data.partitions
          ? undefined
          : `dst is [${dst.shape}], must be [${data.free},${data.partitions}]`,
    },
    C2: sameType("dst", "data"),
    C3: {
      says: "TensorE reads SBUF and writes PSUM",
      broken: ({ tile: { dst, data }, engine }) =>
        engine === "tensor" && (dst.space !== "psum" || data.space !== "sbuf")
          ? `data is in ${data.space} and dst in ${dst.space}`
          : undefined,
    },
    C4: {
      says: "TensorE takes at most [128, 128], VectorE [32, 32]",
      broken: ({ tile: { data }, engine }) => {
        const max = engine === "tensor" ? limits.tensor : limits.vector;
        return data.partitions <= max && data.free <= max
          ? undefined
          : `data is [${data.shape}], at most [${max},${max}] on ${engine}; ${engine === "vector" ? "write to psum to use tensor, or " : ""}split it`;
      },
    },
  },
  bits: (call) => (multiplies(call) ? [] : ["dst", "data"]),
  evaluate: ({ dst, data }, { tile }) => {
    const { partitions: P, free: F } = tile.data;
    if (dst instanceof Uint32Array) {
      for (let p = 0; p < P; p++) for (let f = 0; f < F; f++) dst[f * P + p] = data[p * F + f]!;
      return;
    }
    for (let f = 0; f < F; f++)
      for (let n = 0; n < P; n++) {
        let sum = 0;
        for (let p = 0; p < P; p++) sum += data[p * F + f]! * (p === n ? 1 : 0);
        dst[f * P + n] = sum;
      }
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula: "tensor: a matmul of P moving columns, fp32 2 passes; vector: F + fixed cycles",
    source: "neuron-profile dumps of a trn2.3xlarge; Neuron SDK 2.26.1 nki.isa.nc_transpose",
    cycles: (call) =>
      call.engine === "tensor"
        ? matmulCost(call, call.tile.data.partitions)
        : streaming(call, call.tile.data.free),
  },
});
