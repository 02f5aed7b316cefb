import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { gpsimdReach } from "./shared-rules.ts";
import { laneState, laneWords } from "./xorwow.ts";

export const randGetState = instruction({
  name: "rand_get_state",
  summary: "Stores the generator state of each lane into its partition.",
  source: "NKI API reference, nki.isa.rand_get_state",
  generations: [3, 4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: ["uint32"],
      doc: "[P, 6] for GpSimd, [P, 24] for VectorE",
    },
  },
  attrs: {
    engine: {
      kind: "enum",
      values: ["unknown", "gpsimd", "vector"],
      default: "gpsimd",
      doc: "engine whose generators are stored",
    },
  },
  params: ["dst", "engine"],
  engines: (chip) => (chip.generation >= 4 ? ["gpsimd", "vector"] : ["gpsimd"]),
  rules: {
    C1: {
      says: "dst is [P, 6] for GpSimd and [P, 24] for VectorE",
      broken: ({ tile: { dst }, engine }) =>
        dst.shape.length === 2 && dst.free === laneWords(engine)
          ? undefined
          : `dst is [${dst.shape}], must be [P,${laneWords(engine)}] for ${engine}`,
    },
    C2: gpsimdReach,
  },
  bits: () => ["dst"],
  evaluate: ({ dst }, { tile, engine }, state) => {
    for (let p = 0; p < tile.dst.partitions; p++)
      dst.set(laneState(state, engine, tile.dst, p), p * tile.dst.free);
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one word a cycle",
    cycles: (call) => streaming(call, call.tile.dst.free),
  },
});
