/**
 * What must agree for every Program: the fast and the reference run, two runs of one executable, the Program and what is loaded after
 * saving it, two predictions of its time.
 */
import { OpenTrnError } from "@opentrn/base";
import { loadProgram, type Program, printProgram, saveProgram } from "@opentrn/isa";
import { type Executable, prepare } from "../execute/executable.ts";
import { type Placement, place } from "../placement/index.ts";
import { timeline } from "../timeline/index.ts";
import { fuzzChipNamed } from "./fuzz-chips.ts";
import type { RandomProgram } from "./random-program.ts";

type Outcome = readonly Uint8Array[] | string;

/** Outputs, inputs after the run and printed values, or the typed error that stopped it. */
function outcome(e: Executable, inputs: readonly Uint8Array[]): Outcome {
  try {
    const { outputs, inputsAfter, prints } = e.run(inputs);
    const printed = prints.map((p) => new Uint8Array(p.values.buffer));
    return [...outputs, ...inputsAfter, ...printed];
  } catch (error) {
    if (error instanceof OpenTrnError && error.category !== "internal") return error.describe();
    throw error;
  }
}

function difference(a: Outcome, b: Outcome): string | undefined {
  if (typeof a === "string" || typeof b === "string")
    return a === b
      ? undefined
      : `one ends with ${typeof a === "string" ? a : "values"}, the other with ${typeof b === "string" ? b : "values"}`;
  if (a.length !== b.length) return `there are ${a.length} tensors and ${b.length}`;
  for (const [n, bytes] of a.entries())
    if (Buffer.compare(bytes, b[n]!) !== 0) {
      const at = bytes.findIndex((v, i) => v !== b[n]![i]);
      return `tensor ${n} (outputs, inputs, prints) differs at byte ${at}: ${bytes[at]} and ${b[n]![at]}`;
    }
  return undefined;
}

/** What disagrees, or undefined; untyped and internal errors are thrown as they are. */
export function disagreement({ program, inputs }: RandomProgram): string | undefined {
  const placement = place(program);
  const fast = prepare(program, placement);
  const values = outcome(fast, inputs);
  const reference = outcome(prepare(program, placement, { fast: false }), inputs);
  const wrong = difference(values, reference);
  if (wrong) return `fast and reference: ${wrong}`;
  const again = difference(values, outcome(fast, inputs));
  if (again) return `two runs: ${again}`;
  return reloaded(program, inputs, values) ?? timed(program, placement);
}

function reloaded(
  program: Program,
  inputs: readonly Uint8Array[],
  values: Outcome,
): string | undefined {
  const loaded = loadProgram(saveProgram(program), fuzzChipNamed);
  const text = (p: Program): string =>
    printProgram(p) + JSON.stringify([p.prints, p.ordered, p.depends]);
  if (text(loaded) !== text(program)) return "saved and loaded: the text differs";
  const wrong = difference(values, outcome(prepare(loaded, place(loaded)), inputs));
  return wrong && `saved and loaded: ${wrong}`;
}

function timed(program: Program, placement: Placement): string | undefined {
  const [a, b] = [timeline(program, placement), timeline(program, placement)];
  if (!(Number.isFinite(a.totalNs) && a.totalNs > 0)) return `time: ${a.totalNs} ns`;
  return a.totalNs === b.totalNs ? undefined : `time: ${a.totalNs} ns, then ${b.totalNs} ns`;
}
