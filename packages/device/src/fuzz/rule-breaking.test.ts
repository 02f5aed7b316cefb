/** The builder names exactly the rule that is broken, and takes what breaks none, for random calls of every instruction. */
import { instructions } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { tryRules } from "./rule-breaking.ts";

const DRAWS = Number(process.env["OPENTRN_FUZZ_RULES"] ?? 150);
const seed = Number(process.env["OPENTRN_FUZZ_SEED"] ?? 20_26);

describe("broken rules", () => {
  for (const op of instructions)
    it(op.name, () => {
      const seen = { accepted: 0, "one rule": 0, "several rules": 0, "does not fit": 0 };
      const wrong: string[] = [];
      for (let draw = 0; draw < DRAWS; draw++)
        try {
          seen[tryRules(op, seed, draw)]++;
        } catch (e) {
          wrong.push((e as Error).stack!.slice(0, 900));
        }
      expect(wrong.slice(0, 2)).toEqual([]);
      const operands = Object.keys(op.operands).length;
      expect(seen["one rule"] > 0 || operands === 0, "calls with exactly one broken rule").toBe(
        true,
      );
    });
});
