/** Predicted times of attention on a trn2 core, and how Programs grow. Figures are what the timeline says, with little to spare. */
import { chipNamed } from "@opentrn/chips";
import type { Func } from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { timeOf } from "../../testing.ts";
import { lowerGroup } from "../lower-group.ts";
import { backwardOf, type Case, cachedOf, forwardOf } from "./cases.fixture.ts";

const chip = chipNamed("trn2");
const programOf = (fn: Func) => lowerGroup(fn, chip).program;
const microseconds = (fn: Func): number => timeOf(programOf(fn)).totalNs / 1000;

describe("time", () => {
  const gpt2: Case = { b: 2, n: 1024, h: 12, d: 64 };
  const cases: readonly (readonly [string, Func, number])[] = [
    ["forward, d 64", forwardOf(gpt2), 190],
    ["forward, d 128, grouped queries", forwardOf({ n: 2048, h: 8, g: 2, d: 128 }), 290],
    ["backward, d 64", backwardOf(gpt2), 265],
    ["backward, d 128, grouped queries", backwardOf({ n: 2048, h: 8, g: 2, d: 128 }), 385],
  ];
  test.each(cases)("%s", (_, fn, most) => {
    expect(microseconds(fn)).toBeLessThan(most);
  });

  test("decoding is bound by loading the cache", () => {
    const c = { b: 2, n: 1, m: 8192, h: 32, g: 8, d: 128, start: 0 };
    const time = timeOf(programOf(cachedOf(c)));
    expect(time.mbu).toBeGreaterThan(0.88);
  });
});

describe("instructions", () => {
  const count = (fn: Func): number => programOf(fn).starts.length;

  test("grow with heads and with scores", () => {
    for (const of of [forwardOf, backwardOf]) {
      const one = count(of({ n: 1024, h: 4, d: 64 }));
      expect(count(of({ n: 1024, h: 8, d: 64 })) / one).toBeLessThan(2.05);
      expect(count(of({ n: 2048, h: 4, d: 64 })) / one).toBeLessThan(4.2);
    }
  });

  test("never hold scores in HBM", () => {
    const c: Case = { n: 1024, h: 2, d: 64 };
    for (const fn of [forwardOf(c), backwardOf(c), cachedOf({ ...c, start: 0 })]) {
      const internal = programOf(fn).storages.filter(
        (s) => s.space === "hbm" && s.kind === "internal",
      );
      expect(internal).toEqual([]);
    }
  });
});
