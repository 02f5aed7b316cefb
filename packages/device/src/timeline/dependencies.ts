/**
 * What each executed instruction has to wait for. Edges come from physical bytes (read after write, write after read or write),
 * from registers and from `depends_on`. An engine starts and finishes its own instructions in order, so of one source only the
 * last producer counts, and a wait that an earlier instruction of the same engine already did is not repeated.
 */
import { MAX_REGISTERS, type Program } from "@opentrn/isa";
import type { Loop, Placement } from "../placement/index.ts";
import { tag } from "../placement/references.ts";
import { AccessLists } from "./access-lists.ts";
import { type ClassPlan, type ClassPlans, type OperandPlan, READS, WRITES } from "./class-plan.ts";
import { edge, type Graph, Growing, NO_QUEUE } from "./graph.ts";
import { LO, Located, locate, locateIndex } from "./locate.ts";
import { CoreStream, type Registers, type TripOptions } from "./stream.ts";
import { queueSource, SOURCES, unitId, units } from "./units.ts";

/** Operands of one instruction that write. */
const MAX_WRITES = 8;

/**
 * Adds a wait of the instance at hand for `producer`; `kind` is one of {@link edge}. `source` is the unit or queue that carries the
 * producer out ({@link sourceOf}) and must be given where the producer comes later in the graph.
 */
export type AddWait = (producer: number, kind: number, source?: number) => void;

/** The unit, or the queue after all units, that carries an instance out. */
export function sourceOf({ unit, queue }: Graph, instance: number): number {
  const q = queue[instance]!;
  return q === NO_QUEUE ? unit[instance]! % units.length : queueSource(q);
}

/** Where the access lies that a wait was found from. */
export interface WaitSite {
  readonly storage: number;
  /** First byte, an address of the storage's memory. */
  readonly low: number;
  readonly core: number;
}

/** What-ifs change what instances wait for while the graph is built; instances are numbered as in the graph. */
export interface WaitRules {
  /** A wait that bytes ask for. True keeps it; `add` puts others in its place. */
  conflict(consumer: number, producer: number, kind: number, at: WaitSite, add: AddWait): boolean;
  /** All operands of `instance` are known; `add` gives it further waits. */
  close?(instance: number, add: AddWait): void;
}

/** Builds the graph of a placed Program. */
export function buildGraph(
  program: Program,
  placement: Placement,
  plans: ClassPlans,
  trips: TripOptions,
  rules?: WaitRules,
): Graph {
  return new GraphBuilder(program, placement, plans, rules).build(trips);
}

class GraphBuilder {
  private readonly program: Program;
  private readonly placement: Placement;
  private readonly plans: readonly ClassPlan[];
  private readonly lists: AccessLists;
  /** Storages that some instruction writes; others have no hazards. */
  private readonly tracked: Uint8Array;

  private readonly index: Growing;
  private readonly unit: Growing;
  private readonly queue: Growing;
  private readonly edgeStart: Growing;
  private readonly producers: Growing;
  private readonly kinds: Growing;
  private readonly shift = new Map<number, number>();

  /** Latest producer by source for the instance at hand, and why. */
  private readonly best = new Int32Array(SOURCES).fill(-1);
  private readonly why = new Uint8Array(SOURCES);
  /** By unit and source: the last producer already waited for. */
  private readonly known = new Int32Array(units.length * SOURCES);
  private readonly registerWriter = new Int32Array(MAX_REGISTERS);
  private readonly writes = Array.from({ length: MAX_WRITES }, () => new Located());
  private readonly read = new Located();

  // The instance at hand, for `conflict`.
  private instance = 0;
  private source = 0;
  private writing = false;
  private readonly rules: WaitRules | undefined;
  private readonly site = { storage: 0, low: 0, core: 0 };

  constructor(
    program: Program,
    placement: Placement,
    plans: ClassPlans,
    rules: WaitRules | undefined,
  ) {
    this.rules = rules;
    this.program = program;
    this.placement = placement;
    this.plans = plans.plans;
    this.lists = new AccessLists(program, placement);
    const expected = program.starts.length + 1;
    this.index = new Growing(expected);
    this.unit = new Growing(expected);
    this.queue = new Growing(expected);
    this.edgeStart = new Growing(expected);
    this.producers = new Growing(2 * expected);
    this.kinds = new Growing(2 * expected);
    this.tracked = this.writtenStorages();
  }

  build(trips: TripOptions): Graph {
    const { program } = this;
    const dependsOn = new Map<number, number[]>();
    for (const [consumer, producer] of program.depends) {
      const list = dependsOn.get(consumer);
      if (list) list.push(producer);
      else dependsOn.set(consumer, [producer]);
    }
    const latest = new Map<number, number>();
    for (let core = 0; core < program.cores; core++) {
      this.known.fill(-1);
      this.registerWriter.fill(-1);
      const stream = new CoreStream(program, core, trips);
      const bodies = new Map<Loop, readonly number[]>();
      stream.run((i, loop) => {
        const plan = this.plans[program.classOf[i]!]!;
        if (loop) {
          const found = bodies.get(loop) ?? this.unitsIn(loop, core);
          bodies.set(loop, found);
          for (const u of found) this.add(i, core, plan, u, stream.registers, undefined);
          return;
        }
        this.add(i, core, plan, plan.unit, stream.registers, dependsOn.get(i), latest);
        if (dependsOn.size > 0) latest.set(i, this.index.length - 1);
      });
    }
    this.edgeStart.push(this.producers.length);
    return {
      count: this.index.length,
      index: new Uint32Array(this.index.taken()),
      unit: new Uint8Array(this.unit.taken()),
      queue: new Uint8Array(this.queue.taken()),
      edgeStart: new Uint32Array(this.edgeStart.taken()),
      producer: this.producers.taken(),
      kind: new Uint8Array(this.kinds.taken()),
      shift: this.shift,
    };
  }

  /** Units with instructions in a loop; each of them takes the branch. SyncE always does. */
  private unitsIn(loop: Loop, core: number): number[] {
    const found = new Set<number>([unitId.sync]);
    for (let i = loop.begin; i <= loop.end; i++)
      if (this.program.coreOf[i] === core) found.add(this.plans[this.program.classOf[i]!]!.unit);
    return [...found].sort((a, b) => a - b);
  }

  private writtenStorages(): Uint8Array {
    const { words, starts, classOf, storages } = this.program;
    const written = new Uint8Array(storages.length);
    for (const s of storages) if (s.space !== "hbm") written[s.id] = 1;
    for (let i = 0; i < starts.length; i++) {
      const { operands, writesHbm } = this.plans[classOf[i]!]!;
      if (!writesHbm) continue;
      let at = starts[i]! + 2;
      for (const o of operands) {
        if ((o.role & WRITES) !== 0 && o.tile) written[words[at + 1]!] = 1;
        at = skipOperand(words, at);
      }
    }
    return written;
  }

  private add(
    i: number,
    core: number,
    plan: ClassPlan,
    unit: number,
    registers: Registers,
    before: readonly number[] | undefined,
    latest?: ReadonlyMap<number, number>,
  ): void {
    this.instance = this.index.length;
    this.source = plan.queue < 0 ? unit : queueSource(plan.queue);
    this.index.push(i);
    this.unit.push(core * units.length + unit);
    this.queue.push(plan.queue < 0 ? NO_QUEUE : plan.queue);
    this.edgeStart.push(this.producers.length);
    this.operands(i, core, plan, registers);
    if (before)
      for (const p of before) {
        const producer = latest?.get(p);
        if (producer !== undefined) this.waitFor(producer, this.sourceOf(producer), edge.dependsOn);
      }
    this.rules?.close?.(this.instance, this.addWait);
    this.close(unit);
  }

  private sourceOf(instance: number): number {
    const q = this.queue.ints[instance]!;
    return q === NO_QUEUE ? this.unit.ints[instance]! % units.length : queueSource(q);
  }

  private waitFor(producer: number, source: number, kind: number): void {
    if (producer <= this.best[source]!) return;
    this.best[source] = producer;
    this.why[source] = kind;
  }

  /** Turns the collected producers into edges, less those already waited for. */
  private close(unit: number): void {
    const row = unit * SOURCES;
    for (let s = 0; s < SOURCES; s++) {
      const producer = this.best[s]!;
      if (producer < 0) continue;
      this.best[s] = -1;
      if (producer <= this.known[row + s]!) continue;
      this.known[row + s] = producer;
      this.producers.push(producer);
      this.kinds.push(this.why[s]!);
    }
  }

  private operands(i: number, core: number, plan: ClassPlan, registers: Registers): void {
    const { words, starts } = this.program;
    const { operands } = plan;
    let at = starts[i]! + 2;
    let writes = 0;
    for (let n = 0; n < operands.length; n++) {
      const o = operands[n]!;
      const kind = words[at]! & 15;
      if (kind !== tag.tile) {
        if (kind === tag.register) this.register(words[at + 1]!, plan, o);
        at += kind === tag.none ? 1 : 2;
        continue;
      }
      const doesWrite = (o.role & WRITES) !== 0;
      const l = doesWrite ? this.writes[writes]! : this.read;
      locate(words, at, o, registers, this.placement, l);
      at = l.next;
      if (plan.queue >= 0 && o.onChip && this.placement.partition[l.storage]! > 0)
        this.shift.set(this.instance, this.placement.partition[l.storage]!);
      const index = l.index;
      if (this.tracked[l.storage] === 1) {
        if ((o.role & READS) !== 0) this.access(l, core, i, false);
        // Writes wait until all reads are recorded: an update in place depends on who wrote before, not on itself.
        if (doesWrite) writes++;
      }
      if (index < 0) continue;
      locateIndex(words, index, this.program, this.placement, this.read);
      if (this.tracked[this.read.storage] === 1) this.access(this.read, core, i, false);
    }
    for (let w = 0; w < writes; w++) this.access(this.writes[w]!, core, i, true);
  }

  private access(l: Located, core: number, i: number, writes: boolean): void {
    this.writing = writes;
    if (this.rules) {
      this.site.storage = l.storage;
      this.site.low = l.bytes[LO]!;
      this.site.core = core;
    }
    this.lists.access(l, core, i, this.instance, this.source, writes, this);
  }

  /** An earlier access to the same bytes, found by the lists. */
  conflict(producer: number, source: number, wrote: boolean): void {
    if (producer === this.instance) return;
    const raw = wrote && !this.writing;
    const kind = raw ? edge.data : wrote ? edge.overwrite : edge.reuse;
    if (this.rules?.conflict(this.instance, producer, kind, this.site, this.addWait) === false)
      return;
    this.need(producer, source, kind);
  }

  private need(producer: number, source: number, kind: number): void {
    // One engine works in order: only a result that is still in its pipeline must be waited for, and the array adds in place.
    if (
      source === this.source &&
      source < units.length &&
      (kind !== edge.data || source === unitId.tensor)
    )
      return;
    this.waitFor(producer, source, kind);
  }

  private readonly addWait: AddWait = (producer, kind, source) => {
    if (producer !== this.instance) this.need(producer, source ?? this.sourceOf(producer), kind);
  };

  /** Engines keep their own copies of loop counters; other registers are written by one instruction and read by all. */
  private register(r: number, plan: ClassPlan, o: OperandPlan): void {
    if ((o.role & READS) !== 0) {
      const writer = this.registerWriter[r]!;
      if (writer >= 0) this.waitFor(writer, this.sourceOf(writer), edge.register);
    }
    if ((o.role & WRITES) !== 0)
      this.registerWriter[r] = plan.control === "loop_begin" ? -1 : this.instance;
  }
}

/** The word after the operand whose tag is at word `at`. */
function skipOperand(words: Int32Array, at: number): number {
  const head = words[at]!;
  const kind = head & 15;
  if (kind !== tag.tile) return at + (kind === tag.none ? 1 : 2);
  const next = at + 4 + 2 * ((head >> 4) & 15);
  const dynamic = (head >> 16) & 7;
  if (dynamic === 0) return next;
  return dynamic === 1 ? next + 3 : next + 6 + 2 * ((words[next + 2]! >> 4) & 15);
}
