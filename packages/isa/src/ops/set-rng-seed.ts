import { bytesOf } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { isOneElement } from "./shapes.ts";
import { seedGenerators } from "./xorwow.ts";

export const setRngSeed = instruction({
  name: "set_rng_seed",
  summary: "Seeds VectorE's generators of all lanes from one 32-bit value.",
  source: "NKI API reference, nki.isa.set_rng_seed",
  generations: [2, 3, 4],
  operands: { src_seeds: { role: "in", spaces: ["sbuf", "psum"], doc: "[1, 1], 32 bits" } },
  attrs: {},
  params: ["src_seeds"],
  engines: () => ["vector"],
  rules: {
    C1: {
      says: "src_seeds is one element",
      broken: ({ tile: { src_seeds: s } }) => isOneElement("src_seeds", s),
    },
    C2: {
      says: "the seed is a 32-bit value",
      broken: ({ tile: { src_seeds: s } }) =>
        bytesOf(s.dtype) === 4 ? undefined : `src_seeds is ${s.dtype}; use a 32-bit type`,
    },
  },
  bits: () => ["src_seeds"],
  evaluate: ({ src_seeds }, _, state) => seedGenerators(state.vectorRandom, src_seeds[0]!),
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as the shortest instruction",
    cycles: (call) => streaming(call, 1),
  },
});
