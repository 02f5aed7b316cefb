/** Evidence made by hand, for tests. */
import type { Evidence, RegimeShare } from "./regimes.ts";

export const evidence = (over: Partial<Evidence> = {}): Evidence => ({
  generation: "trn2",
  totalNs: 100_000,
  leastNs: 100_000,
  mostNs: 100_000,
  meanNs: 100_000,
  regimes: new Map<string, RegimeShare>([["nc_matmul 16 bit", { share: 1, basis: "measured" }]]),
  spent: new Map(),
  ...over,
});
