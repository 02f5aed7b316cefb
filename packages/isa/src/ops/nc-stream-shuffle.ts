import { instruction, type Tile } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { sameType } from "./shared-rules.ts";

const quadrant = 32;
/** Mask value that leaves a partition as it is. */
const untouched = 255;

export const ncStreamShuffle = instruction({
  name: "nc_stream_shuffle",
  summary:
    "dst[32 q + i] = src[32 q + shuffle_mask[i]] in every quadrant q of 32 partitions; 255 leaves a partition as it is.",
  source: "NKI API reference, nki.isa.nc_stream_shuffle",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "inout", spaces: ["sbuf", "psum"], keeps: true, doc: "[P, N]" },
    src: { role: "in", spaces: ["sbuf", "psum"], doc: "[Q, N]" },
  },
  attrs: { shuffle_mask: { kind: "ints", doc: "32 source partitions, or 255" } },
  params: ["dst", "src", "shuffle_mask"],
  engines: () => ["vector"],
  rules: {
    C1: sameType("dst", "src"),
    C2: {
      says: "dst and src have the same elements per partition",
      broken: ({ tile: { dst, src } }) =>
        dst.free === src.free ? undefined : `dst is [${dst.shape}] and src is [${src.shape}]`,
    },
    C3: {
      says: "shuffle_mask has 32 entries, each 0 to 31 or 255",
      broken: ({ attr: { shuffle_mask: m } }) => {
        if (m.length !== quadrant) return `shuffle_mask has ${m.length} entries`;
        const wrong = m.find((v) => v !== untouched && (v < 0 || v >= quadrant));
        return wrong === undefined ? undefined : `shuffle_mask holds ${wrong}`;
      },
    },
    C4: {
      says: "with the larger of both sizes rounded up to 32: 96 and 128 partitions start at 0, 64 at 0 or 64",
      broken: ({ tile: { dst, src } }) => {
        const active = Math.ceil(Math.max(dst.partitions, src.partitions) / quadrant) * quadrant;
        const step = active > 64 ? 128 : active;
        const wrong = (
          [
            ["dst", dst],
            ["src", src],
          ] as [string, Tile][]
        ).find(([, t]) => t.startPartition % step !== 0);
        return (
          wrong &&
          `${wrong[0]} starts at partition ${wrong[1].startPartition} with ${active} active partitions`
        );
      },
    },
    C5: {
      says: "every partition of dst that the mask fills comes from a partition of src",
      broken: ({ tile: { dst, src }, attr: { shuffle_mask: m } }) => {
        for (let p = 0; p < dst.partitions; p++) {
          const from = m[p % quadrant]!;
          const at = p - (p % quadrant) + from;
          if (from !== untouched && at >= src.partitions)
            return `dst partition ${p} reads src partition ${at}; src has ${src.partitions}`;
        }
        return undefined;
      },
    },
  },
  bits: () => ["dst", "src"],
  evaluate: ({ dst, src }, { tile, attr: { shuffle_mask: m } }) => {
    const N = tile.dst.free;
    for (let p = 0; p < tile.dst.partitions; p++) {
      const from = m[p % quadrant]!;
      if (from === untouched) continue;
      const at = (p - (p % quadrant) + from) * N;
      dst.set(src.subarray(at, at + N), p * N);
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N + fixed cycles",
    source: "Neuron SDK 2.26.1 nki.isa.nc_stream_shuffle; fixed part measured on trn2",
    cycles: (call) => streaming(call, call.tile.src.free),
  },
});
