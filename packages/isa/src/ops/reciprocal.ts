import { aluOps } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { sameSizes } from "./shared-rules.ts";

export const reciprocal = instruction({
  name: "reciprocal",
  summary: "dst = 1 / data on VectorE, more exact than ScalarE's activation.",
  source: "NKI API reference, nki.isa.reciprocal",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
  },
  attrs: {},
  params: ["dst", "data"],
  engines: () => ["vector"],
  rules: { C1: sameSizes("dst", "data") },
  evaluate: ({ dst, data }) => {
    const f = aluOps.reciprocal.evaluate;
    for (let i = 0; i < dst.length; i++) dst[i] = f(data[i]!, 0);
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "8N + fixed cycles",
    source: "Neuron SDK 2.32 nki.api.shared.rst; N = 4 and 8 measured on trn2",
    cycles: (call) => streaming(call, call.tile.data.free, 1 / 8),
  },
});
