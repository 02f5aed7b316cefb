/** Instructions at which the cores of a launch wait for each other: the n-th of one kind on every core belong together. */
import type { Program } from "@opentrn/isa";
import type { Graph } from "./graph.ts";
import { units } from "./units.ts";

export interface Meeting {
  /** One instance per core that takes part. */
  readonly instances: readonly number[];
}

const meetingOps = new Set(["core_barrier", "sendrecv"]);

/** Meetings by instance. */
export function meetingsOf(
  program: Pick<Program, "cores" | "classes" | "classOf">,
  graph: Graph,
): ReadonlyMap<number, Meeting> {
  const found = new Map<number, Meeting>();
  if (program.cores === 1) return found;
  const keys = program.classes.map((c) =>
    meetingOps.has(c.op.name)
      ? `${c.op.name} ${String(c.call.attr["cores"] ?? c.call.attr["pipe_id"] ?? "")}`
      : undefined,
  );
  if (keys.every((k) => k === undefined)) return found;
  const counts = new Map<string, number>();
  const groups = new Map<string, number[]>();
  for (let i = 0; i < graph.count; i++) {
    const key = keys[program.classOf[graph.index[i]!]!];
    if (key === undefined) continue;
    const core = Math.floor(graph.unit[i]! / units.length);
    const mine = `${core} ${key}`;
    const n = counts.get(mine) ?? 0;
    counts.set(mine, n + 1);
    const group = groups.get(`${n} ${key}`);
    if (group) group.push(i);
    else groups.set(`${n} ${key}`, [i]);
  }
  for (const instances of groups.values()) for (const i of instances) found.set(i, { instances });
  return found;
}
