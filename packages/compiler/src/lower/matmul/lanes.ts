/**
 * Epilogues of several units at a time. Engines run in order, and what one unit needs goes from engine to engine, so that each would wait
 * for the others; instead, the first part of a unit's instructions takes turns with the second part of the unit before and so on, on
 * tiles of their own. Stores come a unit later, when their data is there and they hold up no loads.
 */
import { invariant } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { Emitter, type Pending } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { Block, type BlockRequest, type BlockSpec, COLUMN_BYTES } from "../rows/block.ts";
import { streamNs } from "./costs.ts";

/** How many units are under way together, on as many lanes of tiles, each with so many bytes of a partition. */
export interface LanePlan extends LaneSize {
  readonly together: number;
  readonly lanes: number;
}

/** What a block's tiles take of a partition. */
export interface LaneSize {
  /** For the block to keep to, and what it takes with what it never gives back. */
  readonly budget: number;
  readonly bytes: number;
}

/** Room for a block of that many rows and columns, `ease` times what it needs at least. Measured on a Program of its own. */
export function laneSize(
  chip: Chip,
  spec: BlockSpec,
  rows: number,
  columns: number,
  ease: number,
): LaneSize {
  const least = tileBytes(chip, spec, rows, columns, 0);
  const budget = Math.ceil(least.pool * ease);
  const { pool, kept } = tileBytes(chip, spec, rows, columns, budget);
  // Columns of other places along a row may stay as well.
  return { budget, bytes: Math.max(pool, budget) + kept + COLUMN_BYTES };
}

/** Bytes of a partition that a block takes for tiles that it reuses, and for those that it keeps. */
function tileBytes(
  chip: Chip,
  spec: BlockSpec,
  rows: number,
  columns: number,
  budget: number,
): { readonly pool: number; readonly kept: number } {
  const emit = new Emitter("measured", chip);
  const block = Block.of({ ...spec, budget }, emit);
  invariant(typeof block !== "string", "refuses has asked before");
  const bind = (v: Value): View =>
    spec.onChip?.includes(v)
      ? emit.psum("float32", [rows, columns])
      : emit.hbm("outside", v.type.dtype, v.type.shape);
  emit.collect(() => {
    // The second time around, tiles of the first are free in another order.
    for (let i = 0; i < 2; i++) block.emit({ rows: [0, rows], columns: [0, columns], bind });
  });
  const bytes = (pooled: boolean): number =>
    emit.builder.storages
      .filter((s) => s.space === "sbuf" && s.name.startsWith("tile_") === pooled)
      .reduce((n, s) => n + s.rowBytes, 0);
  return { pool: bytes(true), kept: bytes(false) };
}

/** A unit under way: which of its instructions are appended, and when the last of them is done. */
interface Active {
  readonly work: readonly Pending[];
  readonly stores: readonly Pending[];
  at: number;
  ready: number;
}

/** Nanoseconds that an instruction occupies its engine, and until others see its result after that. */
interface Cost {
  readonly engine: string;
  readonly ns: number;
  readonly latency: number;
  /** The function whose table ScalarE needs. */
  readonly table?: string | undefined;
}

export class Lanes {
  private readonly emit: Emitter;
  private readonly plan: LanePlan;
  private readonly blocks: readonly Block[];
  private readonly unitNs: number;
  private readonly free = new Map<string, number>();
  private readonly busy = new Map<string, number>();
  private active: Active[] = [];
  private late: Pending[] = [];
  private count = 0;
  private arrival = 0;
  private table: string | undefined;

  /** `unitNs` is what the array takes for a unit. */
  constructor(emit: Emitter, spec: BlockSpec, plan: LanePlan, unitNs: number) {
    this.emit = emit;
    this.plan = plan;
    this.unitNs = unitNs;
    this.blocks = Array.from({ length: plan.lanes }, () => {
      const block = Block.of({ ...spec, budget: plan.budget }, emit);
      invariant(typeof block !== "string", "refuses has asked before");
      return block;
    });
  }

  /** Computes a unit; `store` stores what the block made. */
  take(request: BlockRequest, store: (block: Block) => void): void {
    const block = this.blocks[this.count++ % this.blocks.length]!;
    const work = this.emit.collect(() => {
      block.emit(request);
    });
    const stores = this.emit.collect(() => {
      store(block);
    });
    const due = this.late;
    this.late = [];
    this.arrival += this.unitNs;
    this.active.push({ work, stores, at: 0, ready: this.arrival });
    while (this.active.length >= this.plan.together) this.step();
    this.append(due);
    if (this.plan.lanes === 1) this.storeLate();
  }

  /** Appends the instruction, of the next ones of units under way, that can start first. */
  private step(): void {
    let best: Active | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const a of this.active) {
      const { engine, table } = this.costOf(a.work[a.at]!);
      const start = Math.max(a.ready, (this.free.get(engine) ?? 0) + this.tableNs(table));
      if (start < earliest) {
        earliest = start;
        best = a;
      }
    }
    const next = best!.work[best!.at++]!;
    const { engine, ns, latency, table } = this.costOf(next);
    this.busy.set(engine, (this.busy.get(engine) ?? 0) + this.tableNs(table));
    if (table !== undefined) this.table = table;
    this.free.set(engine, earliest + ns);
    this.busy.set(engine, (this.busy.get(engine) ?? 0) + ns);
    best!.ready = earliest + ns + latency;
    this.emit.append(next);
    if (best!.at < best!.work.length) return;
    this.late.push(...best!.stores);
    this.active = this.active.filter((a) => a !== best);
    // The array waits for PSUM where epilogues are slower than it is.
    this.arrival = Math.max(this.arrival, earliest - this.plan.together * this.unitNs);
  }

  /** What it takes to load the table of a ScalarE function, where another one is there. */
  private tableNs(table: string | undefined): number {
    const other = table !== undefined && table !== this.table;
    return other ? this.emit.chip.sync.activationTableLoadNs.value : 0;
  }

  /** Where an instruction runs and how long it occupies its engine, about. */
  private costOf({ op, attrs, operands }: Pending): Cost {
    const { chip } = this.emit;
    const asked = attrs["engine"];
    const engine =
      typeof asked === "string" && op.cost.kind !== "dma" ? asked : op.engines(chip)[0]!;
    // Loads are issued by SyncE.
    if (engine !== "vector" && engine !== "scalar" && engine !== "gpsimd")
      return { engine: "sync", ns: chip.dma.issueNs.hardware.value, latency: 0 };
    const { dst } = operands;
    const columns =
      dst?.kind === "tile" ? dst.pattern.dims.slice(1).reduce((n, d) => n * d[1], 1) : 1;
    const facts = chip.engines[engine];
    const latency = facts.latencyCycles.value / facts.clockGHz.value + chip.sync.semaphoreNs.value;
    // GpSimd reads one element of one tile a cycle.
    const tiles = engine === "gpsimd" && operands["data2"]?.kind === "tile" ? 2 : 1;
    const ns = streamNs(facts, tiles * columns);
    return {
      engine,
      ns,
      latency,
      table: engine === "scalar" ? this.tableOf(attrs["op"]) : undefined,
    };
  }

  private tableOf(op: unknown): string | undefined {
    const { everywhere, shared } = this.emit.chip.sync.activationTables.value;
    if (typeof op !== "string" || everywhere.includes(op)) return undefined;
    const group = shared.findIndex((g) => g.includes(op));
    return group < 0 ? op : `#${group}`;
  }

  /** What the busiest engine does for a unit on average, over what the array does. */
  get load(): number {
    const { vector = 0, scalar = 0, gpsimd = 0 } = Object.fromEntries(this.busy);
    return Math.max(vector, scalar, gpsimd) / (this.count * this.unitNs);
  }

  /** Appends everything. */
  flush(): void {
    while (this.active.length > 0) this.step();
    this.storeLate();
  }

  private storeLate(): void {
    this.append(this.late);
    this.late = [];
  }

  /** Stores are issued by the engine that has the least to do. */
  private append(stores: readonly Pending[]): void {
    const { hardwareDge, issueNs } = this.emit.chip.dma;
    for (const p of stores) {
      const open = p.op === records.dmaCopy && p.attrs["dge_mode"] === undefined && sameTypes(p);
      if (!open || !hardwareDge.value) {
        this.emit.append(p);
        continue;
      }
      const busy = (engine: string): number => this.busy.get(engine) ?? 0;
      const engine = issuers.reduce((a, b) => (busy(b) < busy(a) ? b : a));
      const software = engine === "gpsimd";
      this.busy.set(engine, busy(engine) + issueNs[software ? "software" : "hardware"].value);
      const mode = software ? { dge_mode: "swdge" } : { dge_mode: "hwdge", engine };
      this.emit.append({ ...p, attrs: { ...p.attrs, ...mode } });
    }
  }
}

/** Engines that issue stores. */
const issuers = ["sync", "gpsimd", "scalar"] as const;

/** Only software descriptors convert. */
const sameTypes = ({ operands: { dst, src } }: Pending): boolean =>
  dst?.kind === "tile" && src?.kind === "tile" && dst.pattern.dtype === src.pattern.dtype;
