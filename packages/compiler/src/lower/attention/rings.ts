/** How many buffers a ring needs so that nothing is overwritten before it was read. */

/** A tenant of a ring: the rounds in which it is first written and last read. */
export interface Tenure {
  readonly from: number;
  readonly to: number;
}

/** The least count such that tenant i + count comes only after tenant i has gone. */
export function ringSize(tenants: readonly Tenure[]): number {
  let count = 1;
  tenants.forEach(({ to }, i) => {
    while ((tenants[i + count]?.from ?? Number.POSITIVE_INFINITY) <= to) count++;
  });
  return count;
}
