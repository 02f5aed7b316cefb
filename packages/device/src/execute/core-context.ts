/** What a core's instructions have in common, and the meetings among them. */
import { OpenTrnError } from "@opentrn/base";
import { decodeInstruction, locationOf, MAX_REGISTERS, type Program } from "@opentrn/isa";
import { type Meeting, meetings } from "./meeting.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { LayoutContext } from "./operand.ts";

/** Adds the user's line of instruction `index` to an error that lacks one. */
export function located(program: Program, e: unknown, index: number): unknown {
  if (e instanceof OpenTrnError && !e.at) e.at = locationOf(program, index);
  return e;
}

/** Program indices of the instructions of core `number`. */
export function indicesOf(program: Program, number: number): Uint32Array {
  const { coreOf } = program;
  let count = 0;
  for (const c of coreOf) if (c === number) count++;
  const indices = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < coreOf.length; i++) if (coreOf[i] === number) indices[n++] = i;
  return indices;
}

/** The context of core `number`; its registers lie in the map's memory. */
export const contextOf = (program: Program, map: MemoryMap, number: number): LayoutContext => ({
  map,
  storages: program.storages,
  core: number,
  registers: new Int32Array(map.memory.buffer, map.state[number]!.registers, MAX_REGISTERS),
  launch: { rank: 0, ranks: 1 },
});

/** The instructions of `indices` that wait for others, by position. */
export function meetingsAmong(
  program: Program,
  context: LayoutContext,
  indices: Uint32Array,
): ReadonlyMap<number, Meeting> {
  const makers = program.classes.map((c) => meetings[c.op.name]);
  const found = new Map<number, Meeting>();
  indices.forEach((index, position) => {
    const maker = makers[program.classOf[index]!];
    if (!maker) return;
    try {
      found.set(position, maker(context, decodeInstruction(program, index)));
    } catch (e) {
      throw located(program, e, index);
    }
  });
  return found;
}
