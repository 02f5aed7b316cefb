import { isFloat } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { perPartition } from "./alu-operands.ts";
import { streaming } from "./engine-cost.ts";
import { columns, sameSizes, sameType } from "./shared-rules.ts";
import { laneState, nextBits, streamsOf, unitInterval } from "./xorwow.ts";

export const dropout = instruction({
  name: "dropout",
  summary:
    "dst = data with each element replaced by 0 with probability prob; kept elements are not rescaled.",
  source: "NKI API reference, nki.isa.dropout",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    prob: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      doc: "number or [P, 1]: drop probability",
    },
  },
  attrs: {},
  params: ["dst", "data", "prob"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "data"),
    C2: columns("data", "prob"),
    C3: sameType("dst", "data"),
    C4: {
      says: "a prob tensor is floating point, and float32 for integer data",
      broken: ({ tile: { data, prob } }) =>
        prob === undefined || (isFloat(data.dtype) ? isFloat(prob.dtype) : prob.dtype === "float32")
          ? undefined
          : `prob is ${prob.dtype} and data is ${data.dtype}; make prob float32`,
    },
  },
  bits: () => ["dst", "data"],
  evaluate: (operands, call, state) => {
    const { dst, data } = operands;
    const { partitions: P, free: N } = call.tile.data;
    const probability = perPartition(call, operands, "prob");
    const streams = streamsOf("vector");
    for (let p = 0; p < P; p++) {
      const lane = laneState(state, "vector", call.tile.data, p);
      const drop = probability(p);
      for (let n = 0; n < N; n++) {
        const u = unitInterval(nextBits(lane, n % streams));
        dst[p * N + n] = u < drop ? 0 : data[p * N + n]!;
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles, + pointer cycles for a tensor prob",
    source: "Neuron SDK 2.26.1 nki.isa.dropout; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.data.free, 1, call.tile.prob ? 1 : 0),
  },
});
