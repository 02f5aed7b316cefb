import { OpenTrnError } from "@opentrn/base";
import { bytesOf } from "@opentrn/numerics";
import { type AnyCall, instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { sameType } from "./shared-rules.ts";

/** Partitions that one GpSimd core is wired to. */
export const coreRows = 16;

/** Indices that each GpSimd core uses: those asked for, or all of its 16 partitions of `index`. */
const indexCount = (call: Pick<AnyCall, "tile" | "attr">): number =>
  (call.attr["num_valid_indices"] as number) || coreRows * call.tile["index"]!.free;

export const localGather = instruction({
  name: "local_gather",
  summary:
    "Each GpSimd core gathers elements of its 16 partitions of src_buffer at the positions that its 16 partitions of index list.",
  source: "NKI API reference, nki.isa.local_gather",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf"], doc: "[P, indices x elements per index]" },
    src_buffer: { role: "in", spaces: ["sbuf"], doc: "[P, N], P a multiple of 16" },
    index: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: ["uint16"],
      doc: "[P, K]: element positions, partition first within 16 partitions",
    },
  },
  attrs: {
    num_elem_per_idx: { kind: "int", default: 1, doc: "contiguous elements read at each index" },
    num_valid_indices: { kind: "int", default: 0, doc: "indices used per core; 0: all of them" },
  },
  params: ["dst", "src_buffer", "index", "num_elem_per_idx", "num_valid_indices"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "src_buffer and index have the same partitions, a multiple of 16",
      broken: ({ tile: { src_buffer: s, index: i } }) =>
        s.partitions === i.partitions && s.partitions % coreRows === 0
          ? undefined
          : `src_buffer has ${s.partitions} partitions, index ${i.partitions}`,
    },
    C2: {
      says: "num_elem_per_idx is 1, 2, 4, 8, 16 or 32",
      broken: ({ attr: { num_elem_per_idx: n } }) =>
        [1, 2, 4, 8, 16, 32].includes(n) ? undefined : `num_elem_per_idx is ${n}`,
    },
    C3: {
      says: "a core uses at most 4096 indices, and no more than its 16 partitions of index hold",
      broken: (call) => {
        const n = indexCount(call);
        const held = coreRows * call.tile.index.free;
        return n >= 1 && n <= 4096 && n <= held ? undefined : `a core uses ${n} indices of ${held}`;
      },
    },
    C4: sameType("dst", "src_buffer"),
    C5: {
      says: "dst has src_buffer's partitions and indices x num_elem_per_idx elements per partition",
      broken: (call) => {
        const { dst, src_buffer: s } = call.tile;
        const want = indexCount(call) * call.attr.num_elem_per_idx;
        return dst.partitions === s.partitions && dst.free === want
          ? undefined
          : `dst is [${dst.shape}], must be [${s.partitions},${want}]`;
      },
    },
  },
  bits: () => ["dst", "src_buffer", "index"],
  evaluate: ({ dst, src_buffer, index }, call) => {
    const { src_buffer: s, index: i } = call.tile;
    const each = call.attr.num_elem_per_idx;
    const n = indexCount(call);
    for (let p = 0; p < s.partitions; p++) {
      const core = p - (p % coreRows);
      for (let k = 0; k < n; k++) {
        const at = index[(core + (k % coreRows)) * i.free + Math.floor(k / coreRows)]!;
        if (at + each > s.free)
          throw new OpenTrnError(
            `local_gather: index ${at} (number ${k} of the core at partition ${core}) reads to element ${at + each - 1}; src_buffer has ${s.free} per partition`,
            { category: "out of bounds", rule: "local_gather index" },
          );
        for (let e = 0; e < each; e++)
          dst[(p * n + k) * each + e] = src_buffer[p * s.free + at + e]!;
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula:
      "150 + indices x e / C cycles, C = ((28 + 4 e) / (4 e)) / min(4 / element bytes, e), e elements per index",
    source: "Neuron SDK 2.26.1 nki.isa.local_gather",
    cycles: (call) => {
      const e = call.attr.num_elem_per_idx;
      const size = bytesOf(call.tile.src_buffer.dtype);
      const c = (28 + 4 * e) / (4 * e) / Math.min(4 / size, e);
      return streaming(call, (indexCount(call) * e) / c);
    },
  },
});
