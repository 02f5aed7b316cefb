/** When every storage is in use, for memory counters: from its first user's start to its last user's end. */
import type { Program } from "@opentrn/isa";
import { visitStorages } from "../placement/references.ts";
import type { Graph } from "./graph.ts";
import type { Schedule } from "./schedule.ts";

export interface StorageTimes {
  /** Ticks by storage id; `from` is infinite for storages that nothing uses. */
  readonly from: Float64Array;
  readonly to: Float64Array;
}

export function storageTimes(program: Program, graph: Graph, s: Schedule): StorageTimes {
  const first = new Float64Array(program.starts.length).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(program.starts.length);
  for (let i = 0; i < graph.count; i++) {
    const index = graph.index[i]!;
    first[index] = Math.min(first[index]!, s.start[i]!);
    last[index] = Math.max(last[index]!, s.end[i]!);
  }
  const from = new Float64Array(program.storages.length).fill(Number.POSITIVE_INFINITY);
  const to = new Float64Array(program.storages.length);
  visitStorages(program, (index, storage) => {
    from[storage] = Math.min(from[storage]!, first[index]!);
    to[storage] = Math.max(to[storage]!, last[index]!);
  });
  return { from, to };
}
