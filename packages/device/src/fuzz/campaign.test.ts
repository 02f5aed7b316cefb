/**
 * The fast path equals the reference meaning bit for bit, Programs survive saving, runs and times repeat: a few random Programs of every
 * instruction and of chains. `npm run fuzz` runs many more.
 */
import { describe, expect, it } from "vitest";
import { subjectName, subjects, tryDraw } from "./campaign.ts";

/** Valid Programs wanted of each subject, and draws allowed to find them. */
const WANTED = Number(process.env["OPENTRN_FUZZ"] ?? 6);
const DRAWS = 60 * WANTED;
const seed = Number(process.env["OPENTRN_FUZZ_SEED"] ?? 20_26);

describe("random Programs", () => {
  for (const subject of subjects)
    it(subjectName(subject), () => {
      let found = 0;
      for (let draw = 0; draw < DRAWS && found < WANTED; draw++) {
        const result = tryDraw(subject, seed, draw);
        if (result === "valid") found++;
        else if (result !== "none")
          expect.fail(`${result.why} (seed ${seed}, draw ${draw})\n${result.program}`);
      }
      expect(found, "valid Programs drawn").toBe(WANTED);
    });
});
