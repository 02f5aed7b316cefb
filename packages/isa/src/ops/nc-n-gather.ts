import { OpenTrnError } from "@opentrn/base";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { sameSizes, sameType } from "./shared-rules.ts";

export const ncNGather = instruction({
  name: "nc_n_gather",
  summary: "dst[p, i] = data[p, indices[p, i]] inside each partition, on GpSimd.",
  source: "NKI API reference, nki.isa.nc_n_gather",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf"], doc: "[P, K]" },
    data: { role: "in", spaces: ["sbuf"], doc: "[P, N], free dimensions flattened" },
    indices: { role: "in", spaces: ["sbuf"], dtypes: ["uint32"], doc: "[P, K]" },
  },
  attrs: {},
  params: ["dst", "data", "indices"],
  engines: () => ["gpsimd"],
  rules: {
    C1: sameSizes("dst", "indices"),
    C2: {
      says: "data has the partitions of indices",
      broken: ({ tile: { data, indices } }) =>
        data.partitions === indices.partitions
          ? undefined
          : `data has ${data.partitions} partitions, indices ${indices.partitions}`,
    },
    C3: sameType("dst", "data"),
  },
  bits: () => ["dst", "data", "indices"],
  evaluate: ({ dst, data, indices }, { tile }) => {
    const { partitions: P, free: K } = tile.indices;
    const N = tile.data.free;
    for (let p = 0; p < P; p++)
      for (let k = 0; k < K; k++) {
        const at = indices[p * K + k]!;
        if (at >= N)
          throw new OpenTrnError(
            `nc_n_gather: indices[${p}, ${k}] is ${at}; data has ${N} elements per partition`,
            { category: "out of bounds", rule: "nc_n_gather index" },
          );
        dst[p * K + k] = data[p * N + at]!;
      }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one element a cycle in groups of 512, each with GpSimd's start-up",
    cycles: (call) => {
      const groups = Math.ceil(call.tile.indices.free / 512);
      const start = call.chip.engines.gpsimd.fixedCycles.value;
      return streaming(call, call.tile.indices.free + (groups - 1) * start);
    },
  },
});
