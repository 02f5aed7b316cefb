import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { eightEach, notFound, positionsOf, searchable } from "./search8.ts";
import { sameSizes } from "./shared-rules.ts";

/** Values choose from the last slot to the first. */
const descending = [7, 6, 5, 4, 3, 2, 1, 0] as const;

export const ncMatchReplace8 = instruction({
  name: "nc_match_replace8",
  summary:
    "dst = data with the first occurrence of each of 8 values replaced by imm; dst_idx takes the positions.",
  source: "NKI API reference, nki.isa.nc_match_replace8",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N], at most 16384 elements" },
    vals: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, 8] values" },
    imm: { role: "in", spaces: [], scalar: true, doc: "replacement" },
    dst_idx: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: ["uint16", "uint32"],
      optional: true,
      doc: "[P, 8] positions; all ones where a value is missing (our choice)",
    },
  },
  attrs: {},
  params: ["dst", "data", "vals", "imm", "dst_idx"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "data"),
    C2: searchable("data", 1),
    C3: eightEach("data", "vals", "dst_idx"),
  },
  bits: () => ["dst_idx"],
  evaluate: ({ dst, data, vals, dst_idx }, { tile, immediate }) => {
    const { partitions: P, free: N } = tile.data;
    const imm = Math.fround(immediate.imm!);
    const none = tile.dst_idx ? notFound(tile.dst_idx.dtype) : 0;
    dst.set(data);
    for (let p = 0; p < P; p++) {
      const row = data.subarray(p * N, (p + 1) * N);
      const found = positionsOf(row, vals.subarray(p * 8, p * 8 + 8), descending);
      for (let i = 0; i < 8; i++) {
        const at = found[i]!;
        if (at >= 0) dst[p * N + at] = imm;
        if (tile.dst_idx) dst_idx[p * 8 + i] = at < 0 ? none : at;
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles",
    source: "Neuron SDK 2.22 nki.isa.nc_match_replace8; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.data.free),
  },
});
