import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { coreRows } from "./local-gather.ts";

/** Columns that `count` elements take in a snake over 16 partitions: element e lies in partition e % 16, column e / 16. */
const columns = (count: number): number => Math.ceil(count / coreRows);

export const topk = instruction({
  name: "topk",
  summary:
    "The K largest of the first n elements of every 16 partitions, ascending, with their positions; input and outputs are snakes.",
  source:
    "NKI API reference, nki.isa.topk; the outputs' snake form from nki-library, gpsimd_topk (public)",
  generations: [2, 3, 4],
  operands: {
    val_dst: {
      role: "inout",
      spaces: ["sbuf"],
      dtypes: ["bfloat16"],
      keeps: true,
      doc: "[P, K]: the first ceil(K / 16) columns are written",
    },
    idx_dst: {
      role: "inout",
      spaces: ["sbuf"],
      dtypes: ["uint32"],
      keeps: true,
      doc: "[P, K]: positions in the input snake",
    },
    src: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: ["bfloat16"],
      keeps: true,
      doc: "[P, at least ceil(n / 16)]",
    },
  },
  attrs: { n: { kind: "int", doc: "elements of each snake" } },
  params: ["val_dst", "idx_dst", "src", "n"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "n is 8 to 65535",
      broken: ({ attr: { n } }) => (n >= 8 && n < 65536 ? undefined : `n is ${n}`),
    },
    C2: {
      says: "K, the free size of val_dst, is 1 to 32767 and at most n",
      broken: ({ tile: { val_dst: v }, attr: { n } }) =>
        v.free < 32768 && v.free <= n ? undefined : `K is ${v.free} with n ${n}`,
    },
    C3: {
      says: "src has at least ceil(n / 16) elements per partition",
      broken: ({ tile: { src }, attr: { n } }) =>
        src.free >= columns(n)
          ? undefined
          : `src has ${src.free} elements per partition, needs ${columns(n)}`,
    },
    C4: {
      says: "all tiles have the same partitions, a multiple of 16",
      broken: ({ tile: { val_dst: v, idx_dst: i, src: s } }) =>
        s.partitions % coreRows === 0 &&
        v.partitions === s.partitions &&
        i.partitions === s.partitions
          ? undefined
          : `src has ${s.partitions} partitions, val_dst ${v.partitions}, idx_dst ${i.partitions}`,
    },
    C5: {
      says: "val_dst and idx_dst have the same free size",
      broken: ({ tile: { val_dst: v, idx_dst: i } }) =>
        v.free === i.free ? undefined : `val_dst is [${v.shape}] and idx_dst is [${i.shape}]`,
    },
  },
  bits: () => ["idx_dst"],
  // Of equal values the one earlier in the snake is the larger, and NaN is the smallest (our choice).
  evaluate: ({ val_dst, idx_dst, src }, { tile, attr: { n } }) => {
    const K = tile.val_dst.free;
    const width = tile.src.free;
    const slot = (group: number, e: number, free: number): number =>
      (group + (e % coreRows)) * free + Math.floor(e / coreRows);
    for (let group = 0; group < tile.src.partitions; group += coreRows) {
      const value = (e: number): number => src[slot(group, e, width)]!;
      const rank = (e: number): number =>
        Number.isNaN(value(e)) ? Number.NEGATIVE_INFINITY : value(e);
      const order = Array.from({ length: n }, (_, e) => e).sort(
        (a, b) => rank(b) - rank(a) || a - b,
      );
      for (let k = 0; k < K; k++) {
        const at = slot(group, k, K);
        idx_dst[at] = order[K - 1 - k]!;
        val_dst[at] = value(order[K - 1 - k]!);
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "4 n + K cycles + start-up",
    source: "NKI API reference, nki.isa.topk (NKI 0.6.0)",
    cycles: (call) => streaming(call, 4 * call.attr.n + call.tile.val_dst.free),
  },
});
