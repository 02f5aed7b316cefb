/**
 * Evaluates values of a group on one block: what they need is loaded or computed on demand and given back after its last use. Values that
 * do not change from block to block are kept.
 */
import { invariant } from "@opentrn/base";
import type { Operation, Value } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { viewOf } from "../move/views.ts";
import type { Axis } from "./axes.ts";
import { computeOp } from "./compute.ts";
import type { Domain } from "./domain.ts";
import { type Keeping, KeptTiles } from "./kept-tiles.ts";
import {
  type Extent,
  foldedAxes,
  foldsRows,
  freeCounts,
  hasRows,
  isChunked,
  type Layout,
} from "./layout.ts";
import { bytesOfNumbers, numberOf } from "./literals.ts";
import type { Site } from "./site.ts";
import { type Arg, compact, countsOf, isTile, type Tile } from "./tile.ts";
import { type HbmTensor, hbmTensor, transfer } from "./transfer.ts";

/** A reduction that takes in parts of its operand, and where the next part's sum may be put. */
export interface Fold {
  readonly op: Operation;
  readonly place: () => Tile | undefined;
}

/** Where a value from outside lies: in HBM with its own shape, or on chip as [partitions, elements of the block]. */
export type Bind = (v: Value) => View;

/** How long a tile stays: as long as the Program, its block of rows, or one chunk of it. */
type Scope = "program" | "rows" | "chunk";

interface Held {
  readonly tile: Tile;
  readonly scope: Scope;
}

/** Dimensions of an operand. */
const MOST_DIMS = 5;

/** Operations whose result is their operand's tile: tiles repeat by themselves, and axes have no order. */
const transparent = new Set(["broadcast_in_dim", "reshape", "transpose", "stop_gradient"]);

export class Evaluator {
  readonly domain: Domain;
  readonly layout: Layout;
  readonly site: Site;
  private readonly bind: Bind;
  private readonly inside: ReadonlySet<Operation>;
  private readonly held = new Map<Value, Held>();
  private readonly tensors = new Map<Value, HbmTensor>();
  private pending = new Map<Value, number>();
  /** Operations whose result is written as another value. */
  private readonly writeAs = new Map<Operation, Value>();
  /** Operations whose result goes to a tile that is there. */
  private readonly writeInto = new Map<Operation, Tile>();
  private readonly kept: KeptTiles;
  /** Values whose row sums are wanted, and those that are there. */
  private readonly sums = new Set<Value>();
  private readonly sideSums = new Map<Value, Tile>();
  /** Where row sums go that have a place. */
  private readonly places = new Map<Value, Tile>();
  /** Columns with their sign turned, for biases. */
  private readonly negatives = new Map<Value, Tile>();
  private at: Extent;
  /** Partitions of values without rows. */
  private readonly lanes: number;

  constructor(
    domain: Domain,
    layout: Layout,
    site: Site,
    bind: Bind,
    lanes = site.emit.chip.partitions.value,
    keeping: Keeping = {},
  ) {
    this.kept = new KeptTiles(domain, layout, site, keeping);
    this.lanes = lanes;
    this.domain = domain;
    this.layout = layout;
    this.site = site;
    this.bind = bind;
    this.inside = new Set(domain.ops);
    this.at = { row: 0, partitions: 0, perPartition: 1, from: 0, to: 0 };
  }

  get extent(): Extent {
    return this.at;
  }

  /** Starts a block, or a chunk of the same rows: what was held for the last one goes. */
  begin(extent: Extent, sameRows = false): void {
    this.at = extent;
    if (!sameRows) {
      this.kept.nextRows();
      for (const t of this.negatives.values()) if (t.slot) this.site.give(t.slot);
      this.negatives.clear();
    }
    for (const tile of this.sideSums.values()) if (tile.slot) this.site.give(tile.slot);
    this.sideSums.clear();
    for (const [v, h] of this.held)
      if (h.scope === "chunk" || (h.scope === "rows" && !sameRows)) this.drop(v, h);
  }

  private drop(v: Value, h: Held): void {
    if (h.tile.slot) this.site.give(h.tile.slot);
    this.held.delete(v);
  }

  /** Says what will be asked for until the next `begin`, so that tiles go after their last use. */
  expect(targets: readonly Value[], folds: readonly Fold[] = []): void {
    this.pending = new Map();
    this.sums.clear();
    this.places.clear();
    for (const { op, place } of folds) {
      this.rememberSum(op);
      const s = this.strip(op.operands[0]!);
      const there = this.sums.has(s) ? place() : undefined;
      if (there) this.places.set(s, there);
    }
    const open = targets.map((v) => this.strip(v));
    const seen = new Set<Value>();
    for (const v of open) this.pending.set(v, (this.pending.get(v) ?? 0) + 1);
    for (let v = open.pop(); v; v = open.pop()) {
      if (seen.has(v) || !this.isComputed(v) || this.held.has(v)) continue;
      seen.add(v);
      this.rememberSum(v.op);
      for (const x of v.op.operands) {
        const s = this.strip(x);
        this.pending.set(s, (this.pending.get(s) ?? 0) + 1);
        open.push(s);
      }
    }
  }

  /** How often the value is still needed. */
  uses(v: Value): number {
    return this.pending.get(this.strip(v)) ?? 0;
  }

  /** Whether the group computes it, rather than reading it. */
  isComputed(v: Value): boolean {
    return this.inside.has(v.op) && !this.domain.looks.has(v);
  }

  /** The value whose tile stands for `v`. */
  strip(v: Value): Value {
    let at = v;
    while (this.isComputed(at) && (transparent.has(at.op.name) || this.readsWide(at.op)))
      at = at.op.operands[0]!;
    return at;
  }

  /** A conversion that reading does by itself: to fp32, of what fp32 holds exactly. */
  private readsWide(op: Operation): boolean {
    if (op.name !== "convert" || op.results[0]!.type.dtype !== "float32") return false;
    const from = op.operands[0]!.type.dtype;
    return bytesOf(from) <= 2 || from === "tfloat32";
  }

  /** A tile of the value, or the number that all its elements are. Takes one of its expected uses. */
  take(v: Value): Arg {
    const s = this.strip(v);
    const number = this.isComputed(s) ? numberOf(s) : undefined;
    if (number !== undefined) return number;
    return this.shown(s, this.hold(s).tile);
  }

  /** The same as a tile; numbers become one value a partition. */
  tile(v: Value): Tile {
    return asTile(this, this.take(v), v);
  }

  /** Resident tiles cover all partitions; a block may have fewer. */
  private shown(v: Value, tile: Tile): Tile {
    const p = this.at.partitions;
    return hasRows(this.domain, this.layout, v) || tile.view.partitions === p
      ? tile
      : { ...tile, view: tile.view.slice(0, 0, p) };
  }

  /** One use of the value is over. */
  release(v: Value): void {
    const s = this.strip(v);
    const left = (this.pending.get(s) ?? 0) - 1;
    this.pending.set(s, left);
    const h = this.held.get(s);
    if (left <= 0 && h?.scope === "chunk") this.drop(s, h);
  }

  /** All operands of an operation that has been carried out. */
  finish(op: Operation): void {
    for (const v of op.operands) this.release(v);
  }

  scopeOf(v: Value): Scope {
    if (isChunked(this.domain, this.layout, v)) return "chunk";
    if (!hasRows(this.domain, this.layout, v)) return "program";
    return this.layout.chunk < 0 ? "chunk" : "rows";
  }

  /** -v of one element a partition, made once for a block of rows; `make` writes it. */
  negative(v: Value, make: (dst: Tile) => void): Tile {
    const s = this.strip(v);
    const known = this.negatives.get(s);
    if (known) return this.shown(s, known);
    const counts = this.countsFor(this.domain.varies(s));
    const tile = this.site.make("float32", counts);
    make(tile);
    this.negatives.set(s, tile);
    return tile;
  }

  /** Gives a value its tile from outside, e.g. a reduction that was carried over blocks. */
  put(v: Value, tile: Tile): void {
    const before = this.held.get(v);
    if (before) this.drop(v, before);
    this.held.set(v, { tile, scope: this.scopeOf(v) });
  }

  has(v: Value): boolean {
    return this.held.has(this.strip(v));
  }

  private hold(v: Value): Held {
    const known = this.held.get(v);
    if (known) return known;
    const tile = this.withPartitions(v, () =>
      this.isComputed(v) ? this.compute(v) : this.load(v),
    );
    const made = { tile, scope: this.scopeOf(v) };
    this.held.set(v, made);
    return made;
  }

  /** Values without rows are made for all partitions, whatever the block has. */
  private withPartitions<T>(v: Value, make: () => T): T {
    if (hasRows(this.domain, this.layout, v)) return make();
    const block = this.at;
    this.at = { ...block, partitions: this.lanes, perPartition: 1 };
    const made = make();
    this.at = block;
    return made;
  }

  /** [partitions, rows beside each other, free axes] of a value in this block. */
  countsFor(varies: ReadonlySet<Axis>): readonly number[] {
    const rows = this.layout.rows.some((a) => varies.has(a));
    return [
      this.at.partitions,
      rows ? this.at.perPartition : 1,
      ...freeCounts(this.domain, this.layout, varies, this.at),
    ];
  }

  private fresh(v: Value, dtype: DType, counts: readonly number[]): Tile {
    return this.scopeOf(v) === "program"
      ? this.site.keep(dtype, counts, v.op.name)
      : this.site.make(dtype, counts);
  }

  private fetch(v: Value, tile: View): void {
    const { emit } = this.site;
    transfer(emit, this.domain, this.layout, this.at, this.tensorOf(v), tile, "load");
  }

  private load(v: Value): Tile {
    const fetch = (tile: View): void => this.fetch(v, tile);
    const rows = this.kept.rowsOf(v, this.at, fetch);
    if (rows) return rows;
    const varies = this.domain.varies(v);
    const counts = this.countsFor(varies);
    const from = this.domain.outside.has(v) ? this.bind(v) : undefined;
    if (from && from.space !== "hbm") return { view: onChip(from, counts) };
    const again = !hasRows(this.domain, this.layout, v) && this.scopeOf(v) === "chunk";
    const kept = again ? this.kept.columnsOf(v, this.at, counts, fetch) : undefined;
    if (kept) return kept;
    const tile = this.fresh(v, v.type.dtype, counts);
    fetch(tile.view);
    return tile;
  }

  /** The tensor of a value in HBM. */
  tensorOf(v: Value): HbmTensor {
    const known = this.tensors.get(v);
    if (known) return known;
    const made = hbmTensor(this.domain, this.inHbm(v), this.domain.dims(v));
    this.tensors.set(v, made);
    return made;
  }

  private inHbm(v: Value): View {
    if (v.op.name === "constant" && this.inside.has(v.op)) return this.literal(v);
    if (!this.domain.looks.has(v)) return this.bind(v);
    const view = viewOf(v.op, (x) => this.inHbm(x));
    invariant(view, `${v.op.name} is a view`);
    return view;
  }

  private literal(v: Value): View {
    const { dtype, shape } = v.type;
    const data = v.op.attrs["value"] as ArrayLike<number>;
    return this.site.emit.constant(
      `literal${this.tensors.size}`,
      dtype,
      shape,
      bytesOfNumbers(data, dtype),
    );
  }

  private compute(v: Value): Tile {
    const { op } = v;
    if (op.name === "constant") return this.load(v);
    const before = this.site.mark();
    const tile = computeOp(this, op);
    this.site.done(before);
    return tile;
  }

  /** A tile for the result of `op`. */
  result(op: Operation): Tile {
    const there = this.writeInto.get(op);
    if (there) return there;
    const v = this.writeAs.get(op) ?? op.results[0]!;
    return this.fresh(v, v.type.dtype, this.countsFor(this.domain.varies(v)));
  }

  /** Carries out `op` with its result written in the type of `v`, as whose tile it counts. */
  computeAs(op: Operation, v: Value): Tile {
    const there = this.writeInto.get(v.op);
    if (there) return this.computeInto(op, there);
    this.writeAs.set(op, this.writeAs.get(v.op) ?? v);
    const tile = computeOp(this, op);
    this.writeAs.delete(op);
    return tile;
  }

  /** Carries out `op` with its result written to `tile`. */
  computeInto(op: Operation, tile: Tile): Tile {
    this.writeInto.set(op, tile);
    const made = computeOp(this, op);
    this.writeInto.delete(op);
    return made;
  }

  /** Another look at a tile, which keeps its buffer as long as it lives itself. */
  shared(tile: Tile): Tile {
    if (tile.slot) tile.slot.holders++;
    return tile;
  }

  /** Axes of a value, as text: equal for values of the same axes. */
  varies(v: Value): string {
    return [...this.domain.varies(v)].sort((a, b) => a - b).join();
  }

  /** Whether the value counts or is a number, within what fp32 counts exactly. */
  isSmall(v: Value): boolean {
    const s = this.strip(v);
    if (!this.isComputed(s)) return false;
    const number = numberOf(s);
    if (number !== undefined) return Math.abs(number) < 2 ** 24;
    const { op } = s;
    return (
      op.name === "iota" &&
      op.results[0]!.type.shape[op.attrs["iota_dimension"] as number]! < 2 ** 24
    );
  }

  /** Whether the value is a number, or one element a partition in this block. */
  isOperand(v: Value): boolean {
    const s = this.strip(v);
    if (this.isComputed(s) && numberOf(s) !== undefined) return true;
    return this.countsFor(this.domain.varies(s)).every((n, d) => d === 0 || n === 1);
  }

  /** Whether sums of the value's rows are wanted in this block, and one instruction could give them beside it. */
  wantsSum(v: Value): boolean {
    return this.sums.has(this.strip(v)) && !this.sideSums.has(this.strip(v));
  }

  /** The tile that takes the sums of the value's rows, where they are wanted and `dst` is written by one instruction. */
  sumBeside(v: Value, dst: Tile): Tile | undefined {
    const s = this.strip(v);
    if (!this.wantsSum(s) || compact(dst.view).shape.length > MOST_DIMS) return undefined;
    const counts = countsOf(dst).map((n, d) => (d === 0 ? n : 1));
    const sum = this.places.get(s) ?? this.site.make("float32", counts);
    this.sideSums.set(s, sum);
    return sum;
  }

  /** Sums of the value's rows that came with it; the caller gives the tile back. */
  takeSum(v: Value): Tile | undefined {
    const s = this.strip(v);
    const sum = this.sideSums.get(s);
    this.sideSums.delete(s);
    this.sums.delete(s);
    return sum;
  }

  /** Sums over all free axes of fp32 values, one value a partition. */
  private rememberSum(op: Operation): void {
    if (op.name !== "reduce" || op.attrs["body"] !== "add") return;
    const [x] = op.operands;
    const s = this.strip(x!);
    if (
      s.type.dtype !== "float32" ||
      !this.isComputed(s) ||
      foldsRows(this.domain, this.layout, op)
    )
      return;
    const one = this.countsFor(this.domain.varies(op.results[0]!)).every(
      (n, d) => d === 0 || n === 1,
    );
    const folded = foldedAxes(this.domain, op).every((a) => this.domain.varies(s).has(a));
    if (one && folded) this.sums.add(s);
  }

  /** Position of an axis among a tile's dimensions. */
  dimOf(a: Axis): number {
    return this.layout.free.indexOf(a) + 2;
  }
}

/** A tile of an argument with the value's type. */
function asTile(e: Evaluator, a: Arg, v: Value): Tile {
  if (isTile(a)) return a;
  const value = v.type.dtype === "uint32" && a >= 2 ** 31 ? a - 2 ** 32 : a;
  return e.site.fixed(value, v.type.dtype, e.extent.partitions);
}

/** The caller's tile with the dimensions of ours. */
function onChip(view: View, counts: readonly number[]): View {
  const p = view.partitions === counts[0] ? view : view.slice(0, 0, counts[0]!);
  return p.reshape(counts);
}
