/** Loops and registers: what moves the program counter. */
import { invariant, OpenTrnError } from "@opentrn/base";
import type { DecodedInstruction, Operand } from "@opentrn/isa";
import { bytesOf, integerOf } from "@opentrn/numerics";
import { groupOf } from "./collective-operands.ts";
import { type LayoutContext, scalarReader } from "./operand.ts";

/** Returns the next instruction index. */
export type Jump = () => number;

const readValue = (registers: Int32Array, o: Operand | undefined): (() => number) => {
  if (o?.kind === "register") return () => registers[o.register]!;
  const v = o && o.kind !== "tile" ? o.value | 0 : 0;
  return () => v;
};

const registerOf = (o: Operand | undefined): number => {
  invariant(o?.kind === "register", "a control instruction lacks its register");
  return o.register;
};

/** Pairs every loop begin with its end, by position in the list of operation names. */
export function matchLoops(names: readonly string[]): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  names.forEach((name, at) => {
    if (name === "loop_begin" || name === "while_begin") open.push(at);
    if (name !== "loop_end" && name !== "while_end") return;
    const begin = open.pop();
    if (begin === undefined || names[begin]!.split("_")[0] !== name.split("_")[0])
      throw new OpenTrnError(`${name} closes no loop`, {
        category: "invalid program",
        rule: "loop nesting",
      });
    pairs.set(begin, at);
    pairs.set(at, begin);
  });
  if (open.length > 0)
    throw new OpenTrnError(`${names[open[0]!]} is never closed`, {
      category: "invalid program",
      rule: "loop nesting",
    });
  return pairs;
}

type Maker = (
  ctx: LayoutContext,
  i: DecodedInstruction,
  partner: number,
  begin: (index: number) => DecodedInstruction,
) => Jump;

/** How each control instruction moves on. */
export const controlJumps: Readonly<Record<string, Maker>> = {
  register_move: ({ registers }, i) => {
    const dst = registerOf(i.operands["dst"]);
    const read = readValue(registers, i.operands["src"]);
    return () => {
      registers[dst] = read();
      return i.index + 1;
    };
  },
  register_load: (ctx, i) => {
    const dst = registerOf(i.operands["dst"]);
    const src = i.operands["src"];
    invariant(src?.kind === "tile", "register_load lacks its source");
    const read = scalarReader(ctx, src.pattern);
    return () => {
      ctx.registers[dst] = read();
      return i.index + 1;
    };
  },
  register_store: (ctx, i) => {
    const dst = i.operands["dst"];
    const src = registerOf(i.operands["src"]);
    invariant(dst?.kind === "tile", "register_store lacks its destination");
    const { address } = ctx.map.locate(dst.pattern, ctx.core);
    const size = bytesOf(dst.pattern.dtype);
    const bytes = new Uint8Array(Int32Array.of(0).buffer);
    const word = new Int32Array(bytes.buffer);
    return () => {
      word[0] = integerOf(ctx.registers[src]! >>> 0, "int32");
      ctx.map.u8.set(bytes.subarray(0, size), address);
      return i.index + 1;
    };
  },
  loop_begin: ({ registers }, i, end) => {
    const index = registerOf(i.operands["index"]);
    const start = readValue(registers, i.operands["start"]);
    const stop = readValue(registers, i.operands["stop"]);
    return () => {
      registers[index] = start();
      return registers[index]! < stop() ? i.index + 1 : end + 1;
    };
  },
  loop_end: ({ registers }, i, begin, at) => {
    const opening = at(begin);
    const index = registerOf(opening.operands["index"]);
    const stop = readValue(registers, opening.operands["stop"]);
    const step = opening.attrs["step"] as number;
    return () => {
      registers[index]! += step;
      return registers[index]! < stop() ? begin + 1 : i.index + 1;
    };
  },
  while_begin: ({ registers }, i, end) => {
    const condition = registerOf(i.operands["condition"]);
    return () => (registers[condition] !== 0 ? i.index + 1 : end + 1);
  },
  while_end: (_, __, begin) => () => begin,
  rank_id: (ctx, i) => {
    const dst = registerOf(i.operands["dst"]);
    return () => {
      ctx.registers[dst] = ctx.launch.rank;
      return i.index + 1;
    };
  },
  // Data travels to the successor, so step n works on what the n-th predecessor had.
  collective_permute_implicit_current_processing_rank_id: (ctx, i) => {
    const dst = registerOf(i.operands["dst"]);
    const iteration = readValue(ctx.registers, i.operands["iteration_id"]);
    return () => {
      const group = groupOf(ctx, i);
      const at = (group.indexOf(ctx.launch.rank) - iteration()) % group.length;
      ctx.registers[dst] = group[at < 0 ? at + group.length : at]!;
      return i.index + 1;
    };
  },
};
