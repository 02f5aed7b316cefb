/** Where a Program's words name storages and source lines, so that a linker can rename them without decoding instructions again. */
import { opOf } from "../ops/table.ts";
import type { Program } from "./program.ts";
import { WordReader } from "./words.ts";

/** Positions in `program.words` of every storage number, in order. */
export function storageWords(program: Program): Uint32Array {
  let found = new Uint32Array(Math.max(64, program.starts.length * 4));
  let n = 0;
  const add = (at: number): void => {
    if (n === found.length) {
      const bigger = new Uint32Array(2 * n);
      bigger.set(found);
      found = bigger;
    }
    found[n++] = at;
  };
  for (const start of program.starts) {
    const op = opOf(program.words[start]!);
    const reader = new WordReader(program.words, start + 2);
    for (const _ in op.operands) reader.operand(add);
  }
  return found.slice(0, n);
}
