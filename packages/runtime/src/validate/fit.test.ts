import { expect, it } from "vitest";
import { evidence } from "../uncertainty/evidence.testing.ts";
import { coverageByGroup, fitMeasured, fitResiduals } from "./fit.ts";
import { type CheckedRow, judged } from "./validation.ts";

const tables = {
  residuals: {
    low: 0,
    high: 0,
    collectives: { low: 0, high: 0 },
    generations: ["trn2"],
  },
  measured: { trn2: { shortestUs: 1, regimes: [] } },
};

/** A latency of `ratio` times the predicted 100 us. */
const row = (family: string, ratio: number, over: object = {}, of = evidence()): CheckedRow =>
  judged(
    {
      row: {
        id: `${family} ${ratio}`,
        kernel: family,
        family,
        generation: "trn2",
        shapes: {},
        dtype: "fp32",
        metric: "latency",
        value: 100 * ratio,
        trust: "A",
        ...over,
      },
      predicted: 100,
      errorPct: 100 * (1 / ratio - 1),
      kernel: "",
      cores: 1,
      evidence: of,
      besideNs: 0,
    },
    tables,
  );
const many = (n: number, family: string, ratio: number): CheckedRow[] =>
  Array.from({ length: n }, () => row(family, ratio));

it("residuals are percentiles over families, however many rows each has", () => {
  const checked = [...many(100, "a", 1.01), ...many(5, "b", 1.3), ...many(5, "c", 0.8)];
  const { low, high, generations } = fitResiduals(checked);
  // A third of the weight each: the outer twentieths lie in b and c, which are a twelfth of the rows.
  expect(high).toBe(0.263); // log 1.3, three digits outwards
  expect(low).toBe(-0.224);
  expect(generations).toEqual(["trn2"]);
});

it("leaves out what the duty limiter explains, rows of low trust and figures that are no times", () => {
  const free = evidence({ leastNs: 90_000, mostNs: 200_000 });
  const checked = [
    row("a", 1.9, {}, free),
    row("b", 0.5, { trust: "C" }),
    row("c", 0.5, { metric: "hbm_read_mb" }),
    row("d", 0.5, { kind: "threshold" }),
  ];
  expect(fitResiduals(checked)).toMatchObject({ low: 0, high: 0 });
  const beyond = fitResiduals([row("a", 2.2, {}, free)]);
  expect(beyond.high).toBe(0.096); // log 1.1
});

it("a rate's residual is that of the time", () => {
  const { low } = fitResiduals([row("a", 1.25, { metric: "tflops" })]);
  // 1.25 times the predicted rate is 0.8 times the time.
  expect(low).toBe(-0.224);
});

it("what measured kernels cover is what they spend a twentieth of their time in", () => {
  const regimes = new Map([
    ["x", { share: 0.95, basis: "measured" as const }],
    ["y", { share: 0.04, basis: "measured" as const }],
  ]);
  expect(fitMeasured([row("a", 1, {}, evidence({ regimes, meanNs: 12_340 }))])).toEqual({
    trn2: { shortestUs: 12.3, regimes: ["x"] },
  });
});

it("coverage says what the other families' ranges would have held", () => {
  const checked = [...many(10, "a", 1.05), ...many(10, "b", 1.04), ...many(4, "c", 1.5)];
  const [a, b, c] = coverageByGroup(checked);
  expect(a).toMatchObject({ group: "trn2 a", rows: 10, within: 10, withinUnseen: 10 });
  expect(b).toMatchObject({ within: 10 });
  expect(c).toMatchObject({ within: 4, withinUnseen: 0 });
});

it("collectives have residuals of their own, and what contradicts the model covers nothing", () => {
  const regimes = (key: string) => new Map([[key, { share: 1, basis: "measured" as const }]]);
  const collective = (ratio: number, key: string) =>
    row("c", ratio, { metric: "collective_latency" }, evidence({ regimes: regimes(key) }));
  const checked = [
    row("a", 1.1),
    collective(1.3, "on one chip"),
    collective(3, "between machines"),
  ];
  expect(fitResiduals(checked)).toMatchObject({ high: 0.096, collectives: { high: 0.263 } });
  expect(fitMeasured(checked)["trn2"]!.regimes).toEqual(["nc_matmul 16 bit", "on one chip"]);
});
