/** What advisers look at: a timeline with its execution, instructions by site, exposure of sites, free memory. Worked out once. */
import { NO_QUEUE, type Timeline } from "@opentrn/device";
import { pathTicksBySite } from "../critical-path.ts";
import { type Execution, type Kind, type Site, siteAt } from "../execution.ts";
import { type HbmAccess, hbmAccesses } from "../hbm-accesses.ts";
import { visitStalls } from "../stalls.ts";
import { DataFlow } from "./data-flow.ts";

export class Study {
  readonly t: Timeline;
  readonly e: Execution;
  /** Static instructions by site, in program order. */
  readonly instructions: readonly Uint32Array[];
  /** Instance of each static instruction that runs exactly once, else -1. */
  readonly instance: Int32Array;
  /** Every instruction runs exactly once and waits for data and buffers only, so that what-ifs may take instructions out. */
  readonly straight: boolean;
  /** Bytes of a partition of SBUF that the kernel never uses. */
  readonly freeSbuf: number;
  private readonly exposed: Float64Array;
  private flow: DataFlow | undefined;
  private accesses: ReadonlyMap<number, readonly HbmAccess[]> | undefined;

  constructor(t: Timeline, e: Execution) {
    this.t = t;
    this.e = e;
    const { program, graph, placement } = t;
    const counts = new Uint32Array(e.sites.length);
    for (const s of e.siteOf) counts[s]!++;
    const lists = Array.from(counts, (n) => new Uint32Array(n));
    counts.fill(0);
    e.siteOf.forEach((s, i) => {
      lists[s]![counts[s]!++] = i;
    });
    this.instructions = lists;
    this.instance = new Int32Array(program.starts.length).fill(-1);
    let twice = false;
    graph.index.forEach((index, i) => {
      if (this.instance[index]! >= 0) twice = true;
      this.instance[index] = i;
    });
    this.straight =
      !twice && program.depends.length === 0 && !program.classes.some((c) => c.op.control === true);
    this.freeSbuf =
      program.chip.sbuf.usableBytesPerPartition.value -
      placement.sbufPeakBytes / program.chip.partitions.value;
    this.exposed = pathTicksBySite(e);
    visitStalls(e, (_, cause, __, ticks) => {
      this.exposed[siteAt(e, cause).id]! += ticks;
    });
  }

  /** Ticks that a site stands on the critical path or keeps others waiting: about what a change to it can save at most. */
  exposure(site: Site): number {
    return this.exposed[site.id]!;
  }

  /** Kind of a site's first instruction; sites keep one operation on one engine, of maybe several shapes. */
  kindOf(index: number): Kind {
    return this.e.kinds[this.e.kindOf[index]!]!;
  }

  isTransfer(index: number): boolean {
    const { queue } = this.kindOf(index).plan;
    return queue >= 0 && queue !== NO_QUEUE;
  }

  /** Which instances need the results of which. */
  get dataFlow(): DataFlow {
    this.flow ??= new DataFlow(this.t);
    return this.flow;
  }

  /** HBM accesses of a transfer. */
  hbmOf(index: number): readonly HbmAccess[] {
    if (!this.accesses) {
      const found = new Map<number, HbmAccess[]>();
      for (const a of hbmAccesses(this.t.program)) {
        const list = found.get(a.index);
        if (list) list.push(a);
        else found.set(a.index, [a]);
      }
      this.accesses = found;
    }
    return this.accesses.get(index) ?? [];
  }
}
