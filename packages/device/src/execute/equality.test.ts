/**
 * The fast path equals the reference meaning bit for bit, for every instruction that has one, on random shapes, strides, types and
 * attributes. Instructions without a fast path run their meaning on both sides.
 */

import { Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { fastInstructions } from "@opentrn/fast";
import { type AnyInstruction, instructions, printProgram } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { randomProgram } from "../fuzz/random-program.ts";
import { place } from "../placement/index.ts";
import { prepare } from "./executable.ts";

/** Valid Programs wanted for each instruction, and draws allowed to find them. */
const WANTED = Number(process.env["OPENTRN_FUZZ"] ?? 12);
const DRAWS = 400;
const seed = Number(process.env["OPENTRN_FUZZ_SEED"] ?? 20_26);
const chip = chipNamed("trn2");

describe("fast equals reference", () => {
  // MX instructions, which trn2 lacks, are compared in packages/fast/src/mx.test.ts.
  const quick = (o: AnyInstruction): boolean =>
    fastInstructions.includes(o.name) && o.generations.includes(chip.generation);
  for (const op of instructions.filter(quick))
    it(op.name, () => {
      const r = new Random(seed ^ (op.name.length * 7919));
      let found = 0;
      for (let draw = 0; draw < DRAWS && found < WANTED; draw++) {
        const made = randomProgram(r, op, chip);
        if (!made) continue;
        found++;
        const placement = place(made.program);
        const quick = prepare(made.program, placement);
        const slow = prepare(made.program, placement, { fast: false });
        const [a, b] = [quick.run(made.inputs), slow.run(made.inputs)];
        a.outputs.forEach((bytes, n) => {
          if (Buffer.compare(bytes, b.outputs[n]!) !== 0) {
            const at = bytes.findIndex((v, i) => v !== b.outputs[n]![i]);
            expect.fail(
              `output ${n} differs at byte ${at} (seed ${seed}, draw ${draw})\n${printProgram(made.program)}`,
            );
          }
        });
      }
      expect(found, "valid programs drawn").toBeGreaterThanOrEqual(Math.min(WANTED, 8));
    });
});
