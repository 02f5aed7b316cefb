import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { eightEach, searchable } from "./search8.ts";

export const max8 = instruction({
  name: "max8",
  summary: "dst = the 8 largest values of each partition, largest first.",
  source: "NKI API reference, nki.isa.max8",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, 8]" },
    src: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N], 8 to 16384 elements" },
  },
  attrs: {},
  params: ["dst", "src"],
  engines: () => ["vector"],
  rules: {
    C1: searchable("src", 8),
    C2: eightEach("src", "dst"),
    C3: {
      says: "src has at most three dimensions and dst has two",
      broken: ({ tile: { dst, src } }) =>
        src.shape.length <= 3 && dst.shape.length <= 2
          ? undefined
          : `src is [${src.shape}] and dst is [${dst.shape}]; reshape them`,
    },
  },
  // NaN sorts below every number (our choice).
  evaluate: ({ dst, src }, { tile }) => {
    const { partitions: P, free: N } = tile.src;
    for (let p = 0; p < P; p++) {
      const row = src.slice(p * N, (p + 1) * N).sort();
      const numbers = row.filter((v) => !Number.isNaN(v)).reverse();
      for (let i = 0; i < 8; i++) dst[p * 8 + i] = numbers[i] ?? Number.NaN;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles",
    source: "Neuron SDK 2.26.1 nki.isa.max8; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.src.free),
  },
});
