/**
 * Which storages each instruction touches, read straight from the words of a Program: no operand objects are made, so a million
 * instructions take milliseconds. The word format is that of `@opentrn/isa` (docs/program.md).
 */
import { OpenTrnError } from "@opentrn/base";
import { instructions, type Program } from "@opentrn/isa";

/** Operand tags of the word format. */
export const tag = { none: 0, float: 1, int: 2, register: 3, tile: 4 } as const;
/** Values of a tile tag's dynamic field. */
export const dynamicTag = { none: 0, register: 1, scalar: 2, vector: 3, indirect: 4 } as const;

/** Operands of each instruction class, in record order. */
export const operandCounts = (program: Program): Int32Array =>
  Int32Array.from(program.classes, (c) => Object.keys(c.op.operands).length);

/** Calls `visit(instruction, storage)` for every tile operand and every tile that holds a run-time offset. */
export function visitStorages(
  program: Program,
  visit: (instruction: number, storage: number) => void,
): void {
  const { words, starts, classOf } = program;
  const counts = operandCounts(program);
  for (let i = 0; i < starts.length; i++) {
    let at = starts[i]! + 2;
    for (let n = counts[classOf[i]!]!; n > 0; n--) {
      const head = words[at]!;
      const kind = head & 15;
      if (kind === tag.none) at++;
      else if (kind !== tag.tile) at += 2;
      else {
        visit(i, words[at + 1]!);
        at += 4 + 2 * ((head >> 4) & 15);
        const dynamic = (head >> 16) & 7;
        if (dynamic === dynamicTag.register) at += 3;
        else if (dynamic !== dynamicTag.none) {
          visit(i, words[at + 3]!);
          at += 6 + 2 * ((words[at + 2]! >> 4) & 15);
        }
      }
    }
  }
}

/** Opcode of an operation by name, or -1 when this build lacks it. */
export const opcodeNamed = (name: string): number => instructions.findIndex((o) => o.name === name);

/** Stops with an internal error: the Program's words are not what its builder writes. */
export function malformed(why: string): never {
  throw new OpenTrnError(`the Program's words are malformed: ${why}`, { category: "internal" });
}
