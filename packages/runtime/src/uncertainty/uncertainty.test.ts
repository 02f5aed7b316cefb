import { describe, expect, it } from "vitest";
import { outsideOf } from "./envelope.ts";
import { evidence } from "./evidence.testing.ts";
import { fitted } from "./fitted.generated.ts";
import { rangeOf, weakness } from "./range.ts";
import type { RegimeShare } from "./regimes.ts";
import { tablesFile } from "./tables.ts";

const residuals = {
  low: -0.1,
  high: 0.2,
  collectives: { low: -0.3, high: 0.5 },
  generations: ["trn2"],
};
const measured = { trn2: { shortestUs: 20, regimes: ["nc_matmul 16 bit", "dma_copy by ring"] } };
const of = (entries: Record<string, RegimeShare>) => new Map(Object.entries(entries));

describe("a range", () => {
  it("holds what measured kernels leave unexplained", () => {
    const { low, high } = rangeOf(evidence(), 0, residuals);
    expect(low).toBeCloseTo(100_000 * Math.exp(-0.1), 6);
    expect(high).toBeCloseTo(100_000 * Math.exp(0.2), 6);
  });

  it("begins at the shortest and the longest of what the duty limiter may do", () => {
    const e = evidence({ leastNs: 80_000, mostNs: 190_000 });
    const { low, high } = rangeOf(e, 5_000, residuals);
    expect(low).toBeCloseTo(85_000 * Math.exp(-0.1), 6);
    expect(high).toBeCloseTo(195_000 * Math.exp(0.2), 6);
  });

  it("is wider by the share of assumed and unknown costs", () => {
    const regimes = of({
      a: { share: 0.5, basis: "measured" },
      b: { share: 0.3, basis: "unknown" },
      c: { share: 0.2, basis: "assumed" },
    });
    const weak = weakness(evidence({ regimes }));
    expect(weak).toBeCloseTo(0.3 * Math.log(2) + 0.2 * Math.log(1.5), 12);
    expect(rangeOf(evidence({ regimes }), 0, residuals).high).toBeCloseTo(
      100_000 * Math.exp(0.2 + weak),
      6,
    );
  });

  it("has the spread of collectives for the time that they take", () => {
    const regimes = of({
      a: { share: 0.75, basis: "measured" },
      "all_reduce on one chip": { share: 0.25, basis: "measured", fabric: true },
    });
    const { low, high } = rangeOf(evidence({ regimes }), 0, residuals);
    expect(Math.log(low / 100_000)).toBeCloseTo(0.75 * -0.1 + 0.25 * -0.3, 12);
    expect(Math.log(high / 100_000)).toBeCloseTo(0.75 * 0.2 + 0.25 * 0.5, 12);
  });

  it("has twice the spread for a chip of which no kernel was measured", () => {
    const { low, high } = rangeOf(evidence({ generation: "trn3" }), 0, residuals);
    expect(Math.log(low / 100_000)).toBeCloseTo(-0.2, 12);
    expect(Math.log(high / 100_000)).toBeCloseTo(0.4, 12);
  });
});

describe("the envelope", () => {
  it("holds kernels whose work measured ones have", () => {
    expect(outsideOf(evidence(), measured)).toEqual([]);
  });

  it("names the work that none has, weightiest first, once it takes a twentieth of the time", () => {
    const regimes = of({
      "nc_matmul 16 bit": { share: 0.9, basis: "measured" },
      "topk on vector": { share: 0.02, basis: "unknown" },
      "iota on gpsimd": { share: 0.08, basis: "documented" },
    });
    expect(outsideOf(evidence({ regimes }), measured)).toEqual([
      "8 % of the time is in iota on gpsimd, which no measured kernel on trn2 has",
      "2 % of the time is in topk on vector, which no measured kernel on trn2 has",
    ]);
    const little = of({
      "nc_matmul 16 bit": { share: 0.96, basis: "measured" },
      "topk on vector": { share: 0.04, basis: "unknown" },
    });
    expect(outsideOf(evidence({ regimes: little }), measured)).toEqual([]);
  });

  it("ends below half the shortest measured kernel, and at chips that were not measured", () => {
    expect(outsideOf(evidence({ meanNs: 9_000 }), measured)).toEqual([
      "it takes less than half the time of the shortest kernel measured on trn2 (20 µs)",
    ]);
    const between = of({
      "nc_matmul 16 bit": { share: 1, basis: "measured", fabric: true },
    });
    expect(outsideOf(evidence({ meanNs: 9_000, regimes: between }), measured)).toEqual([]);
    expect(outsideOf(evidence({ generation: "trn3" }), measured)).toEqual([
      "no kernel on trn3 was compared with a measurement",
    ]);
  });
});

it("tables are written as the file that is read", () => {
  expect(tablesFile({ residuals, measured })).toContain(
    'export const fitted: Tables = {\n  "residuals": {\n    "low": -0.1,',
  );
  expect(fitted.residuals.low).toBeLessThan(0);
  expect(fitted.residuals.high).toBeGreaterThan(0);
  expect(Object.keys(fitted.measured)).toEqual(["inf2", "trn1", "trn2"]);
});
