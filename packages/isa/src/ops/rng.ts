import { bytesOf } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { gpsimdReach } from "./shared-rules.ts";
import { laneState, nextBits, streamsOf } from "./xorwow.ts";

export const rng = instruction({
  name: "rng",
  summary: "dst = random bits: the low bits of 32 for each element.",
  source: "NKI API reference, nki.isa.rng",
  generations: [2, 3, 4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: ["int8", "int16", "int32", "uint8", "uint16", "uint32"],
      doc: "[P, N]",
    },
  },
  attrs: {
    engine: {
      kind: "enum",
      values: ["unknown", "vector", "gpsimd"],
      default: "vector",
      doc: "engine whose generator is used",
    },
  },
  params: ["dst", "engine"],
  engines: (chip) => (chip.generation === 2 ? ["vector"] : ["vector", "gpsimd"]),
  rules: { C1: gpsimdReach },
  bits: () => ["dst"],
  evaluate: ({ dst }, { tile, engine }, state) => {
    const { partitions: P, free: N, dtype } = tile.dst;
    const streams = streamsOf(engine);
    const modulus = 2 ** (8 * bytesOf(dtype));
    for (let p = 0; p < P; p++) {
      const lane = laneState(state, engine, tile.dst, p);
      for (let n = 0; n < N; n++) dst[p * N + n] = nextBits(lane, n % streams) % modulus;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published before NeuronCore-v4; taken as one element a cycle, on VectorE of v4 the documented four",
    cycles: (call) =>
      streaming(
        call,
        call.tile.dst.free,
        call.engine === "vector" && call.chip.generation >= 4 ? 4 : 1,
      ),
  },
});
