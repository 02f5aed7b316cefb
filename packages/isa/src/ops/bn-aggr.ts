import { bnAggregate } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";

export const bnAggr = instruction({
  name: "bn_aggr",
  summary: "dst = mean and variance of each partition, joined from results of bn_stats.",
  source: "NKI API reference, nki.isa.bn_aggr",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, 2]: mean, population variance" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, 3k]: count, mean, variance * count" },
  },
  attrs: {},
  params: ["dst", "data"],
  engines: () => ["vector"],
  rules: {
    C1: {
      says: "data holds triples: a multiple of 3 elements per partition",
      broken: ({ tile: { data } }) =>
        data.free % 3 === 0 ? undefined : `data has ${data.free} elements per partition`,
    },
    C2: {
      says: "dst has data's partitions and 2 elements per partition",
      broken: ({ tile: { dst, data } }) =>
        dst.partitions === data.partitions && dst.free === 2
          ? undefined
          : `dst is [${dst.shape}], must be [${data.partitions},2]`,
    },
  },
  evaluate: ({ dst, data }, { tile }) => {
    const { partitions: P, free: N } = tile.data;
    for (let p = 0; p < P; p++) dst.set(bnAggregate(data.subarray(p * N, (p + 1) * N)), p * 2);
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "13 cycles a triple + fixed cycles",
    source: "Neuron SDK 2.26.1 nki.isa.bn_aggr; fixed part measured on trn2",
    cycles: (call) => streaming(call, (13 * call.tile.data.free) / 3),
  },
});
