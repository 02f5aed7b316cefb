/** Run-time loops of each core open and close like brackets; hosts pair them by construction, files may not. */
import { OpenTrnError } from "@opentrn/base";
import { locationOf, type Program } from "./program.ts";

type LoopKind = "loop" | "while";
const begins: Readonly<Record<string, LoopKind>> = { loop_begin: "loop", while_begin: "while" };
const ends: Readonly<Record<string, LoopKind>> = { loop_end: "loop", while_end: "while" };

const wrong = (program: Program, index: number, why: string): OpenTrnError =>
  new OpenTrnError(why, {
    category: "invalid program",
    rule: "loop nesting",
    at: locationOf(program, index),
  });

/** Throws `invalid program` for an end without its begin and for a loop that is never closed. */
export function checkLoops(program: Program): void {
  const open: { readonly kind: LoopKind; readonly index: number }[][] = [];
  for (let index = 0; index < program.starts.length; index++) {
    const { op } = program.classes[program.classOf[index]!]!;
    if (!op.control) continue;
    const core = program.coreOf[index]!;
    open[core] ??= [];
    const mine = open[core]!;
    const [opens, closes] = [begins[op.name], ends[op.name]];
    if (opens) mine.push({ kind: opens, index });
    if (!closes) continue;
    const last = mine.pop();
    if (last?.kind !== closes)
      throw wrong(
        program,
        index,
        `${op.name} closes no loop; ${last ? `a ${last.kind}_begin is open` : "none is open"}`,
      );
  }
  const left = open.flat().at(-1);
  if (left) throw wrong(program, left.index, `${left.kind}_begin is never closed`);
}
