/** What a conformance run says: one row a kernel, as python/nki_conformance writes it. */
import { OpenTrnError } from "@opentrn/base";

export const statuses = ["pass", "fail", "unsupported", "invalid"] as const;
export type Status = (typeof statuses)[number];

export interface KernelRow {
  /** Path inside the checkout. */
  readonly file: string;
  readonly kernel: string;
  /** Package the kernel is written for: `nki` or `neuronxcc.nki`. */
  readonly api: string;
  readonly status: Status;
  /** Why it did not pass, or what its pass rests on; may be empty. */
  readonly reason: string;
  /** Milliseconds spent in calls of the kernel. */
  readonly ms: number;
}

export interface ConformanceResult {
  /** Commit of the checkout; null where git does not know one. */
  readonly commit: string | null;
  readonly kernels: readonly KernelRow[];
  readonly counts: Readonly<Record<Status, number>>;
}

/** Reads the child's answer; anything else is an internal error. */
export function readResult(text: string): ConformanceResult {
  try {
    const value = JSON.parse(text) as ConformanceResult;
    if (Array.isArray(value.kernels) && typeof value.counts === "object") return value;
  } catch {
    // Falls through to the error below.
  }
  throw new OpenTrnError(
    `the conformance run answered with ${text.length} characters that are no result`,
    { category: "internal" },
  );
}
