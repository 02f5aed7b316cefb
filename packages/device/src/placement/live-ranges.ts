/** First and last instruction that needs each storage, loops and prints included. */
import type { Program } from "@opentrn/isa";
import { loopsOf, widen } from "./loops.ts";
import { visitStorages } from "./references.ts";

export interface LiveRanges {
  /** First instruction that touches the storage; -1 when none does. */
  readonly first: Int32Array;
  readonly last: Int32Array;
}

/**
 * Live ranges in program order. Kernel inputs, outputs and constants live for the whole Program, and so does HBM that two cores
 * share, because program order says nothing about the order of their instructions in time.
 */
export function liveRanges(program: Program): LiveRanges {
  const { storages } = program;
  const first = new Int32Array(storages.length).fill(-1);
  const last = new Int32Array(storages.length).fill(-1);
  const touch = (instruction: number, storage: number): void => {
    if (first[storage] === -1) first[storage] = instruction;
    if (instruction > last[storage]!) last[storage] = instruction;
  };
  visitStorages(program, touch);
  for (const p of program.prints)
    if (p.operand.kind === "tile") touch(p.before, p.operand.pattern.storage);
  const nest = loopsOf(program);
  const end = program.starts.length;
  const returned = new Set(program.outputs);
  for (const s of storages) {
    const whole = s.kind !== "internal" || returned.has(s.id) || program.cores > 1;
    if (s.space === "hbm" && whole) {
      first[s.id] = 0;
      last[s.id] = end;
    } else if (nest.loops.length > 0 && first[s.id]! >= 0) {
      const [from, to] = widen(nest, first[s.id]!, last[s.id]!);
      first[s.id] = from;
      last[s.id] = to;
    }
  }
  return { first, last };
}
