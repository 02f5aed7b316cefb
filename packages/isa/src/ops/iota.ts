import { instruction } from "../define.ts";
import { affineRow, patternFills, patternForm } from "./affine-pattern.ts";
import { streaming } from "./engine-cost.ts";

export const iota = instruction({
  name: "iota",
  summary: "dst = offset + partition * channel_multiplier + an affine pattern, on GpSimd.",
  source: "NKI API reference, nki.isa.iota",
  generations: [2, 3, 4],
  operands: { dst: { role: "out", spaces: ["sbuf"], doc: "[P, N]" } },
  attrs: {
    pattern: { kind: "ints", doc: "[step, count] pairs, outermost first, flattened" },
    offset: { kind: "int", default: 0, doc: "int32" },
    channel_multiplier: { kind: "int", default: 0, doc: "int32 step between partitions" },
  },
  params: ["dst", "pattern", "offset", "channel_multiplier"],
  engines: () => ["gpsimd"],
  rules: { C1: patternForm, C2: patternFills("dst") },
  // 32-bit integers are stored exactly; other types are converted from fp32, as every cast is.
  bits: ({ tile: { dst } }) => (dst.dtype === "int32" || dst.dtype === "uint32" ? ["dst"] : []),
  evaluate: ({ dst }, call) => {
    const { partitions: P, free: N } = call.tile.dst;
    for (let p = 0; p < P; p++) dst.set(affineRow(call, p), p * N);
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles (150)",
    source: "Neuron SDK 2.26.1 nki.isa.iota",
    cycles: (call) => streaming(call, call.tile.dst.free),
  },
});
