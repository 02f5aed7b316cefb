import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { coreRows } from "./local-gather.ts";

export const nonzeroWithCount = instruction({
  name: "nonzero_with_count",
  summary:
    "dst = positions of the nonzero elements, padding, and their count, in partitions 0, 16, … 112; the others stay as they are.",
  source: "NKI API reference, nki.isa.nonzero_with_count",
  generations: [3, 4],
  operands: {
    dst: { role: "inout", spaces: ["sbuf"], dtypes: ["int32"], keeps: true, doc: "[P, T + 1]" },
    src: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: ["float32", "int32"],
      keeps: true,
      doc: "[P, T]",
    },
  },
  attrs: {
    index_offset: { kind: "int", default: 0, doc: "added to every position" },
    padding_val: { kind: "int", default: -1, doc: "fills the slots without a position" },
  },
  params: ["dst", "src", "index_offset", "padding_val"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "dst has src's partitions and one element per partition more",
      broken: ({ tile: { dst, src } }) =>
        dst.partitions === src.partitions && dst.free === src.free + 1
          ? undefined
          : `dst is [${dst.shape}], must be [${src.partitions},${src.free + 1}]`,
    },
  },
  bits: () => ["dst"],
  evaluate: ({ dst, src }, { tile, attr }) => {
    const { partitions: P, free: T } = tile.src;
    for (let p = 0; p < P; p += coreRows) {
      const out = dst.subarray(p * (T + 1), (p + 1) * (T + 1));
      let count = 0;
      for (let t = 0; t < T; t++)
        if (src[p * T + t] !== 0) out[count++] = (t + attr.index_offset) >>> 0;
      out.fill(attr.padding_val >>> 0, count, T);
      out[T] = count;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one element a cycle",
    cycles: (call) => streaming(call, call.tile.src.free),
  },
});
