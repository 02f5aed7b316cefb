/** Medians of wall-clock time; a first run warms up and is not counted. */

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Median seconds of one call, over at least `runs` calls and about `seconds` in total. */
export function medianSeconds(job: () => void, seconds = 0.5, runs = 5): number {
  job();
  const taken: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (taken.length < runs || performance.now() < until) {
    const started = performance.now();
    job();
    taken.push((performance.now() - started) / 1000);
  }
  return median(taken);
}

export async function medianSecondsAsync(job: () => Promise<void>, runs: number): Promise<number> {
  await job();
  const taken: number[] = [];
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await job();
    taken.push((performance.now() - started) / 1000);
  }
  return median(taken);
}
