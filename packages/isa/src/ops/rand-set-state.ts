import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { laneState, laneWords } from "./xorwow.ts";

export const randSetState = instruction({
  name: "rand_set_state",
  summary: "Loads the generator state of each lane from its partition.",
  source: "NKI API reference, nki.isa.rand_set_state",
  generations: [3, 4],
  operands: {
    src_seeds: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: ["uint32"],
      doc: "[P, 6] for GpSimd, [P, 24] for VectorE",
    },
  },
  attrs: {
    engine: {
      kind: "enum",
      values: ["unknown", "gpsimd", "vector"],
      default: "gpsimd",
      doc: "engine whose generators are set",
    },
  },
  params: ["src_seeds", "engine"],
  engines: (chip) => (chip.generation >= 4 ? ["gpsimd", "vector"] : ["gpsimd"]),
  rules: {
    C1: {
      says: "src_seeds is [P, 6] for GpSimd and [P, 24] for VectorE",
      broken: ({ tile: { src_seeds: s }, engine }) =>
        s.shape.length === 2 && s.free === laneWords(engine)
          ? undefined
          : `src_seeds is [${s.shape}], must be [P,${laneWords(engine)}] for ${engine}`,
    },
  },
  bits: () => ["src_seeds"],
  evaluate: ({ src_seeds }, { tile, engine }, state) => {
    const { partitions: P, free: N } = tile.src_seeds;
    for (let p = 0; p < P; p++)
      laneState(state, engine, tile.src_seeds, p).set(src_seeds.subarray(p * N, (p + 1) * N));
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one word a cycle",
    cycles: (call) => streaming(call, call.tile.src_seeds.free),
  },
});
