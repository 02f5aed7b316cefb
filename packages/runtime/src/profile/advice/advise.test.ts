import { OpenTrnError } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import type { Site } from "../execution.ts";
import { ranked } from "./advise.ts";
import type { Idea } from "./idea.ts";

const site: Site = {
  id: 0,
  file: "k.py",
  line: 1,
  instruction: "memset",
  engine: "vector",
  tensor: null,
};
const text = (says: string) => ({ says, change: "", check: "" });

/** An idea that a kernel of 1000 ns would take `totals` ns with. */
const idea = (says: string, weightNs: number, ...totals: (number | Error)[]): Idea => ({
  kind: "batch",
  site,
  weight: weightNs * 1000,
  gain: "expected",
  variants: totals.map((t, i) => ({
    time: () => {
      if (t instanceof Error) throw t;
      return t;
    },
    text: text(`${says} ${i}`),
  })),
});
const circle = new OpenTrnError("waits for ever", { category: "invalid program" });
const says = (ideas: readonly Idea[], budget = 1e9) =>
  ranked(ideas, 1000, 10, { budget }).advice.map((a) => [a.says, a.gain_ns]);

describe("ranked", () => {
  it("puts the largest gain first and leaves out what gains nothing worth a line", () => {
    const ideas = [
      idea("a", 500, 900),
      idea("b", 400, 700),
      idea("c", 300, 996),
      idea("d", 300, 1100),
    ];
    expect(says(ideas)).toEqual([
      ["b 0", 300],
      ["a 0", 100],
    ]);
  });

  it("reports the variant that gains most, the simpler one where a later one is hardly better", () => {
    expect(says([idea("a", 500, 900, 700, 690)])).toEqual([["a 1", 300]]);
    expect(says([idea("a", 500, 900, 700, 600)])).toEqual([["a 2", 400]]);
  });

  it("passes over changes that make instructions wait in a circle, and over nothing else", () => {
    expect(says([idea("a", 500, circle, 800)])).toEqual([["a 1", 200]]);
    expect(says([idea("a", 500, circle)])).toEqual([]);
    expect(() => says([idea("a", 500, new Error("a fault"))])).toThrow("a fault");
  });

  it("times what promises most while the budget lasts, and counts what it leaves out", () => {
    const ideas = [idea("small", 4, 900), idea("second", 300, 900), idea("first", 500, 900, 800)];
    const { advice, timed, skipped } = ranked(ideas, 1000, 10, { budget: 25 });
    expect(advice.map((a) => a.says)).toEqual(["first 1"]);
    expect([timed, skipped]).toEqual([2, 2]);
  });
});
