/**
 * One core's share of a Program, decoded once: commands for the kernels wherever they know an instruction, a closure for the others, a jump
 * for every control instruction. Between two that the host carries out itself, one kernel call runs everything.
 */
import { invariant } from "@opentrn/base";
import { check, type KernelExports, OUT_OF_BOUNDS } from "@opentrn/fast";
import {
  type AnyCall,
  type CoreState,
  decodeInstruction,
  type Program,
  seedGenerators,
} from "@opentrn/isa";
import { controlJumps, type Jump, matchLoops } from "./control.ts";
import { contextOf, indicesOf, located } from "./core-context.ts";
import { bindInstruction } from "./fast-step.ts";
import { type Meeting, meetings } from "./meeting.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { LayoutContext } from "./operand.ts";
import { referenceStep } from "./reference.ts";

export interface Core {
  /** Program index of each of this core's instructions. */
  readonly indices: Uint32Array;
  /** Address of each instruction's commands, and of their end; without commands the same as the next. */
  readonly starts: Uint32Array;
  /** First position at or behind each that the host carries out itself; the number of instructions behind the last. */
  readonly stops: Uint32Array;
  /** What instructions without commands do; absent for control instructions and meetings. */
  readonly steps: ReadonlyMap<number, () => void>;
  readonly jumps: ReadonlyMap<number, Jump>;
  /** Instructions that wait for another core, by position. */
  readonly meetings: ReadonlyMap<number, Meeting>;
  readonly looping: boolean;
  readonly fastCount: number;
  readonly state: CoreState;
  readonly context: LayoutContext;
  /** Runs the commands of positions [from, to); throws what they throw, with `at` told the position first. */
  readonly execute: (from: number, to: number, at: (position: number) => void) => void;
}

const noLoops: ReadonlyMap<number, number> = new Map();

function loopPairs(program: Program, indices: Uint32Array): ReadonlyMap<number, number> {
  const names = program.classes.map((c) => c.op.name);
  if (!names.some((n) => n.startsWith("loop_") || n.startsWith("while_"))) return noLoops;
  return matchLoops(Array.from(indices, (i) => names[program.classOf[i]!]!));
}

export function prepareCore(
  program: Program,
  map: MemoryMap,
  number: number,
  calls: readonly AnyCall[],
  kernels: KernelExports | undefined,
): Core {
  const indices = indicesOf(program, number);
  const at = map.state[number]!;
  const { buffer } = map.memory;
  const context = contextOf(program, map, number);
  const state: CoreState = {
    scalarAccumulator: new Float32Array(buffer, at.scalarAccumulator, 128),
    vectorAccumulator: new Float32Array(buffer, at.vectorAccumulator, 128),
    vectorRandom: new Uint32Array(128 * 24),
    gpsimdRandom: new Uint32Array(128 * 6),
    registers: context.registers,
  };
  const pairs = loopPairs(program, indices);
  // Control instructions jump between positions of this core's own list.
  const local = (position: number) => ({
    ...decodeInstruction(program, indices[position]!),
    index: position,
  });
  const steps = new Map<number, () => void>();
  const jumps = new Map<number, Jump>();
  const meet = new Map<number, Meeting>();
  const starts = new Uint32Array(indices.length + 1);
  const stops = new Uint32Array(indices.length + 1);
  const area = map.areas[number]!;
  for (let p = 0; p < indices.length; p++) {
    const index = indices[p]!;
    starts[p] = area.next;
    try {
      const i = decodeInstruction(program, index);
      const jump = controlJumps[i.op.name]?.(context, { ...i, index: p }, pairs.get(p) ?? 0, local);
      const meeting = meetings[i.op.name]?.(context, i);
      if (jump) jumps.set(p, jump);
      if (meeting) meet.set(p, meeting);
      if (jump || meeting) continue;
      const call = calls[program.classOf[index]!]!;
      if (!(kernels && bindInstruction(context, i, call, at)))
        steps.set(p, referenceStep(context, i, call, state));
    } catch (e) {
      throw located(program, e, index);
    }
  }
  starts[indices.length] = area.next;
  stops[indices.length] = indices.length;
  for (let p = indices.length - 1; p >= 0; p--)
    stops[p] = steps.has(p) || jumps.has(p) || meet.has(p) ? p : stops[p + 1]!;
  const execute: Core["execute"] = (from, to, tell) => {
    const status = kernels!.execute(starts[from]!, starts[to]!);
    if (status === 0) return;
    const refused = positionOf(starts, kernels!.refusedCommand(), from, to);
    tell(refused);
    const i = decodeInstruction(program, indices[refused]!);
    // The reference meaning says which offset is outside of what.
    if (status === OUT_OF_BOUNDS)
      referenceStep(context, i, calls[program.classOf[indices[refused]!]!]!, state)();
    invariant(status !== OUT_OF_BOUNDS, `${i.op.name}: only its kernel found an offset outside`);
    check(i.op.name, status);
  };
  return {
    indices,
    starts,
    stops,
    steps,
    jumps,
    meetings: meet,
    looping: jumps.size > 0,
    fastCount: indices.length - steps.size - jumps.size - meet.size,
    state,
    context,
    execute,
  };
}

/** The position in [from, to) whose commands hold `address`. */
function positionOf(starts: Uint32Array, address: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= address) low = middle;
    else high = middle;
  }
  return low;
}

/** A core as after a reset, at the first instruction of rank `rank` of `ranks`. */
export function resetCore(
  { state, context }: Core,
  seed: number,
  rank: number,
  ranks: number,
): void {
  Object.assign(context.launch, { rank, ranks });
  state.scalarAccumulator.fill(0);
  state.vectorAccumulator.fill(0);
  state.registers.fill(0);
  seedGenerators(state.vectorRandom, seed);
  seedGenerators(state.gpsimdRandom, seed + 1);
}
