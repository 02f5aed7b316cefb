import { instruction } from "../define.ts";
import { perPartition } from "./alu-operands.ts";
import { streaming } from "./engine-cost.ts";
import { columns, float32Tiles } from "./shared-rules.ts";
import { laneState, nextBits, streamsOf, unitInterval } from "./xorwow.ts";

export const rand2 = instruction({
  name: "rand2",
  summary: "dst = uniform random numbers between min and max, from VectorE's XORWOW generators.",
  source: "NKI API reference, nki.isa.rand2",
  generations: [4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: [
        "float8_e4m3",
        "float8_e5m2",
        "float16",
        "bfloat16",
        "float32",
        "tfloat32",
        "int8",
        "int16",
        "int32",
        "uint8",
        "uint16",
        "uint32",
      ],
      doc: "[P, N]",
    },
    min: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1] float32" },
    max: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1] float32" },
  },
  attrs: {},
  params: ["dst", "min", "max"],
  engines: () => ["vector"],
  rules: {
    C1: columns("dst", "min", "max"),
    C2: float32Tiles("min", "max"),
    C3: {
      says: "min is less than max",
      broken: ({ immediate: { min, max } }) =>
        min !== undefined && max !== undefined && !(min < max)
          ? `min is ${min} and max is ${max}`
          : undefined,
    },
  },
  // min + u (max - min) with u in [0, 1) of 24 bits; each step rounds to fp32 (our choice).
  evaluate: (operands, call, state) => {
    const { dst } = operands;
    const { partitions: P, free: N } = call.tile.dst;
    const [low, high] = [perPartition(call, operands, "min"), perPartition(call, operands, "max")];
    const streams = streamsOf("vector");
    for (let p = 0; p < P; p++) {
      const lane = laneState(state, "vector", call.tile.dst, p);
      const from = low(p);
      const range = Math.fround(high(p) - from);
      for (let n = 0; n < N; n++) {
        const u = unitInterval(nextBits(lane, n % streams));
        dst[p * N + n] = Math.fround(from + Math.fround(u * range));
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N/4 + fixed cycles: four random numbers a lane and cycle",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst",
    cycles: (call) => streaming(call, call.tile.dst.free, 4),
  },
});
