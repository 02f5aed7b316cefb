/**
 * The template for row-wise work: elementwise operations, reductions, broadcasts and views, fused into one pass over the rows where
 * reductions allow it. Rows lie on partitions; a row that is larger than SBUF is taken in chunks, once for each reduction that later ones
 * wait for. Reductions over rows are finished after the last block.
 */
import type { Chip } from "@opentrn/chips";
import type { Func, Operation, Value } from "@opentrn/ir";
import type { Lowering, Template } from "../template.ts";
import { chooseTiling, keptBytes, type Tiling, totalParts } from "./choose.ts";
import { type ChunkSum, chunkSum } from "./chunk-sums.ts";
import { type Domain, domainOf, flat } from "./domain.ts";
import { Evaluator } from "./evaluate.ts";
import { copy } from "./instructions.ts";
import { roundTo } from "./integer-ops.ts";
import { foldedAxes, foldsRows, isChunked, lateValues } from "./layout.ts";
import { type OnlinePair, onlinePair, onlineSum } from "./online-sums.ts";
import { TilePool } from "./pool.ts";
import { psumColumns, type RowSum, rowSum } from "./row-sums.ts";
import { Site } from "./site.ts";
import { type Strengthened, strengthen } from "./strengthen.ts";
import { supported } from "./supported.ts";
import { countsOf, isTile, repeated, type Tile } from "./tile.ts";
import { hbmTensor, transfer } from "./transfer.ts";

/** Share of a partition of SBUF for tiles that come and go. */
const SHARE = 0.88;
/** Buffers for each one in use where a block passes in chunks, several times. */
const DEPTH = 6;
/** fp32 columns of PSUM for sums over rows. */
const PSUM_COLUMNS = 4096;

interface Plan {
  readonly results: readonly Value[];
  readonly domain: Domain;
  readonly tiling: Tiling;
}

/** Plans of groups that were asked about: those that are taken are lowered next. */
const plans = new WeakMap<Func, { readonly chip: Chip; readonly plan: Plan | string }>();

function planOf(group: Func, chip: Chip): Plan | string {
  const known = plans.get(group);
  if (known?.chip === chip) return known.plan;
  const plan = madePlan(group, chip);
  plans.set(group, { chip, plan });
  return plan;
}

function madePlan(group: Func, chip: Chip): Plan | string {
  const strong = strengthen(group);
  const found = planFor(strong, chip);
  const same = strong.ops.every((op, i) => op === group.body[i]);
  return typeof found === "string" && !same
    ? planFor({ ops: group.body, results: group.results }, chip)
    : found;
}

function planFor({ ops, results }: Omit<Strengthened, "here">, chip: Chip): Plan | string {
  const wrong = supported(ops);
  if (wrong) return wrong;
  const domain = domainOf(ops, new Set(), results);
  if (typeof domain === "string") return domain;
  const tiling = chooseTiling(domain, results, chip);
  return typeof tiling === "string" ? tiling : { domain, tiling, results };
}

export const rows: Template = {
  name: "rows",
  summary: "elementwise operations, reductions, broadcasts and views, row by row",
  reorders: true,
  refuses: (group, chip) => {
    const plan = planOf(group, chip);
    return typeof plan === "string" ? plan : undefined;
  },
  lower: (lowering) => {
    const plan = planOf(lowering.group, lowering.chip);
    if (typeof plan === "string") throw new Error(plan);
    new Rows(lowering, plan).lower();
  },
};

/** Targets that are reached after as many reductions along the chunked axis. */
interface Phase {
  readonly results: readonly number[];
  readonly folds: readonly Operation[];
  readonly rowFolds: readonly Operation[];
}

class Rows {
  private readonly lowering: Lowering;
  private readonly results: readonly Value[];
  private readonly domain: Domain;
  private readonly tiling: Tiling;
  private readonly site: Site;
  private readonly e: Evaluator;
  private readonly late: ReadonlySet<Value>;
  private readonly phases: readonly Phase[];
  /** Reductions that are made in pairs. */
  private readonly online = new Map<Operation, OnlinePair>();
  private rowSums = new Map<Operation, RowSum>();

  constructor(lowering: Lowering, { domain, tiling, results }: Plan) {
    this.lowering = lowering;
    this.results = results;
    this.domain = domain;
    this.tiling = tiling;
    const { emit } = lowering;
    const all = emit.chip.sbuf.usableBytesPerPartition.value;
    const budget = SHARE * all - keptBytes(domain, tiling);
    const phased = tiling.layout.chunk >= 0 && !tiling.chunksOutside;
    const pool = phased ? new TilePool(emit, budget, DEPTH) : new TilePool(emit, budget);
    this.site = new Site(emit, pool, tiling.layout.free.length + 2);
    // Without rows everything lies on one partition, and blocks of one row do it all.
    const lanes = tiling.layout.rows.length === 0 ? 1 : emit.chip.partitions.value;
    this.e = new Evaluator(domain, tiling.layout, this.site, lowering.input, lanes, {
      rows: tiling.resident,
    });
    this.late = lateValues(domain, tiling.layout);
    this.phases = this.makePhases();
  }

  private isEarly(v: Value): boolean {
    const rowless = this.tiling.layout.rows.length === 0;
    return !this.late.has(v) && (rowless || this.domainHasRows(v));
  }

  /** By its type: a result that repeats over rows is stored with them. */
  private domainHasRows(v: Value): boolean {
    const own = flat(this.domain.dims(v));
    return this.tiling.layout.rows.some((a) => own.includes(a));
  }

  private makePhases(): readonly Phase[] {
    const { layout } = this.tiling;
    const axis = layout.free[layout.chunk];
    const phaseOf = new Map<Value, number>();
    const of = (v: Value): number => phaseOf.get(v) ?? 0;
    const made: { results: number[]; folds: Operation[]; rowFolds: Operation[] }[] = [];
    const at = (i: number) => {
      made[i] ??= { results: [], folds: [], rowFolds: [] };
      return made[i];
    };
    at(0);
    for (const op of this.domain.ops) {
      const [y] = op.results;
      const overRows = op.name === "reduce" && foldsRows(this.domain, layout, op);
      if (this.late.has(y!) && !overRows) continue;
      const overChunks =
        op.name === "reduce" &&
        axis !== undefined &&
        !overRows &&
        foldedAxes(this.domain, op).includes(axis);
      const pair = overChunks ? onlinePair(this.e, op) : undefined;
      if (pair) for (const part of [pair.most, pair.sum]) this.online.set(part, pair);
      // A sum that goes along with a maximum does not wait for it.
      const waits = pair ? pair.most.operands : op.operands;
      const before = waits.reduce((m, v) => Math.max(m, of(v)), 0);
      if (overRows) at(before).rowFolds.push(op);
      if (overChunks) at(before).folds.push(op);
      phaseOf.set(y!, before + (overChunks ? 1 : 0));
    }
    this.results.forEach((v, i) => {
      if (this.isEarly(v)) at(of(v)).results.push(i);
    });
    return Array.from({ length: made.length }, (_, i) => at(i));
  }

  lower(): void {
    const { chunksOutside } = this.tiling;
    if (chunksOutside)
      for (const [from, to] of this.chunks()) {
        this.openRowSums(from, to);
        for (const b of this.blocks()) this.step(this.phases[0]!, { ...b, from, to }, false);
        this.tail(from, to);
      }
    else {
      this.openRowSums(0, this.wholeChunk());
      for (const b of this.blocks()) this.block(b);
      this.tail(0, this.wholeChunk());
    }
  }

  private wholeChunk(): number {
    const { layout } = this.tiling;
    const axis = layout.free[layout.chunk];
    return axis === undefined ? 0 : this.domain.axes.size(axis);
  }

  private *chunks(): Iterable<readonly [number, number]> {
    const size = this.wholeChunk();
    const { chunk } = this.tiling;
    if (this.tiling.layout.chunk < 0) yield [0, 0];
    for (let c = 0; c < size; c += chunk) yield [c, Math.min(size, c + chunk)];
  }

  /** Blocks of rows: full ones, then what is left with as many partitions as it fills. */
  private *blocks(): Iterable<{ row: number; partitions: number; perPartition: number }> {
    const { rows: count, perPartition } = this.tiling;
    const lanes = this.site.emit.chip.partitions.value;
    const size = lanes * perPartition;
    let row = 0;
    for (; row + size <= count; row += size) yield { row, partitions: lanes, perPartition };
    const left = count - row;
    if (left === 0) return;
    const beside = perPartition === 1 ? 1 : smallestBeside(left, lanes);
    const partitions = Math.floor(left / beside);
    if (partitions > 0) yield { row, partitions, perPartition: beside };
    const tail = left - partitions * beside;
    if (tail > 0) yield { row: row + partitions * beside, partitions: 1, perPartition: tail };
  }

  private block(b: { row: number; partitions: number; perPartition: number }): void {
    this.phases.forEach((phase, i) => {
      if (i === 0) this.e.begin({ ...b, from: 0, to: 0 });
      if (i > 0) this.site.engines.rest();
      const chunks = [...this.chunks()].length;
      const sums = phase.folds.flatMap((op) => {
        const pair = this.online.get(op);
        if (pair) return pair.sum === op ? [onlineSum(this.e, pair, chunks)] : [];
        return [chunkSum(this.e, op, chunks)];
      });
      const inChunks = this.needsChunks(phase);
      for (const [from, to] of inChunks ? this.chunks() : [[0, 0] as const]) {
        this.step(phase, { ...b, from, to }, true, sums, inChunks);
      }
      for (const s of sums) s.finish();
      // Results of one value a row, when all chunks are in.
      if (inChunks && this.tiling.layout.chunk >= 0) this.storeRowResults(phase);
    });
  }

  private needsChunks(phase: Phase): boolean {
    const { layout } = this.tiling;
    if (layout.chunk < 0) return true;
    const chunked = (v: Value): boolean => isChunked(this.domain, layout, v);
    return (
      phase.folds.length > 0 ||
      phase.results.some((i) => this.resultIsChunked(i)) ||
      phase.rowFolds.some((op) => chunked(op.operands[0]!))
    );
  }

  private resultIsChunked(i: number): boolean {
    const { layout } = this.tiling;
    const axis = layout.free[layout.chunk];
    return axis !== undefined && flat(this.domain.dims(this.results[i]!)).includes(axis);
  }

  private foldsChunks(op: Operation): boolean {
    return isChunked(this.domain, this.tiling.layout, op.operands[0]!);
  }

  private storeRowResults(phase: Phase): void {
    const left = phase.results.filter((i) => !this.resultIsChunked(i));
    const folds = phase.rowFolds.filter((op) => !this.foldsChunks(op));
    if (left.length === 0 && folds.length === 0) return;
    this.e.expect([...left.map((i) => this.results[i]!), ...folds.map((op) => op.operands[0]!)]);
    for (const op of folds) this.rowSums.get(op)!.add();
    for (const i of left) this.store(this.e, i);
  }

  private step(
    phase: Phase,
    extent: Parameters<Evaluator["begin"]>[0],
    sameRows: boolean,
    sums: readonly ChunkSum[] = [],
    inChunks = true,
  ): void {
    const { e } = this;
    e.begin(extent, sameRows);
    const chunked = this.tiling.layout.chunk >= 0;
    const results = phase.results.filter((i) => !chunked || !inChunks || this.resultIsChunked(i));
    // What is one value a row is in every chunk; it counts once, when all chunks are in.
    const rowFolds = phase.rowFolds.filter((op) => !chunked || !inChunks || this.foldsChunks(op));
    e.expect(
      [
        ...results.map((i) => this.results[i]!),
        ...sums.flatMap((s) => s.takes),
        ...rowFolds.map((op) => op.operands[0]!),
      ],
      sums.flatMap((s) => s.fold ?? []),
    );
    for (const s of sums) s.add();
    for (const op of rowFolds) this.rowSums.get(op)!.add();
    for (const i of results) this.store(e, i);
  }

  /** Stores a result's part of this block. */
  private store(e: Evaluator, i: number): void {
    const v = this.results[i]!;
    const all = e.countsFor(new Set(flat(this.domain.dims(v))));
    const found = e.take(v);
    const tile = isTile(found) ? found : this.site.fixed(found, v.type.dtype, all[0]!);
    const own = this.storable(e, tile, v);
    const view = repeated(own, all);
    transfer(
      this.site.emit,
      this.domain,
      this.tiling.layout,
      e.extent,
      hbmTensor(this.domain, this.lowering.output(i), this.domain.dims(v)),
      view,
      "store",
    );
    this.site.done();
    e.release(v);
  }

  /** In SBUF and of the result's type, as DMA moves it. */
  private storable(e: Evaluator, tile: Tile, v: Value): Tile {
    if (tile.view.space === "sbuf" && tile.view.dtype === v.type.dtype) return tile;
    const own = e.site.scratch(v.type.dtype, countsOf(tile));
    copy(e.site, own, tile);
    return own;
  }

  private openRowSums(from: number, to: number): void {
    const lanes = this.site.emit.chip.partitions.value;
    this.e.begin({ row: 0, partitions: lanes, perPartition: 1, from, to });
    let left = PSUM_COLUMNS;
    this.rowSums = new Map();
    for (const phase of this.phases)
      for (const op of phase.rowFolds) {
        const wanted = psumColumns(this.e, op);
        const given = wanted <= left ? wanted : 0;
        left -= given;
        this.rowSums.set(op, rowSum(this.e, op, given, totalParts(this.domain, this.tiling)));
      }
  }

  /** Results that have no rows: what follows from reductions over rows, on one partition. */
  private tail(from: number, to: number): void {
    const left = this.results.flatMap((v, i) => (this.isEarly(v) ? [] : [i]));
    if (left.length === 0 && this.rowSums.size === 0) return;
    const e = new Evaluator(this.domain, this.tiling.layout, this.site, this.lowering.input, 1);
    e.begin({ row: 0, partitions: 1, perPartition: 1, from, to });
    for (const [op, sum] of this.rowSums) e.put(op.results[0]!, this.inType(op, sum.finish()));
    e.expect(left.map((i) => this.results[i]!));
    for (const i of left) this.store(e, i);
    e.begin({ row: 0, partitions: 1, perPartition: 1, from, to });
  }

  /** A finished sum, rounded once to the type of the result. */
  private inType(op: Operation, tile: Tile): Tile {
    const { dtype } = op.results[0]!.type;
    if (tile.view.dtype === dtype && tile.view.space === "sbuf") return tile;
    const own = this.site.keep(dtype, countsOf(tile), "sum");
    roundTo(this.site, own, tile);
    return own;
  }
}

/** Rows beside each other that spread `left` rows over at most `lanes` partitions, evenly where a nearby number divides them. */
function smallestBeside(left: number, lanes: number): number {
  const least = Math.ceil(left / lanes);
  for (let n = least; n <= 2 * least; n++) if (left % n === 0) return n;
  return least;
}
