/** How the gradient of attention divides its work so that it fits SBUF: how many heads at once, and whether queries pass by repeatedly. */
import type { Chip } from "@opentrn/chips";
import type { AttentionSizes } from "@opentrn/ir";
import { P } from "./plan.ts";

export interface Division {
  /** Key heads whose queries and keys are on chip together. */
  readonly groups: number;
  /** Query heads of a key head that pass by a block of keys one after another before dk and dv of it leave PSUM. */
  readonly heads: number;
  /** Queries loaded at once. */
  readonly queries: number;
  /** Whether dq waits in HBM between blocks of keys, and queries are loaded again for each of them. */
  readonly spills: boolean;
  /** Whether the next part's tensors have room beside this one's. */
  readonly overlaps: boolean;
}

/** Heads times tokens worth loading at once: longer transfers do not help. */
const TOKENS = 4096;
/** Bytes of a partition for constants, columns and what alignment costs. */
const SLACK = 10 * 1024;

/** Bytes of a partition. */
interface Needs {
  /** A query of one head: q, do turned and not, o, their product, dq summed and rounded. */
  readonly query: number;
  /** A key of one head: k, v turned, k, dk and dv. */
  readonly key: number;
  /** A key's sums of dk and dv in fp32. */
  readonly sums: number;
}

function needsOf({ d }: AttentionSizes, width: number): Needs {
  const turned = Math.ceil(d / P) * width;
  const row = d / P;
  return {
    query: 2 * turned + row * (4 * width + 8),
    key: 2 * turned + row * 3 * width,
    sums: row * 8,
  };
}

/** `rings`: bytes of a partition that weights under way take. */
export function divide(chip: Chip, sizes: AttentionSizes, width: number, rings: number): Division {
  const { n, m, g, r } = sizes;
  const room = chip.sbuf.usableBytesPerPartition.value - SLACK - rings;
  const { query, key, sums } = needsOf(sizes, width);
  const whole = r * n * query + m * key;
  const all = { groups: 1, heads: r, queries: n, spills: false, overlaps: true };
  if (2 * whole <= room) {
    const most = Math.floor(Math.min(room / (2 * whole), TOKENS / Math.max(m, r * n)));
    return { ...all, groups: Math.min(g, Math.max(1, most)) };
  }
  if (whole <= room) return { ...all, overlaps: false };
  // Fewer heads at a time, whose dk and dv are then added up in SBUF.
  const left = room - m * (key + sums);
  for (const overlaps of [true, false]) {
    const heads = Math.floor(left / (n * query * (overlaps ? 2 : 1)));
    if (heads >= 1) return { ...all, heads: Math.min(r, heads), overlaps };
  }
  return { groups: 1, heads: r, queries: stripOf(room, query), spills: true, overlaps: true };
}

/** Queries of which two loads fit half the room. */
const stripOf = (room: number, query: number): number =>
  Math.max(P, Math.floor(Math.min(room / 4 / query, TOKENS) / P) * P);
