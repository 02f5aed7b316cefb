/** How many different bytes of a tensor a set of patterns covers, counted exactly on cells of their common divisor. */
import { type AccessPattern, forRuns, runsOf } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";

/** Cells and runs beyond these are not counted. */
const MOST_CELLS = 2 ** 26;
const MOST_RUNS = 2 ** 25;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Bytes of a pattern with every repetition counted, and without those of dimensions of stride 0. */
export function patternBytes(p: AccessPattern): { readonly moved: number; readonly once: number } {
  const size = bytesOf(p.dtype);
  let [moved, once] = [size, size];
  for (const [stride, count] of p.dims) {
    moved *= count;
    if (stride !== 0) once *= count;
  }
  return { moved, once };
}

/** Undefined where positions are decided at run time, or there are too many pieces to count. */
export function distinctBytes(
  patterns: readonly AccessPattern[],
  tensorBytes: number,
): number | undefined {
  const different = unique(patterns);
  let cell = 0;
  let runs = 0;
  for (const p of different) {
    if (p.dynamic) return undefined;
    const size = bytesOf(p.dtype);
    // Cells divide every run's start and length, so that each run covers whole cells.
    cell = gcd(cell, p.offset * size);
    let run = 1;
    let whole = true;
    for (const [stride, count] of p.dims.toReversed()) {
      if (count === 1 || stride === 0) continue;
      whole &&= stride === run;
      if (whole) run *= count;
      else cell = gcd(cell, Math.abs(stride) * size);
    }
    cell = gcd(cell, run * size);
    runs += runsOf(p);
  }
  if (different.length === 0) return 0;
  const cells = Math.ceil(tensorBytes / cell);
  if (cells > MOST_CELLS || runs > MOST_RUNS) return undefined;
  const seen = new Uint8Array(cells);
  for (const p of different)
    forRuns(p, 0, (from, to) => {
      seen.fill(1, from / cell, to / cell);
      return true;
    });
  let n = 0;
  for (const s of seen) n += s;
  return Math.min(n * cell, tensorBytes);
}

function unique(patterns: readonly AccessPattern[]): AccessPattern[] {
  const byKey = new Map<string, AccessPattern>();
  for (const p of patterns) byKey.set(`${p.dtype}|${p.offset}|${p.dims.join(";")}`, p);
  return [...byKey.values()];
}
