/**
 * all_reduce by addition of whole fp32 tensors, a piece at a time: what ranks of a data-parallel step do with their gradients. The same
 * sums as in collective.ts, without copies of whole tensors.
 */
import { encode } from "@opentrn/numerics";
import { elementsIn, isBlock } from "./dense.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { LaidOut } from "./operand.ts";

/** A rank's tensor and where the sum goes; the same place or another, but never partly. */
export interface Block {
  readonly src: Float32Array;
  readonly dst: Float32Array;
  readonly dstBits: Uint32Array;
}

/** The tensors as blocks, or undefined where elements have to move one by one. */
export function blocksOf(
  map: MemoryMap,
  src: readonly LaidOut[],
  dst: readonly LaidOut[],
): readonly Block[] | undefined {
  const ranges = [...src, ...dst].map(({ strided }) => {
    const from = strided.address >>> 2;
    return {
      from,
      to: from + elementsIn(strided),
      fits: strided.dtype === "float32" && isBlock(strided),
    };
  });
  if (ranges.some((r) => !r.fits)) return undefined;
  const [from, to] = [ranges.slice(0, src.length), ranges.slice(src.length)];
  const apart = to.every((d, n) =>
    [...from, ...to].every(
      (o, k) => d === o || (k === n && d.from === o.from) || d.to <= o.from || o.to <= d.from,
    ),
  );
  if (!apart) return undefined;
  return from.map((s, n) => {
    const d = to[n]!;
    return {
      src: map.f32.subarray(s.from, s.to),
      dst: map.f32.subarray(d.from, d.to),
      dstBits: map.u32.subarray(d.from, d.to),
    };
  });
}

/** Elements summed at a time; they stay in the host's first-level cache. */
const PIECE = 4096;

/** Sums tensor by tensor over `ranks`, which are in ascending order, one fp32 rounding a step. */
export function sumBlocks(ranks: readonly (readonly Block[])[]): void {
  const sum = new Float32Array(PIECE);
  const [first, ...others] = ranks;
  const nan = encode(Number.NaN, "float32");
  first!.forEach((block, t) => {
    for (let at = 0; at < block.src.length; at += PIECE) {
      const n = Math.min(PIECE, block.src.length - at);
      sum.set(block.src.subarray(at, at + n));
      // A sum in double precision rounds to fp32 as the fp32 sum does.
      for (const o of others) {
        const x = o[t]!.src.subarray(at, at + n);
        for (let i = 0; i < n; i++) sum[i]! += x[i]!;
      }
      const piece = n === PIECE ? sum : sum.subarray(0, n);
      const special = hasNan(piece, n);
      for (const rank of ranks) {
        rank[t]!.dst.set(piece, at);
        // What is computed is stored with the one NaN of its type.
        if (special)
          for (let i = 0; i < n; i++) if (Number.isNaN(piece[i]!)) rank[t]!.dstBits[at + i] = nan;
      }
    }
  });
}

/** NaN and infinity spread to a sum, so that one pass of additions answers. */
function hasNan(x: Float32Array, n: number): boolean {
  let total = 0;
  for (let i = 0; i < n; i++) total += x[i]! * 0;
  return Number.isNaN(total);
}
