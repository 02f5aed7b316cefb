/** Ways to divide the gradient of attention so that it fits SBUF: how many heads at once, and whether queries pass by repeatedly. */
import type { AttentionSizes } from "@opentrn/ir";
import { P } from "./plan.ts";

export interface Division {
  /** Key heads whose queries and keys are on chip together. */
  readonly groups: number;
  /** Query heads of a key head that pass by all its keys before the next ones do; dk and dv of passes are added up in SBUF. */
  readonly heads: number;
  /** Queries loaded at once. */
  readonly queries: number;
  /** Whether dq waits in HBM between blocks of keys, and queries are loaded again for each of them. */
  readonly spills: boolean;
  /** Whether the next part's tensors have room beside this one's. */
  readonly overlaps: boolean;
}

/** Heads times tokens loaded at once: longer transfers than the first do not help. */
const TOKENS = [4096, 2048, 1024] as const;
/** Queries loaded at once where they pass by repeatedly. */
const STRIPS = [2048, 1024, 512, 256, 128] as const;

/** Kinds of divisions, from what is fastest to what needs least memory. */
export function divisionsOf({ n, m, g, r }: AttentionSizes): readonly (readonly Division[])[] {
  const all = { groups: 1, heads: r, queries: n, spills: false, overlaps: true };
  const most = (tokens: number): number =>
    Math.min(g, Math.max(1, Math.floor(tokens / Math.max(m, r * n))));
  const abreast = [...new Set(TOKENS.map(most))].map((groups) => ({ ...all, groups }));
  const passes: Division[] = [];
  for (let heads = r; heads > 1; ) {
    heads = Math.ceil(heads / 2);
    passes.push({ ...all, heads });
  }
  const apart = [all, ...passes].map((d) => ({ ...d, overlaps: false }));
  const strips = STRIPS.map((strip) => {
    const queries = Math.min(strip, Math.ceil(n / P) * P);
    return { ...all, queries, spills: true };
  });
  return [[...abreast, ...passes], apart, strips];
}

/** Bytes of a partition that sums of dk and dv in fp32 take, for so many keys: only where several passes are added up. */
export const sumBytes = ({ m, d, r }: AttentionSizes, { heads }: Division): number =>
  heads < r ? 2 * Math.ceil(m / P) * d * 4 : 0;
