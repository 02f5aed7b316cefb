import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { eightEach, notFound, positionsOf, searchable } from "./search8.ts";

const ascending = [0, 1, 2, 3, 4, 5, 6, 7] as const;

export const ncFindIndex8 = instruction({
  name: "nc_find_index8",
  summary:
    "dst = positions of 8 values in each partition of data; equal values take successive positions, missing ones all ones.",
  source: "NKI API reference, nki.isa.nc_find_index8",
  generations: [2, 3, 4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: ["uint16", "uint32"],
      doc: "[P, 8] positions",
    },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N], 8 to 16384 elements" },
    vals: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, 8] values" },
  },
  attrs: {},
  params: ["dst", "data", "vals"],
  engines: () => ["vector"],
  rules: {
    C1: searchable("data", 8),
    C2: eightEach("data", "dst", "vals"),
    C3: {
      says: "data and vals have at most three dimensions",
      broken: ({ tile: { data, vals } }) =>
        data.shape.length <= 3 && vals.shape.length <= 3
          ? undefined
          : `data is [${data.shape}] and vals is [${vals.shape}]; reshape them`,
    },
  },
  bits: () => ["dst"],
  evaluate: ({ dst, data, vals }, { tile }) => {
    const { partitions: P, free: N } = tile.data;
    const none = notFound(tile.dst.dtype);
    for (let p = 0; p < P; p++) {
      const row = data.subarray(p * N, (p + 1) * N);
      const found = positionsOf(row, vals.subarray(p * 8, p * 8 + 8), ascending);
      for (let i = 0; i < 8; i++) dst[p * 8 + i] = found[i]! < 0 ? none : found[i]!;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles",
    source: "Neuron SDK 2.26.1 nki.isa.nc_find_index8; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.data.free),
  },
});
