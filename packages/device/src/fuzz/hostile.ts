/** A damaged Program file through everything that reads it: it is refused with a typed error or runs, and never takes long. */
import { OpenTrnError, Random } from "@opentrn/base";
import { loadProgram, type Program, printProgram, saveProgram } from "@opentrn/isa";
import { checkRaces } from "../check/races.ts";
import { prepare } from "../execute/executable.ts";
import { place } from "../placement/index.ts";
import { timeline } from "../timeline/index.ts";
import { drawn, subjects } from "./campaign.ts";
import { fuzzChipNamed } from "./fuzz-chips.ts";
import { mutated } from "./mutate-file.ts";

/** Programs that need more memory are loaded and placed but not run. */
const MOST_HBM_BYTES = 2 ** 26;
const MOST_STEPS = 5000;

export type Fate = "refused" | "stopped" | "ran" | "too large";

/** What becomes of a file. Throws whatever is no typed error of the user's category. */
export function feed(file: Uint8Array): Fate {
  let program: Program;
  try {
    program = loadProgram(file, fuzzChipNamed);
  } catch (e) {
    return typed(e, "refused");
  }
  try {
    printProgram(program);
    checkRaces(program);
    const placement = place(program);
    if (placement.hbmBytes > MOST_HBM_BYTES) return "too large";
    const inputs = program.inputs.map((id) => new Uint8Array(program.storages[id]!.rowBytes));
    const { executed } = prepare(program, placement, { maxSteps: MOST_STEPS }).run(inputs);
    timeline(program, placement, { executed, maxInstructions: MOST_STEPS });
    saveProgram(program);
    return "ran";
  } catch (e) {
    return typed(e, "stopped");
  }
}

function typed(e: unknown, fate: Fate): Fate {
  if (e instanceof OpenTrnError && e.category !== "internal") return fate;
  throw e;
}

/** A valid file of the fuzzer, damaged; undefined where the draw made none. */
export function hostileFile(seed: number, draw: number): Uint8Array | undefined {
  const r = new Random(Math.imul(seed ^ (draw * 7919), 0x9e3779b1));
  const made = drawn(r.pick(subjects), seed, draw);
  return made && mutated(r, saveProgram(made.program));
}
