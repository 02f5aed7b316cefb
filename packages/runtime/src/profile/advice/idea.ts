/** A change to a kernel that might make it faster, with the ways of making it that are tried. */
import type { Site } from "../execution.ts";
import type { Study } from "./study.ts";

export const adviceKinds = [
  "batch",
  "wider moving tile",
  "other engine",
  "other queue",
  "merge transfers",
  "keep in SBUF",
  "do not spill",
  "more buffers",
  "bf16 matmul",
  "contiguous layout",
  "group functions",
  "transpose by DMA",
  "more partitions",
  "reorder",
] as const;
export type AdviceKind = (typeof adviceKinds)[number];

/** What is wrong, what to change, and how to check it. */
export interface AdviceText {
  readonly says: string;
  readonly change: string;
  readonly check: string;
}

export interface Variant {
  /** The kernel's total with the change, nanoseconds: a timeline that was run with it. */
  readonly time: () => number;
  readonly text: AdviceText;
}

export interface Idea {
  readonly kind: AdviceKind;
  readonly site: Site;
  /** Ticks that it can save at most, roughly; ideas that promise more are tried first. */
  readonly weight: number;
  /** The best of them is reported, an earlier one before a later one that is hardly better. */
  readonly variants: readonly Variant[];
  /** at most: the change costs something that the rerun leaves out; `change` says what. */
  readonly gain: "expected" | "at most";
}

export type Adviser = (study: Study) => Iterable<Idea>;
