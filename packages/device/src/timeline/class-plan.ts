/**
 * Everything about an instruction that only depends on its class, worked out once: which unit or queue runs it, how long it
 * occupies the unit, when its result is there, and the bytes each operand touches relative to its own address.
 */
import { toTicks } from "@opentrn/base";
import type { EngineFacts } from "@opentrn/chips";
import {
  type AnyCall,
  type InstructionClass,
  matmulSizes,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { CollectivePlans, type RankOptions } from "../fabric/collective-plan.ts";
import { byteShape } from "./byte-set.ts";
import { type DmaShape, dmaShape } from "./dma-shape.ts";
import { assignQueues } from "./queue-policy.ts";
import { queues, unitId, unitOfEngine, units } from "./units.ts";

/** What an operand does to its bytes. */
export const READS = 1;
export const WRITES = 2;

export interface OperandPlan {
  readonly role: number;
  /** Absent for numbers, registers and missing operands. */
  readonly tile: boolean;
  readonly onChip: boolean;
  readonly size: number;
  readonly partitions: number;
  readonly base: number;
  readonly length: number;
  readonly pitch: number;
  readonly run: number;
}

export interface ClassPlan {
  readonly unit: number;
  /** Queue, or -1 for what is no transfer. */
  readonly queue: number;
  readonly operands: readonly OperandPlan[];
  readonly writesHbm: boolean;
  /** Ticks the unit is busy, and ticks from start to the visible result; for transfers the trigger instruction's. */
  readonly interval: number;
  readonly latency: number;
  /** Cycles the array streams, which the duty limiter counts and slows down; 0 outside the tensor engine. */
  readonly streamCycles: number;
  /** Cycles to load the stationary tile, shown only after a pause. */
  readonly loadCycles: number;
  /** Share of the array's rows that it uses: what the duty limiter counts a cycle as. */
  readonly rows: number;
  /** ScalarE table the function needs: 0 for none. */
  readonly table: number;
  readonly flops: number;
  /** Peak of the types multiplied, in flops a tick of one core. */
  readonly peak: number;
  /** Instructions with this cost are outside what is known; why, and otherwise undefined. */
  readonly unknown: string | undefined;
  readonly control: string | undefined;
  /** A collective between ranks: `latency` begins when all of them are ready, and one core's collectives follow each other. */
  readonly fabric?: true;
}

/** What the schedule asks of plans, whoever makes them. */
export interface Plans {
  readonly plans: readonly ClassPlan[];
  shapeOf(classId: number, shift: number): DmaShape;
}

/** What a what-if changes about instructions of one class. */
export interface PlanChange {
  /** Queue of a transfer, instead of the one the policy chooses. */
  readonly queue?: number;
  /** The plan instead of the class's own. */
  readonly plan?: (plan: ClassPlan, c: InstructionClass) => ClassPlan;
  /** What a transfer asks of the DMA engines, instead of what its class says. */
  readonly shape?: (c: InstructionClass, shift: number) => DmaShape;
}

/** Plans of all classes. Transfers get their shape by `shapeOf`, which needs the placed partition. */
export class ClassPlans implements Plans {
  readonly plans: readonly ClassPlan[];
  private readonly program: Program;
  private readonly changes: ReadonlyMap<number, PlanChange>;
  private readonly shapes = new Map<number, DmaShape>();

  /** `changes` by class id, for what-ifs; `ranks` say where collectives run. */
  constructor(
    program: Program,
    changes: ReadonlyMap<number, PlanChange> = new Map(),
    ranks: RankOptions = {},
  ) {
    this.program = program;
    this.changes = changes;
    const queueOfClass = assignQueues(program);
    const tables = new ActivationTables(program);
    const collectives = new CollectivePlans(program, ranks);
    this.plans = program.classes.map((c) => {
      const change = changes.get(c.id);
      const plan = planOf(c, change?.queue ?? queueOfClass[c.id]!, tables, collectives);
      return change?.plan?.(plan, c) ?? plan;
    });
  }

  /** The shape of a transfer whose SBUF tensor was placed `shift` partitions from the bottom. */
  shapeOf(classId: number, shift: number): DmaShape {
    const key = classId * 128 + shift;
    const known = this.shapes.get(key);
    if (known) return known;
    const c = this.program.classes[classId]!;
    const made = this.changes.get(classId)?.shape?.(c, shift) ?? dmaShape(c.op, c.call, shift);
    this.shapes.set(key, made);
    return made;
  }
}

const nothing: OperandPlan = {
  role: 0,
  tile: false,
  onChip: false,
  size: 1,
  partitions: 0,
  base: 0,
  length: 0,
  pitch: 0,
  run: 0,
};

function operandPlans(c: InstructionClass): OperandPlan[] {
  const { op, call } = c;
  return Object.entries(op.operands as Record<string, OperandSpec>).map(([name, spec]) => {
    const t = call.tile[name];
    const reads =
      spec.role === "in" || (spec.role === "inout" && (op.readsOperand?.(name, call.attr) ?? true));
    const role = (reads ? READS : 0) | (spec.role === "in" ? 0 : WRITES);
    if (t === undefined) return { ...nothing, role };
    const onChip = t.space !== "hbm";
    const counts = onChip ? t.shape.slice(1) : t.shape;
    const dims = counts.map((count, d) => [t.strides[d]!, count] as const);
    const size = bytesOf(t.dtype);
    return {
      role,
      tile: true,
      onChip,
      size,
      partitions: t.partitions,
      ...byteShape(t.dynamic === "vector" ? dims.slice(onChip ? 0 : 1) : dims, size),
    };
  });
}

/** Numbers ScalarE look-up tables by class; 0 for none. */
interface TableNumbers {
  of(c: InstructionClass): number;
}

/** The plan of one class: a transfer on `queue`, or work of a unit with `queue` -1. */
export function planOf(
  c: InstructionClass,
  queue: number,
  tables: TableNumbers,
  collectives?: CollectivePlans,
): ClassPlan {
  const { op, call } = c;
  const { chip } = call;
  const operands = operandPlans(c);
  const shared = {
    queue,
    operands,
    writesHbm: operands.some((o) => o.tile && !o.onChip && (o.role & WRITES) !== 0),
    control: op.control ? op.name : undefined,
    unknown: op.cost.kind === "unknown" ? op.cost.why : undefined,
    table: tables.of(c),
    ...work(call),
  };
  if (op.cost.kind === "dma") {
    const kind = queues[queue]!;
    const software = kind.path === "software";
    const { issueNs, softwareLatencyNs } = chip.dma;
    const interval = toTicks(issueNs[kind.path].value);
    const latency = software ? Math.max(interval, toTicks(softwareLatencyNs.value)) : interval;
    return {
      ...shared,
      unit: unitId[kind.issuer],
      interval,
      latency,
      streamCycles: 0,
      loadCycles: 0,
      rows: 1,
    };
  }
  const unit = unitOfEngine(c.engine);
  if (op.cost.kind === "fabric")
    return {
      ...shared,
      unit,
      // The sequencer hands a collective to the collective cores, as it triggers a transfer of a ring.
      interval: toTicks(chip.dma.issueNs.ring.value),
      latency: toTicks(collectives?.time(c).ns ?? 0),
      streamCycles: 0,
      loadCycles: 0,
      rows: 1,
      fabric: true,
    };
  const cost = op.cost.cycles(call as never);
  const clock = clockOf(call, unit);
  const interval = toTicks(cost.interval / clock);
  const latency = toTicks(cost.latency / clock);
  const isTensor = units[unit] === "tensor";
  const stream = isTensor ? Math.max(0, cost.latency - chip.tensor.latencyCycles.value) : 0;
  return {
    ...shared,
    unit,
    interval,
    latency,
    streamCycles: stream,
    loadCycles: loadCycles(call),
    rows: rowShare(call),
  };
}

/** The plan with the costs of a call that differs from the class's in types or sizes; its bytes stay where they are. */
export function recosted(plan: ClassPlan, c: InstructionClass): ClassPlan {
  const { operands, writesHbm, table } = plan;
  return { ...planOf(c, plan.queue, { of: () => table }), operands, writesHbm };
}

/** Cycles a nanosecond; the sequencer's costs are in nanoseconds. */
function clockOf(call: AnyCall, unit: number): number {
  const { chip } = call;
  const name = units[unit]!;
  if (name === "sync") return 1;
  if (name === "tensor") return chip.tensor.clockGHz.value;
  const facts: EngineFacts = chip.engines[name];
  return facts.clockGHz.value;
}

/** Cycles to load the tile that stays in the array. */
function loadCycles(call: AnyCall): number {
  const { tensor } = call.chip;
  const moving = call.tile["moving"] ?? call.tile["data"];
  if (moving?.dtype !== "float32") return tensor.loadCycles.value;
  const transposes = call.attr["is_transpose"] === true || call.tile["data"] !== undefined;
  return transposes ? tensor.fp32TransposeLoadCycles.value : tensor.fp32LoadCycles.value;
}

/** Rows of the array that the stationary tile (or the data that a transpose passes through) fills. */
function rowShare(call: AnyCall): number {
  const held = call.tile["stationary"] ?? call.tile["data"];
  return held ? Math.min(1, held.partitions / call.chip.tensor.rows.value) : 1;
}

/** Multiplications and additions of a matmul; transposes through the array count for nothing. */
function work(call: AnyCall): { readonly flops: number; readonly peak: number } {
  const { stationary, moving } = call.tile;
  const peaks = call.chip.peakTflops;
  if (!stationary || !moving || call.attr["is_transpose"] === true) return { flops: 0, peak: 1 };
  const { K, M, N } = matmulSizes(call);
  const size = bytesOf(moving.dtype);
  const peak =
    moving.dtype.includes("float8") || moving.dtype.includes("float4")
      ? peaks.fp8
      : size >= 4 && moving.dtype === "float32"
        ? peaks.fp32
        : peaks.bf16;
  // 1 TFLOP/s is one flop a picosecond.
  return { flops: 2 * K * M * N, peak: peak.value };
}

/** Numbers the ScalarE look-up tables. */
class ActivationTables {
  private readonly numbers = new Map<string, number>();
  private readonly everywhere: ReadonlySet<string>;
  private readonly shared: readonly (readonly string[])[];

  constructor(program: Program) {
    const { everywhere, shared } = program.chip.sync.activationTables.value;
    this.everywhere = new Set(everywhere);
    this.shared = shared;
  }

  /** The table a class needs; 0 when it needs none. */
  of(c: InstructionClass): number {
    if (c.engine !== "scalar") return 0;
    const attrs = c.op.attrs as Record<string, { readonly kind: string }>;
    const name = Object.keys(attrs).find((a) => attrs[a]!.kind === "activation");
    const f = name === undefined ? undefined : (c.call.attr[name] as string | undefined);
    if (f === undefined || this.everywhere.has(f)) return 0;
    const group = this.shared.findIndex((g) => g.includes(f));
    const key = group >= 0 ? `#${group}` : f;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.numbers.size + 1);
    return this.numbers.size;
  }
}
