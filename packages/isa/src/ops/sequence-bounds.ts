import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";

/** Start and exclusive end of the run that each position belongs to; n and -1 where the id is 0. */
function boundsOf(ids: ArrayLike<number>): [starts: number[], ends: number[]] {
  const n = ids.length;
  const starts = new Array<number>(n).fill(n);
  const ends = new Array<number>(n).fill(-1);
  for (let from = 0, to = 0; from < n; from = to) {
    to = from + 1;
    while (to < n && ids[to] === ids[from]) to++;
    if (ids[from] !== 0) {
      starts.fill(from, from, to);
      ends.fill(to, from, to);
    }
  }
  return [starts, ends];
}

export const sequenceBounds = instruction({
  name: "sequence_bounds",
  summary:
    "dst = for each element, where the run of its segment id starts and where it ends (exclusive); padding (id 0) gets n and -1.",
  source: "NKI API reference, nki.isa.sequence_bounds",
  generations: [2, 3, 4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf"],
      dtypes: ["float32", "int32"],
      doc: "[1, 2, n]: starts, then ends",
    },
    segment_ids: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: ["float32", "int32"],
      doc: "[1, n], not negative",
    },
  },
  attrs: {},
  params: ["dst", "segment_ids"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "dst and segment_ids have one partition",
      broken: ({ tile: { dst, segment_ids: s } }) =>
        dst.partitions === 1 && s.partitions === 1
          ? undefined
          : `dst is [${dst.shape}] and segment_ids is [${s.shape}]`,
    },
    C2: {
      says: "dst holds two values for each segment id",
      broken: ({ tile: { dst, segment_ids: s } }) =>
        dst.free === 2 * s.free ? undefined : `dst is [${dst.shape}], must be [1,2,${s.free}]`,
    },
  },
  evaluate: ({ dst, segment_ids }) => {
    const [starts, ends] = boundsOf(segment_ids);
    dst.set(starts);
    dst.set(ends, starts.length);
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one pass in each direction",
    cycles: (call) => streaming(call, 2 * call.tile.segment_ids.free),
  },
});
