import { encode } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { affineRow, patternFills, patternForm } from "./affine-pattern.ts";
import { comparisons } from "./comparisons.ts";
import { streaming } from "./engine-cost.ts";
import { floatFunction } from "./integer-alu.ts";
import { oneOf, sameSizes } from "./shared-rules.ts";

export const affineSelect = instruction({
  name: "affine_select",
  summary:
    "dst = on_true_tile where an affine expression of the position compares true with 0, else a constant; on GpSimd.",
  source: "NKI API reference, nki.isa.affine_select",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf"], doc: "[P, N]" },
    on_true_tile: { role: "in", spaces: ["sbuf"], doc: "[P, N]" },
    on_false_value: { role: "in", spaces: [], scalar: true, doc: "float32 constant" },
  },
  attrs: {
    pattern: { kind: "ints", doc: "[step, count] pairs, outermost first, flattened" },
    channel_multiplier: { kind: "int", doc: "int32 step between partitions" },
    cmp_op: { kind: "alu", default: "equal", doc: "comparison of the affine value with 0" },
    offset: { kind: "int", default: 0, doc: "int32" },
  },
  params: [
    "dst",
    "pattern",
    "channel_multiplier",
    "on_true_tile",
    "on_false_value",
    "cmp_op",
    "offset",
  ],
  engines: () => ["gpsimd"],
  rules: {
    C1: sameSizes("dst", "on_true_tile"),
    C2: patternForm,
    C3: patternFills("dst"),
    C4: oneOf("cmp_op", comparisons),
  },
  // The constant has no packed form.
  bits: ({ tile: { dst, on_true_tile: t } }) =>
    dst.dtype === t.dtype && !dst.dtype.endsWith("_x4") ? ["dst", "on_true_tile"] : [],
  evaluate: ({ dst, on_true_tile }, call) => {
    const { partitions: P, free: N, dtype } = call.tile.dst;
    const fill = Math.fround(call.immediate.on_false_value!);
    const value = dst instanceof Uint32Array ? encode(fill, dtype) : fill;
    const holds = floatFunction(call.attr.cmp_op);
    for (let p = 0; p < P; p++) {
      const row = affineRow(call, p);
      for (let n = 0; n < N; n++)
        dst[p * N + n] = holds(row[n]!, 0) === 1 ? on_true_tile[p * N + n]! : value;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles (150)",
    source: "Neuron SDK 2.26.1 nki.isa.affine_select",
    cycles: (call) => streaming(call, call.tile.dst.free),
  },
});
