import { bnAggregate, bnStats } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, convertible, stored } from "../test-support/strided.ts";

const bench = new Bench(6);
const { random, arena, exports } = bench;

describe("bn_stats", () => {
  it("gives count, mean and variance * count of even and odd elements", () => {
    for (let round = 0; round < 60; round++) {
      bench.reset();
      const [p, f] = [1 + random.below(20), random.pick([1, 2, 3, 30, 511, 512])];
      const data = bench.fill(bench.array(random.pick(convertible), [p, f]), round % 2 === 0);
      const dst = bench.fill(bench.array(random.pick(convertible), [p, 6]));
      const x = data.values();
      const expected = Array.from({ length: p }, (_, i) =>
        bnStats(x.slice(i * f, (i + 1) * f)),
      ).flat();
      const [d, s] = [dst, data].map((t) => arena.operand(t.operand));
      bench.expectWrites(() => exports.bnStats(d!, s!), [dst, stored(expected, dst.dtype)]);
    }
  });

  it("refuses more than 512 elements", () => {
    bench.reset();
    const [d, s] = [bench.tile("float32", 1, 6), bench.tile("float32", 1, 513)].map((t) =>
      arena.operand(t.operand),
    );
    expect(exports.bnStats(d!, s!)).toBe(2);
  });
});

describe("bn_aggr", () => {
  it("combines triples into mean and variance", () => {
    for (let round = 0; round < 60; round++) {
      bench.reset();
      const [p, n] = [1 + random.below(9), 3 * random.pick([1, 2, 5, 400])];
      const data = bench.fill(bench.array(random.pick(convertible), [p, n]), round % 2 === 0);
      const dst = bench.fill(bench.array(random.pick(convertible), [p, 2]));
      const x = data.values();
      const expected = Array.from({ length: p }, (_, i) =>
        bnAggregate(x.slice(i * n, (i + 1) * n)),
      ).flat();
      const [d, s] = [dst, data].map((t) => arena.operand(t.operand));
      bench.expectWrites(() => exports.bnAggregate(d!, s!), [dst, stored(expected, dst.dtype)]);
    }
  });
});
