/** Adding up by key, and sites as reports show them. */
import type { Site } from "./execution.ts";
import type { SiteReport } from "./profile-report.ts";

export const siteReport = ({ file, line, instruction, engine, tensor }: Site): SiteReport => ({
  file,
  line,
  instruction,
  engine,
  tensor,
});

/** Sums with a count, by a numeric key. */
export class Sums {
  private readonly sums = new Map<number, { ticks: number; count: number }>();

  add(key: number, ticks: number): void {
    const s = this.sums.get(key);
    if (s) {
      s.ticks += ticks;
      s.count++;
    } else this.sums.set(key, { ticks, count: 1 });
  }

  get(key: number): number {
    return this.sums.get(key)?.ticks ?? 0;
  }

  /** Largest first; equal ones in order of appearance. */
  sorted(): { readonly key: number; readonly ticks: number; readonly count: number }[] {
    return [...this.sums].map(([key, s]) => ({ key, ...s })).sort((a, b) => b.ticks - a.ticks);
  }
}

/** `part / whole`, 0 when there is nothing. */
export const shareOf = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
