import { bnStats as statistics } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";

export const bnStats = instruction({
  name: "bn_stats",
  summary:
    "dst = count, mean and variance * count of the even, then of the odd elements of each partition.",
  source: "NKI API reference, nki.isa.bn_stats",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, 6]" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N], N at most 512" },
  },
  attrs: {},
  params: ["dst", "data"],
  engines: () => ["vector"],
  rules: {
    C1: {
      says: "data has at most 512 elements per partition",
      broken: ({ tile: { data } }) =>
        data.free <= 512
          ? undefined
          : `data has ${data.free} elements per partition; split it and join the parts with bn_aggr`,
    },
    C2: {
      says: "dst has data's partitions and 6 elements per partition",
      broken: ({ tile: { dst, data } }) =>
        dst.partitions === data.partitions && dst.free === 6
          ? undefined
          : `dst is [${dst.shape}], must be [${data.partitions},6]`,
    },
  },
  evaluate: ({ dst, data }, { tile }) => {
    const { partitions: P, free: N } = tile.data;
    for (let p = 0; p < P; p++) dst.set(statistics(data.subarray(p * N, (p + 1) * N)), p * 6);
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles",
    source: "Neuron SDK 2.26.1 nki.isa.bn_stats; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.data.free),
  },
});
