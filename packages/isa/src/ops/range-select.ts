import { instruction } from "../define.ts";
import { accumulate, commandOf } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { orderings } from "./comparisons.ts";
import { streaming, withReadOut } from "./engine-cost.ts";
import { floatFunction } from "./integer-alu.ts";
import { lanesOf } from "./shapes.ts";
import { columns, float32Tiles, floatTiles, oneOf, sameSizes } from "./shared-rules.ts";

/** The lowest finite fp32 value, the only fill the hardware has. */
const lowest = -3.4028234663852886e38;

export const rangeSelect = instruction({
  name: "range_select",
  summary:
    "dst = on_true_tile where the element's index compares true with both bounds, else the lowest fp32; keeps the row maximum.",
  source: "NKI API reference, nki.isa.range_select",
  generations: [3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    on_true_tile: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N], floating point" },
    bound0: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, 1] float32" },
    bound1: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, 1] float32" },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
    on_false_value: {
      role: "in",
      spaces: [],
      scalar: true,
      default: lowest,
      doc: "only the lowest float32",
    },
  },
  attrs: {
    comp_op0: { kind: "alu", doc: "comparison of the index with bound0" },
    comp_op1: { kind: "alu", doc: "comparison of the index with bound1" },
    reduce_cmd: {
      kind: "enum",
      values: reduceCommands,
      default: "reset_reduce",
      doc: "what happens to the accumulators",
    },
    reduce_op: { kind: "alu", default: "maximum", doc: "only maximum" },
    range_start: { kind: "int", default: 0, doc: "index of the first element" },
  },
  params: [
    "dst",
    "on_true_tile",
    "comp_op0",
    "comp_op1",
    "bound0",
    "bound1",
    "reduce_cmd",
    "reduce_res",
    "reduce_op",
    "range_start",
    "on_false_value",
  ],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "on_true_tile"),
    C2: columns("on_true_tile", "bound0", "bound1", "reduce_res"),
    C3: floatTiles("on_true_tile"),
    C4: float32Tiles("bound0", "bound1"),
    C5: oneOf("comp_op0", orderings),
    C6: oneOf("comp_op1", orderings),
    C7: oneOf("reduce_op", ["maximum"]),
    C8: commandOf("idle", "reset", "reduce", "reset_reduce"),
    C9: {
      says: "indices stay within 2^24, where fp32 counts exactly",
      broken: ({ tile: { on_true_tile: t }, attr: { range_start: start } }) =>
        start >= -(2 ** 24) && start + t.free <= 2 ** 24
          ? undefined
          : `indices run from ${start} to ${start + t.free - 1}`,
    },
    C10: {
      says: "on_false_value is the lowest float32, -3.4028235e38",
      broken: ({ immediate: { on_false_value: v } }) =>
        Math.fround(v!) === lowest ? undefined : `on_false_value is ${v}; use affine_select`,
    },
  },
  evaluate: ({ dst, on_true_tile, bound0, bound1, reduce_res }, { tile, attr }, state) => {
    const { partitions: P, free: N } = tile.on_true_tile;
    const [f0, f1] = [floatFunction(attr.comp_op0), floatFunction(attr.comp_op1)];
    const lanes = lanesOf(state.vectorAccumulator, tile.on_true_tile);
    for (let p = 0; p < P; p++) {
      const [low, high] = [bound0[p]!, bound1[p]!];
      for (let n = 0; n < N; n++) {
        const index = Math.fround(attr.range_start + n);
        const inside = f0(index, low) === 1 && f1(index, high) === 1;
        dst[p * N + n] = inside ? on_true_tile[p * N + n]! : lowest;
      }
      const row = dst.subarray(p * N, (p + 1) * N);
      const held = accumulate(lanes, p, attr.reduce_cmd, attr.reduce_op, row);
      if (tile.reduce_res) reduce_res[p] = held;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles, + one minimum interval to read the accumulators",
    source: "Neuron SDK 2.26.1 nki.isa.range_select; fixed part measured on trn2",
    cycles: (call) =>
      withReadOut(
        call,
        streaming(call, call.tile.on_true_tile.free),
        call.tile.reduce_res !== undefined,
      ),
  },
});
