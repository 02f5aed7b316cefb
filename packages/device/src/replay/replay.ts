/**
 * Plays the executed stream of a profile on our timeline: the profile says which instructions ran on which engine in which order
 * and what each waited for; how long everything takes comes from the chip's facts and the instruction records. Taken from the profile
 * besides: when each engine ran its first instruction, the phase of the duty windows, and the start of instructions that wait for
 * something outside the dump.
 */
import { OpenTrnError, toNanoseconds, toTicks } from "@opentrn/base";
import type { Chip, SequencerFacts, SequencerUnit } from "@opentrn/chips";
import type { InstructionClass } from "@opentrn/isa";
import { type Profile, type ProfiledInstruction, profiledEngines } from "@opentrn/trace";
import { type ClassPlan, type PlanChange, type Plans, planOf } from "../timeline/class-plan.ts";
import { type DmaShape, dmaShape } from "../timeline/dma-shape.ts";
import { edge, type Graph, NO_QUEUE } from "../timeline/graph.ts";
import { type Played, type Schedule, schedule } from "../timeline/schedule.ts";
import { queues, units } from "../timeline/units.ts";
import { foreignClass } from "./foreign-class.ts";
import { type Producers, producersOf } from "./producers.ts";

/** Predicted time of one profiled instruction, nanoseconds. */
export interface Replayed {
  readonly instruction: ProfiledInstruction;
  readonly start: number;
  readonly duration: number;
  /** First to last byte of a transfer's data; absent for others. */
  readonly data?: { readonly start: number; readonly end: number };
}

export interface Replay {
  readonly profile: Profile;
  /** In the profile's order; without the ones in `unknown`. */
  readonly instructions: readonly Replayed[];
  /** Instructions that no record describes: played with the duration they had, and left out of comparisons. */
  readonly unknown: readonly ProfiledInstruction[];
  /** Instructions with an opcode of no record, timed as element by element. */
  readonly approximate: readonly ProfiledInstruction[];
  /** Instructions whose start is taken from the profile. */
  readonly given: readonly ProfiledInstruction[];
  /** From the profile's start to the last predicted end. */
  readonly totalNs: number;
  readonly played: PlayedStream;
}

/** What the timeline played: instances in the order of the streams, each with a class of its own. */
export interface PlayedStream {
  readonly chip: Chip;
  readonly cores: number;
  readonly graph: Graph;
  readonly schedule: Schedule;
  readonly plans: readonly ClassPlan[];
  /** By instance; undefined for what sequencers do on their own. */
  readonly classes: readonly (InstructionClass | undefined)[];
  /** The instruction that an instance stands for; undefined for gaps and for the world outside. */
  readonly instructionOf: readonly (ProfiledInstruction | undefined)[];
  readonly shapeOf: (instance: number) => DmaShape;
}

/** A what-if: what changes about an instruction, if anything. Its queue stays. */
export type ReplayChange = (
  i: ProfiledInstruction,
  c: InstructionClass,
) => Pick<PlanChange, "plan" | "shape"> | undefined;

/** Where a profiled instruction went: the instances that begin and end it. */
interface Place {
  readonly instruction: ProfiledInstruction;
  readonly begin: number;
  readonly end: number;
  readonly kind: "compute" | "weights" | "control" | "transfer";
  readonly known: boolean;
  /** A weight load starts with the matmul it belongs to, or while the one before it streams. */
  readonly matmul?: number;
}

/** @throws OpenTrnError "unknown specification" for a chip whose sequencers were never measured. */
export function replay(profile: Profile, chip: Chip, change?: ReplayChange): Replay {
  if (!chip.sequencer)
    throw new OpenTrnError(
      `${chip.name}: control instructions of this chip were never measured, so a profile cannot be replayed; use trn2`,
      { category: "unknown specification", rule: "replay" },
    );
  return new Player(profile, chip, chip.sequencer, change).run();
}

class Player {
  private readonly profile: Profile;
  private readonly chip: Chip;
  private readonly facts: SequencerFacts;
  private readonly producers: Producers;
  private readonly plans: ClassPlan[] = [];
  private readonly classes: (InstructionClass | undefined)[] = [];
  private readonly instructionOf: (ProfiledInstruction | undefined)[] = [];
  private readonly shapes = new Map<number, NonNullable<PlanChange["shape"]>>();
  private readonly change: ReplayChange | undefined;
  private readonly unit: number[] = [];
  private readonly queue: number[] = [];
  private readonly edges: { producer: number | string; kind: number }[][] = [];
  private readonly places = new Map<string, Place>();
  private readonly unknown: ProfiledInstruction[] = [];
  private readonly approximate: ProfiledInstruction[] = [];
  private readonly given: ProfiledInstruction[] = [];
  private readonly cores: readonly string[];
  private readonly outside: number;
  /** Last instance that used an engine's pipeline. */
  private lastCompute = -1;

  constructor(
    profile: Profile,
    chip: Chip,
    facts: SequencerFacts,
    change: ReplayChange | undefined,
  ) {
    this.profile = profile;
    this.change = change;
    this.chip = chip;
    this.facts = facts;
    this.producers = producersOf(profile.instructions);
    this.cores = [...new Set(profile.instructions.map((i) => i.core))].sort();
    this.outside = this.cores.length * units.length;
  }

  run(): Replay {
    for (const [c, core] of this.cores.entries())
      for (const [e, engine] of profiledEngines.entries()) {
        const stream = this.profile.instructions.filter(
          (i) => i.core === core && i.engine === engine,
        );
        if (stream.length > 0) this.addStream(stream, c * units.length + e);
      }
    const phase = this.profile.duty[0]?.start ?? 0;
    const played: Played = {
      chip: this.chip,
      cores: this.cores.length + 1,
      classOf: Uint32Array.from(this.plans.keys()) as unknown as Played["classOf"],
      classes: [],
    };
    const graph = this.graph();
    const result = schedule(played, graph, this.plansObject(), { dutyPhaseNs: phase });
    return this.collect(result, graph);
  }

  private plansObject(): Plans {
    return {
      plans: this.plans,
      shapeOf: (id, shift) => this.shapeOf(id, shift),
    };
  }

  private shapeOf(id: number, shift: number): DmaShape {
    const c = this.classes[id]!;
    return this.shapes.get(id)?.(c, shift) ?? dmaShape(c.op, c.call, shift);
  }

  private addStream(stream: readonly ProfiledInstruction[], unit: number): void {
    this.lastCompute = -1;
    const first = stream.reduce((a, b) => (b.start < a.start ? b : a));
    this.control(unit, toTicks(first.start), []);
    for (const [n, i] of stream.entries()) {
      if (this.producers.unexplained.has(i.id)) {
        this.given.push(i);
        this.at(unit, i.start);
      }
      const found = foreignClass(i, this.chip, this.plans.length);
      const c = found?.of;
      if (found?.described === false) this.approximate.push(i);
      if (i.opcode === "LDWEIGHTS") this.weights(stream, n);
      else if (c && i.opcode.startsWith("DMA_")) this.transfer(i, c, unit);
      else if (c) this.compute(i, c, unit, stream[n - 1]);
      else this.sequencer(i, unit, stream[n + 1]);
    }
  }

  /** Holds a stream up until a time that the profile gives: it waits for an event of a core beside the real ones. */
  private at(unit: number, ns: number): void {
    const { semaphoreNs, semaphoreToTensorNs } = this.chip.sync;
    const seen = this.unitName(unit) === "tensor" ? semaphoreToTensorNs : semaphoreNs;
    const event = this.control(this.outside, 0, [], toTicks(ns - seen.value));
    this.control(unit, 0, [{ producer: event, kind: edge.data }]);
  }

  private unitName(unit: number): SequencerUnit {
    return units[unit % units.length]!;
  }

  private push(
    plan: ClassPlan,
    c: InstructionClass | undefined,
    unit: number,
    queue: number,
    i?: ProfiledInstruction,
  ): number {
    const id = this.plans.length;
    const change = c && i && this.change?.(i, c);
    if (change?.shape) this.shapes.set(id, change.shape);
    this.plans.push((c && change?.plan?.(plan, c)) ?? plan);
    this.classes.push(c);
    this.instructionOf.push(i);
    this.unit.push(unit);
    this.queue.push(queue);
    this.edges.push([]);
    return id;
  }

  /** Something the sequencer does on its own. */
  private control(
    unit: number,
    interval: number,
    edges: readonly { producer: number | string; kind: number }[],
    latency = interval,
  ): number {
    const id = this.push(
      { ...idle, unit: unit % units.length, interval, latency },
      undefined,
      unit,
      NO_QUEUE,
    );
    this.edges[id]!.push(...edges);
    return id;
  }

  private waits(i: ProfiledInstruction): { producer: string; kind: number }[] {
    return this.producers.of.get(i.id)!.map((p) => ({ producer: p.id, kind: edge.data }));
  }

  private compute(
    i: ProfiledInstruction,
    c: InstructionClass,
    unit: number,
    before: ProfiledInstruction | undefined,
  ): void {
    const id = this.push(planOf(c, -1, noTables), c, unit, NO_QUEUE, i);
    this.edges[id]!.push(...this.waits(i));
    // The weight load before a matmul carries the wait for the weights.
    if (before?.opcode === "LDWEIGHTS") this.edges[id]!.push(...this.waits(before));
    this.lastCompute = id;
    this.places.set(i.id, { instruction: i, begin: id, end: id, kind: "compute", known: true });
  }

  /** A weight load has no instance of its own: the matmul after it shows or hides it. */
  private weights(stream: readonly ProfiledInstruction[], n: number): void {
    const i = stream[n]!;
    const matmul = this.plans.length;
    this.places.set(i.id, {
      instruction: i,
      begin: matmul,
      end: matmul,
      kind: "weights",
      known: true,
      matmul,
    });
  }

  private transfer(i: ProfiledInstruction, c: InstructionClass, unit: number): void {
    const queue = queues.findIndex(
      (q) =>
        q.issuer === units[unit % units.length] &&
        q.path === (i.engine === "GpSimd" ? "software" : "hardware"),
    );
    const id = this.push(planOf(c, queue, noTables), c, unit, queue, i);
    this.edges[id]!.push(...this.waits(i));
    this.places.set(i.id, { instruction: i, begin: id, end: id, kind: "transfer", known: true });
  }

  /** Control instructions: a hardware wait holds the issue back; polls and drains begin and then wait. */
  private sequencer(
    i: ProfiledInstruction,
    unit: number,
    next: ProfiledInstruction | undefined,
  ): void {
    const name = this.unitName(unit);
    const key = controlKey(i);
    const cost = this.facts.instructionNs.value[key];
    const known = cost !== undefined;
    if (!known) this.unknown.push(i);
    const ns = cost?.[name] ?? i.duration;
    const polled =
      i.operands.waits.some((w) => w.polled) && this.producers.of.get(i.id)!.length > 0;
    const drains = i.opcode === "DRAIN" && this.lastCompute >= 0;
    const hardware = polled ? [] : this.waits(i);
    const begin = this.control(unit, toTicks(ns), hardware);
    this.instructionOf[begin] = i;
    let end = begin;
    if (polled) {
      const far = this.producers.of.get(i.id)!.some((p) => this.producers.remote.has(p.id));
      const wake = this.facts.pollNs.value + (far ? this.facts.remoteNs.value : 0);
      end = this.control(
        unit,
        toTicks(Math.max(0, wake - this.chip.sync.semaphoreNs.value)),
        this.waits(i),
      );
    } else if (drains)
      end = this.control(unit, 0, [{ producer: this.lastCompute, kind: edge.data }]);
    this.instructionOf[end] = i;
    this.places.set(i.id, { instruction: i, begin, end, kind: "control", known });
    const gap = this.facts.afterNs.value[key]?.[name] ?? this.facts.gapNs.value[name];
    if (next) this.control(unit, toTicks(gap), []);
  }

  private graph(): Graph {
    const index = (p: number | string): number =>
      typeof p === "number" ? p : this.places.get(p)!.end;
    const producer: number[] = [];
    const kind: number[] = [];
    const edgeStart = this.edges.map((list) => {
      const at = producer.length;
      for (const e of list) {
        producer.push(index(e.producer));
        kind.push(e.kind);
      }
      return at;
    });
    return {
      count: this.plans.length,
      index: Uint32Array.from(this.plans.keys()),
      unit: Uint8Array.from(this.unit),
      queue: Uint8Array.from(this.queue),
      edgeStart: Uint32Array.from([...edgeStart, producer.length]),
      producer: Int32Array.from(producer),
      kind: Uint8Array.from(kind),
      shift: new Map(),
    };
  }

  private collect(s: Schedule, graph: Graph): Replay {
    const ns = (ticks: number): number => toNanoseconds(ticks);
    const instructions: Replayed[] = [];
    let total = 0;
    for (const i of this.profile.instructions) {
      const p = this.places.get(i.id)!;
      const start = ns(s.start[p.begin]!);
      const end = ns(s.end[p.end]!);
      total = Math.max(total, end);
      if (!p.known) continue;
      instructions.push(
        p.kind === "transfer"
          ? this.triggered(i, p.begin, s)
          : p.kind === "compute"
            ? this.computed(i, p.begin, s)
            : p.kind === "weights"
              ? this.loaded(i, p.begin, s)
              : { instruction: i, start, duration: end - start },
      );
    }
    return {
      profile: this.profile,
      instructions,
      unknown: this.unknown,
      approximate: this.approximate,
      given: this.given,
      totalNs: total,
      played: {
        chip: this.chip,
        cores: this.cores.length,
        graph,
        schedule: s,
        plans: this.plans,
        classes: this.classes,
        instructionOf: this.instructionOf,
        shapeOf: (id) => this.shapeOf(id, 0),
      },
    };
  }

  /** The trigger is what the profiler shows as the instruction: all of it for hardware descriptors, its end for software ones. */
  private triggered(i: ProfiledInstruction, id: number, s: Schedule): Replayed {
    const start = s.start[id]!;
    const { interval, latency, unit } = this.plans[id]!;
    const data = { start: toNanoseconds(s.firstData[id]!), end: toNanoseconds(s.end[id]!) };
    if (queues[this.queue[id]!]!.path === "hardware")
      return {
        instruction: i,
        start: toNanoseconds(start),
        duration: toNanoseconds(interval) - this.facts.gapNs.value[this.unitName(unit)],
        data,
      };
    const ns = this.facts.instructionNs.value["DMA_DIRECT2D software"]!.gpsimd;
    return { instruction: i, start: toNanoseconds(start + latency), duration: ns, data };
  }

  /** The profiler counts a matmul from when its weights began to load, where that is not hidden. */
  private computed(i: ProfiledInstruction, id: number, s: Schedule): Replayed {
    const end = toNanoseconds(s.end[id]!);
    const start = toNanoseconds(i.engine === "Tensor" ? s.issue[id]! : s.start[id]!);
    return { instruction: i, start, duration: end - start };
  }

  /** A weight load begins with its matmul after a pause, and with the matmul before it when that hides it. */
  private loaded(i: ProfiledInstruction, id: number, s: Schedule): Replayed {
    const { tensor } = this.chip;
    const shown = s.start[id]! > s.issue[id]!;
    const before = this.previousMatmul(id);
    const start = toNanoseconds(shown || before < 0 ? s.issue[id]! : s.start[before]!);
    const warm = s.warm[id] === 1;
    const rate = warm || shown ? 1 : (tensor.duty?.coldRate.value ?? 1);
    const tail = warm
      ? tensor.loadLatencyCycles.value
      : (tensor.duty?.coldLoadLatencyCycles.value ?? 0);
    const duration = (this.plans[id]!.loadCycles / rate + tail) / tensor.clockGHz.value;
    return { instruction: i, start, duration };
  }

  private previousMatmul(id: number): number {
    for (let k = id - 1; k >= 0 && this.unit[k] === this.unit[id]; k--)
      if (this.classes[k]) return k;
    return -1;
  }
}

const noTables = { of: () => 0 };

const idle: ClassPlan = {
  unit: 0,
  queue: -1,
  operands: [],
  writesHbm: false,
  interval: 0,
  latency: 0,
  streamCycles: 0,
  loadCycles: 0,
  rows: 1,
  table: 0,
  flops: 0,
  peak: 1,
  unknown: undefined,
  control: "sequencer",
};

/** The row of the sequencer table that an instruction belongs to. */
function controlKey({
  opcode,
  operands: { settings, waits, patterns },
}: ProfiledInstruction): string {
  if (opcode === "EVENT_SEMAPHORE" && waits.some((w) => !w.polled)) return `${opcode} hardware`;
  if (opcode === "COMPARE_BRANCH" && settings["cmp_op"] === "ALWAYS") return `${opcode} ALWAYS`;
  if (opcode === "WRITE" && settings["size"] !== "4") return `${opcode} 2`;
  if (opcode === "TENSOR_LOAD" && (patterns["addr"]?.counts[0] ?? 1) > 1) return `${opcode} 2`;
  return opcode;
}
