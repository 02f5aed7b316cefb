/** Runs numbered draws of the differential fuzzer; each draw has a generator of its own, so that any failure is repeated by its number. */
import { OpenTrnError, Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { type AnyInstruction, printProgram } from "@opentrn/isa";
import { disagreement } from "./differential.ts";
import { fuzzChips } from "./fuzz-chips.ts";
import {
  dataInstructions,
  type RandomProgram,
  randomChain,
  randomProgram,
} from "./random-program.ts";

/** What a draw makes: a Program around one instruction, or a chain. */
export type Subject = AnyInstruction | "chain";

export const subjects: readonly Subject[] = [...dataInstructions, "chain"];
export const subjectName = (s: Subject): string => (typeof s === "string" ? s : s.name);

export interface Failure {
  readonly subject: string;
  readonly seed: number;
  readonly draw: number;
  readonly why: string;
  /** Text of the Program. */
  readonly program: string;
}

/** The chips that can run it. */
const chipsOf = (s: Subject): readonly Chip[] =>
  s === "chain" ? fuzzChips : fuzzChips.filter((c) => s.generations.includes(c.generation));

/** The Program of that draw, or undefined when it broke a rule. */
export function drawn(subject: Subject, seed: number, draw: number): RandomProgram | undefined {
  let hash = seed | 0;
  for (const c of subjectName(subject)) hash = Math.imul(hash ^ c.charCodeAt(0), 0x01000193);
  const r = new Random(Math.imul(hash ^ draw, 0x9e3779b1));
  const chip = r.pick(chipsOf(subject));
  return subject === "chain" ? randomChain(r, chip) : randomProgram(r, subject, chip);
}

/** Checks one draw: `none` when it broke a rule, `valid` when all agreed, or the failure. */
export function tryDraw(subject: Subject, seed: number, draw: number): "none" | "valid" | Failure {
  const failure = (why: string, made?: RandomProgram): Failure => ({
    subject: subjectName(subject),
    seed,
    draw,
    why,
    program: made ? printProgram(made.program) : "",
  });
  let made: RandomProgram | undefined;
  try {
    made = drawn(subject, seed, draw);
    if (!made) return "none";
    const why = disagreement(made);
    return why === undefined ? "valid" : failure(why, made);
  } catch (e) {
    // Tensors that do not fit on chip are no failure of the Program's meaning.
    if (e instanceof OpenTrnError && e.category === "capacity") return "none";
    return failure(e instanceof Error ? (e.stack ?? e.message) : String(e), made);
  }
}
