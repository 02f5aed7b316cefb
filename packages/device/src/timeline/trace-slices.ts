/** Slices of a timeline, made one by one while an exporter asks for them. */
import { toNanoseconds, toTicks } from "@opentrn/base";
import { decodeInstruction, locationOf, printOperand } from "@opentrn/isa";
import type { TraceSlice } from "@opentrn/trace";
import { dmaShape } from "./dma-shape.ts";
import { NO_QUEUE } from "./graph.ts";
import { NO_CAUSE } from "./schedule.ts";
import { stallReason, type Timeline } from "./timeline.ts";
import { queues } from "./units.ts";

/** A track and the instances on it, in order of time. */
export interface TrackList {
  readonly track: number;
  readonly kind: "unit" | "queue";
  readonly instances: Int32Array;
}

/** All slices, track by track; slices of one track never overlap. */
export function* slicesOf(t: Timeline, lists: readonly TrackList[]): Generator<TraceSlice> {
  const causes = new Uint8Array(t.graph.count);
  for (const c of t.schedule.cause) if (c !== NO_CAUSE) causes[c] = 1;
  const loads = new Map(t.schedule.tableLoads);
  for (const list of lists)
    if (list.kind === "queue") yield* transfers(t, list, causes);
    else yield* instructions(t, list, causes, loads);
}

const nameOf = (t: Timeline, i: number): string =>
  t.program.classes[t.program.classOf[t.graph.index[i]!]!]!.op.name;

function* instructions(
  t: Timeline,
  { track, instances }: TrackList,
  causes: Uint8Array,
  loads: ReadonlyMap<number, number>,
): Generator<TraceSlice> {
  const { graph, schedule, plans, program } = t;
  const loadTicks = toTicks(program.chip.sync.activationTableLoadNs.value);
  for (let n = 0; n < instances.length; n++) {
    const i = instances[n]!;
    const load = loads.get(i);
    const start = schedule.start[i]!;
    if (load !== undefined)
      yield slice(track, "ACT_TABLE_LOAD", load, Math.min(load + loadTicks, start), {});
    const triggers = graph.queue[i] !== NO_QUEUE;
    const plan = plans[program.classOf[graph.index[i]!]!]!;
    const done = triggers ? start + plan.latency : schedule.end[i]!;
    // The next instruction starts before the last result is out of the pipeline; slices of one track must not overlap.
    const next = instances[n + 1];
    const until = next === undefined ? done : (loads.get(next) ?? schedule.start[next]!);
    const name = triggers ? `${nameOf(t, i)} (trigger)` : nameOf(t, i);
    const flows = arrows(t, i, triggers ? undefined : causes, true);
    yield slice(track, name, start, Math.max(start, Math.min(done, until)), argsOf(t, i), flows);
  }
}

function* transfers(
  t: Timeline,
  { track, instances }: TrackList,
  causes: Uint8Array,
): Generator<TraceSlice> {
  let busy = 0;
  const sizes = new Map<number, number>();
  const bytesOf = (i: number): number => {
    const id = t.program.classOf[t.graph.index[i]!]!;
    const known = sizes.get(id);
    if (known !== undefined) return known;
    const { op, call } = t.program.classes[id]!;
    const { bytes } = dmaShape(op, call, 0);
    sizes.set(id, bytes);
    return bytes;
  };
  for (const i of instances) {
    // A transfer begins on the first engines while the one before it ends on the last ones.
    const from = Math.max(t.schedule.firstData[i]!, busy);
    busy = Math.max(from, t.schedule.end[i]!);
    const args = { bytes: bytesOf(i), ...argsOf(t, i) };
    yield slice(track, nameOf(t, i), from, busy, args, arrows(t, i, causes, false));
  }
}

function slice(
  track: number,
  name: string,
  from: number,
  to: number,
  args: TraceSlice["args"],
  flows?: readonly number[],
): TraceSlice {
  const made = { track, name, startNs: toNanoseconds(from), endNs: toNanoseconds(to), args };
  return flows && flows.length > 0 ? { ...made, flows } : made;
}

/** Arrows from what was waited for last to what waited; one number a producer. */
function arrows(
  t: Timeline,
  i: number,
  causes: Uint8Array | undefined,
  waits: boolean,
): readonly number[] {
  const cause = t.schedule.cause[i]!;
  const out = causes?.[i] === 1 ? [i + 1] : [];
  return waits && cause !== NO_CAUSE ? [...out, cause + 1] : out;
}

/** Source line, operands and stall of an instance. */
function argsOf(t: Timeline, i: number): Record<string, string | number> {
  const { program, graph, schedule } = t;
  const index = graph.index[i]!;
  const at = locationOf(program, index);
  const operands = Object.entries(decodeInstruction(program, index).operands).flatMap(
    ([name, o]) => (o === undefined ? [] : [`${name}=${printOperand(program, o)}`]),
  );
  const args: Record<string, string | number> = {
    instruction: index,
    operands: operands.join(" "),
  };
  if (at) args["source"] = `${at.file}:${at.line}`;
  const why = stallReason(t, i);
  if (why !== undefined) args["stall"] = why;
  const q = graph.queue[i]!;
  if (q !== NO_QUEUE) {
    args["queue"] = queues[q]!.name;
    args["trigger_ns"] = toNanoseconds(schedule.start[i]!);
    args["first_data_ns"] = toNanoseconds(schedule.firstData[i]!);
  }
  args["end_ns"] = toNanoseconds(schedule.end[i]!);
  return args;
}
