/** Dynamic loops of a Program: a Program holds the body once, so memory that a body needs must live as long as the loop repeats. */
import type { Program } from "@opentrn/isa";
import { malformed } from "./references.ts";

/** Operations that open and close a body; each core's loops nest on their own. */
const opens = new Set(["loop_begin", "while_begin"]);
const closes = new Set(["loop_end", "while_end"]);

export interface Loop {
  readonly id: number;
  /** Index of the opening and the closing instruction. */
  readonly begin: number;
  end: number;
  /** Enclosing loop, or -1. */
  readonly parent: number;
}

export interface LoopNest {
  readonly loops: readonly Loop[];
  /** Innermost loop around each instruction (its own begin and end included), or -1; empty when there are no loops. */
  readonly innermost: Int32Array;
}

/** Finds the loops of a Program in one pass. */
export function loopsOf(program: Program): LoopNest {
  const kinds = program.classes.map((c) =>
    opens.has(c.op.name) ? 1 : closes.has(c.op.name) ? 2 : 0,
  );
  if (!kinds.some((k) => k !== 0)) return { loops: [], innermost: new Int32Array(0) };
  const count = program.starts.length;
  const innermost = new Int32Array(count).fill(-1);
  const loops: Loop[] = [];
  const current = new Int32Array(program.cores).fill(-1);
  for (let i = 0; i < count; i++) {
    const core = program.coreOf[i]!;
    const kind = kinds[program.classOf[i]!]!;
    if (kind === 1) {
      loops.push({ id: loops.length, begin: i, end: -1, parent: current[core]! });
      current[core] = loops.length - 1;
    }
    innermost[i] = current[core]!;
    if (kind !== 2) continue;
    const loop = loops[current[core]!];
    if (!loop) malformed(`instruction ${i} closes a loop that was never opened`);
    loop.end = i;
    current[core] = loop.parent;
  }
  for (const loop of loops)
    if (loop.end < 0) malformed(`the loop at instruction ${loop.begin} never ends`);
  return { loops, innermost };
}

/**
 * Widens the live range [first, last] so that it is safe under repetition: memory that crosses a loop's border lives through the
 * whole loop, memory used inside only lives for the body.
 */
export function widen(nest: LoopNest, first: number, last: number): readonly [number, number] {
  if (nest.loops.length === 0 || first >= nest.innermost.length) return [first, last];
  const end = Math.min(last, nest.innermost.length - 1);
  let [from, to] = [first, last];
  for (let l = nest.loops[nest.innermost[end]!]; l; l = nest.loops[l.parent])
    if (l.begin > first) to = Math.max(to, l.end);
  for (let l = nest.loops[nest.innermost[first]!]; l; l = nest.loops[l.parent]) {
    if (l.end < last) from = Math.min(from, l.begin);
    else {
      from = Math.min(from, l.begin);
      to = Math.max(to, l.end);
      break;
    }
  }
  return [from, to];
}
