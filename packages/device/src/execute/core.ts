/** One core's share of a Program, decoded once: a closure for every instruction, a jump for every control instruction. */
import { OpenTrnError } from "@opentrn/base";
import { bindFast, type Kernels } from "@opentrn/fast";
import {
  type AnyCall,
  type CoreState,
  type DecodedInstruction,
  locationOf,
  MAX_REGISTERS,
  type Program,
} from "@opentrn/isa";
import { controlJumps, type Jump, matchLoops } from "./control.ts";
import { fastStep } from "./fast-step.ts";
import { type Meeting, meetings } from "./meeting.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { LayoutContext } from "./operand.ts";
import { referenceStep } from "./reference.ts";

export interface Core {
  /** Program index of each of this core's instructions. */
  readonly indices: Uint32Array;
  /** What each instruction does; undefined for control instructions and meetings. */
  readonly steps: readonly ((() => void) | undefined)[];
  readonly jumps: readonly (Jump | undefined)[];
  /** Instructions that wait for another core, by position. */
  readonly meetings: ReadonlyMap<number, Meeting>;
  readonly looping: boolean;
  readonly fastCount: number;
  readonly state: CoreState;
  readonly context: LayoutContext;
}

/** Adds the user's line of instruction `index` to an error that lacks one. */
export function located(program: Program, e: unknown, index: number): unknown {
  if (e instanceof OpenTrnError && !e.at) e.at = locationOf(program, index);
  return e;
}

export function prepareCore(
  program: Program,
  map: MemoryMap,
  number: number,
  decoded: readonly DecodedInstruction[],
  calls: readonly AnyCall[],
  kernels: Kernels | undefined,
): Core {
  const mine = decoded.filter((i) => program.coreOf[i.index] === number);
  const registers = new Int32Array(MAX_REGISTERS);
  const context: LayoutContext = {
    map,
    storages: program.storages,
    core: number,
    registers,
    launch: { rank: 0, ranks: 1 },
  };
  const at = map.state[number]!;
  const state: CoreState = {
    scalarAccumulator: map.f32.subarray(
      at.scalarAccumulator >>> 2,
      (at.scalarAccumulator >>> 2) + 128,
    ),
    vectorAccumulator: map.f32.subarray(
      at.vectorAccumulator >>> 2,
      (at.vectorAccumulator >>> 2) + 128,
    ),
    vectorRandom: new Uint32Array(128 * 24),
    gpsimdRandom: new Uint32Array(128 * 6),
    registers,
  };
  // Control instructions jump between positions of this core's own list.
  const local = mine.map((i, index) => ({ ...i, index }));
  const pairs = matchLoops(local);
  const steps: ((() => void) | undefined)[] = [];
  const jumps: (Jump | undefined)[] = [];
  const meet = new Map<number, Meeting>();
  let fastCount = 0;
  for (const i of local) {
    const original = mine[i.index]!;
    try {
      const jump = controlJumps[i.op.name]?.(context, i, pairs.get(i.index) ?? 0, (n) => local[n]!);
      const meeting = meetings[i.op.name]?.(context, original);
      jumps.push(jump);
      if (meeting) meet.set(i.index, meeting);
      if (jump || meeting) {
        steps.push(undefined);
        continue;
      }
      const call = calls[program.classOf[original.index]!]!;
      const quick = kernels && fastStep(kernels, context, original, call, at, bindFast);
      if (quick) fastCount++;
      steps.push(quick ?? referenceStep(context, original, call, state));
    } catch (e) {
      throw located(program, e, original.index);
    }
  }
  return {
    indices: Uint32Array.from(mine, (i) => i.index),
    steps,
    jumps,
    meetings: meet,
    looping: jumps.some((j) => j !== undefined),
    fastCount,
    state,
    context,
  };
}
