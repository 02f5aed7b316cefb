/**
 * Evaluates values of a group on one block: what they need is loaded or computed on demand and given back after its last use. Values that
 * do not change from block to block are kept.
 */
import { invariant } from "@opentrn/base";
import type { Body, Operation, Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { bytesOf, type DType, encode, isFloat } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { viewOf } from "../move/views.ts";
import type { Axis } from "./axes.ts";
import { compare, convert, type Direction, logicalOps, select } from "./discrete-ops.ts";
import type { Domain } from "./domain.ts";
import { floatOps, type Write } from "./float-ops.ts";
import { copy } from "./instructions.ts";
import { integerOps, lowBits } from "./integer-ops.ts";
import { type Extent, foldedAxes, freeCounts, hasRows, isChunked, type Layout } from "./layout.ts";
import { fold } from "./reduce.ts";
import type { Site } from "./site.ts";
import { type Arg, compact, countsOf, isTile, repeated, type Tile, withDims } from "./tile.ts";
import { type HbmTensor, hbmTensor, transfer } from "./transfer.ts";

/** Where a value from outside lies: in HBM with its own shape, or on chip as [partitions, elements of the block]. */
export type Bind = (v: Value) => View;

/** How long a tile stays: as long as the Program, its block of rows, or one chunk of it. */
type Scope = "program" | "rows" | "chunk";

interface Held {
  readonly tile: Tile;
  readonly scope: Scope;
}

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
  private at: Extent;

  constructor(domain: Domain, layout: Layout, site: Site, bind: Bind) {
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
    for (const [v, h] of this.held)
      if (h.scope === "chunk" || (h.scope === "rows" && !sameRows)) this.drop(v, h);
  }

  private drop(v: Value, h: Held): void {
    if (h.tile.slot) this.site.give(h.tile.slot);
    this.held.delete(v);
  }

  /** Says what will be asked for until the next `begin`, so that tiles go after their last use. */
  expect(targets: readonly Value[]): void {
    this.pending = new Map();
    const open = targets.map((v) => this.strip(v));
    const seen = new Set<Value>();
    for (const v of open) this.pending.set(v, (this.pending.get(v) ?? 0) + 1);
    for (let v = open.pop(); v; v = open.pop()) {
      if (seen.has(v) || !this.isComputed(v) || this.held.has(v)) continue;
      seen.add(v);
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
    this.at = { ...block, partitions: this.site.emit.chip.partitions.value, perPartition: 1 };
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

  private load(v: Value): Tile {
    const varies = this.domain.varies(v);
    const counts = this.countsFor(varies);
    const from = this.domain.outside.has(v) ? this.bind(v) : undefined;
    if (from && from.space !== "hbm") return { view: onChip(from, counts) };
    const tile = this.fresh(v, v.type.dtype, counts);
    transfer(
      this.site.emit,
      this.domain,
      this.layout,
      this.at,
      this.tensorOf(v),
      tile.view,
      "load",
    );
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
    const tile = (special[op.name] ?? elementwise)(this, op);
    this.site.done();
    return tile;
  }

  /** A tile for the result of `op`. */
  result(op: Operation, dtype: DType = op.results[0]!.type.dtype): Tile {
    const [v] = op.results;
    return this.fresh(v!, dtype, this.countsFor(this.domain.varies(v!)));
  }

  /** Position of an axis among a tile's dimensions. */
  dimOf(a: Axis): number {
    return this.layout.free.indexOf(a) + 2;
  }
}

type Compute = (e: Evaluator, op: Operation) => Tile;

const writerOf = (op: Operation): Write => {
  const { dtype } = op.results[0]!.type;
  const made = (isFloat(dtype) ? floatOps[op.name] : undefined) ?? logicalOps[op.name];
  const write = made ?? integerOps[op.name];
  invariant(write, `${op.name} of ${dtype} is in no table`);
  return write;
};

/** Takes the operands, makes the result, and ends the operands' uses. */
const written = (e: Evaluator, op: Operation, write: (dst: Tile, args: readonly Arg[]) => void) => {
  const args = op.operands.map((v) => e.take(v));
  const dst = e.result(op);
  write(dst, args);
  e.finish(op);
  return dst;
};

const elementwise: Compute = (e, op) =>
  written(e, op, (dst, args) => writerOf(op)(e.site, dst, args));

/** The part of a tile that a slice takes, or that an operand of concatenate or pad fills; `d` are dimensions of the value's type. */
function partOf(
  e: Evaluator,
  tile: Tile,
  value: Value,
  d: number,
  from: number,
  to: number,
  step = 1,
): Tile {
  const axes = e.domain.dims(value)[d]!;
  const at = axes.map((a) => e.dimOf(a));
  if (at.length === 0) return tile;
  invariant(at.length === 1, "an axis that is cut is one");
  return { ...tile, view: tile.view.slice(at[0]!, from, to, step) };
}

/** `part` seen with the axes of dimension `d` of `from` where those of `to` are. */
function moved(e: Evaluator, part: Tile, from: Value, to: Value, d: number): Tile {
  const [a] = e.domain.dims(from)[d]!;
  const [b] = e.domain.dims(to)[d]!;
  const dims = [...part.view.pattern.dims];
  const given = a === undefined ? ([1, 1] as const) : dims[e.dimOf(a)]!;
  if (a !== undefined) dims[e.dimOf(a)] = [1, 1];
  if (b !== undefined) dims[e.dimOf(b)] = given;
  return { ...part, view: withDims(part.view, dims) };
}

const numbers = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];

const special: Readonly<Record<string, Compute>> = {
  compare: (e, op) =>
    written(e, op, (dst, args) => {
      const direction = op.attrs["comparison_direction"] as Direction;
      compare(e.site, dst, args, op.operands[0]!.type.dtype, direction);
    }),
  select: (e, op) => written(e, op, (dst, args) => select(e.site, dst, args)),
  convert: (e, op) =>
    written(e, op, (dst, [x]) => convert(e.site, dst, x!, op.operands[0]!.type.dtype)),
  reduce: (e, op) => {
    const [x] = op.operands;
    const tile = asTile(e, e.take(x!), x!);
    const dst = e.result(op);
    const gone = foldedAxes(e.domain, op).map((a) => e.dimOf(a));
    const counts = countsOf(tile).map((n, d) =>
      gone.includes(d) ? e.countsFor(new Set(foldedAxes(e.domain, op)))[d]! : n,
    );
    fold(e.site, dst, { view: repeated(tile, counts) }, gone, op.attrs["body"] as Body);
    e.finish(op);
    return dst;
  },
  slice: (e, op) => {
    const [x] = op.operands;
    const [y] = op.results;
    let part = asTile(e, e.take(x!), x!);
    const [start, limit, strides] = ["start_indices", "limit_indices", "strides"].map((n) =>
      numbers(op, n),
    ) as [readonly number[], readonly number[], readonly number[]];
    for (const [d, n] of x!.type.shape.entries()) {
      if (n === y!.type.shape[d]) continue;
      const axis = e.domain.dims(x!)[d]![0];
      if (axis === undefined || !e.domain.varies(x!).has(axis)) continue;
      part = moved(e, partOf(e, part, x!, d, start[d]!, limit[d]!, strides[d]!), x!, y!, d);
    }
    const dst = e.result(op);
    copy(e.site, dst, part);
    e.finish(op);
    return dst;
  },
  concatenate: (e, op) => {
    const d = op.attrs["dimension"] as number;
    const [y] = op.results;
    const dst = e.result(op);
    let at = 0;
    for (const x of op.operands) {
      const n = x.type.shape[d]!;
      const into = moved(e, partOf(e, dst, y!, d, at, at + n), y!, x, d);
      copy(e.site, into, asTile(e, e.take(x), x));
      e.release(x);
      at += n;
    }
    return dst;
  },
  pad: (e, op) => {
    const [x, fill] = op.operands as [Value, Value];
    const [y] = op.results;
    const dst = e.result(op);
    const value = e.take(fill);
    if (isTile(value)) copy(e.site, dst, value);
    else e.site.emit.emit(records.memset, { dst: compact(dst.view), value }, { engine: "gpsimd" });
    let from = asTile(e, e.take(x), x);
    let into: Tile | undefined = dst;
    for (const [d, n] of x.type.shape.entries()) {
      if (!into || n === y!.type.shape[d]) continue;
      const [low, high, interior] = [
        "edge_padding_low",
        "edge_padding_high",
        "interior_padding",
      ].map((name) => numbers(op, name)[d]!) as [number, number, number];
      const step = interior + 1;
      // Negative edges cut elements off instead of adding some.
      const first = Math.max(0, Math.ceil(-low / step));
      const end = low + (n - 1) * step + 1 + high;
      const last = Math.min(n, Math.floor((end - 1 - low) / step) + 1);
      if (last <= first) {
        into = undefined;
        continue;
      }
      const varies = e.domain.dims(x)[d]!.some((a) => e.domain.varies(x).has(a));
      if (varies) from = partOf(e, from, x, d, first, last);
      const at = low + first * step;
      into = moved(
        e,
        partOf(e, into, y!, d, at, at + (last - first - 1) * step + 1, step),
        y!,
        x,
        d,
      );
    }
    if (into) copy(e.site, into, from);
    e.finish(op);
    return dst;
  },
  iota: (e, op) => iota(e, op),
};

/** Counts along an axis: GpSimd writes affine functions of partition and position. */
function iota(e: Evaluator, op: Operation): Tile {
  const [v] = op.results;
  const { dtype } = v!.type;
  const axes = e.domain.dims(v!)[op.attrs["iota_dimension"] as number]!;
  const { row, perPartition, from } = e.extent;
  const dst = e.result(op);
  const counts = countsOf(dst);
  const steps = new Map<Axis, number>();
  let step = 1;
  for (const a of axes.toReversed()) {
    steps.set(a, step);
    step *= e.domain.axes.size(a);
  }
  const lastRow = e.layout.rows.at(-1);
  const rowStep = lastRow === undefined ? 0 : (steps.get(lastRow) ?? 0);
  const chunkAxis = e.layout.free[e.layout.chunk];
  const offset = rowStep * row + (chunkAxis === undefined ? 0 : (steps.get(chunkAxis) ?? 0) * from);
  const pattern = [
    rowStep,
    counts[1]!,
    ...e.layout.free.flatMap((a, i) => [steps.get(a) ?? 0, counts[i + 2]!]),
  ];
  const wide = dtype === "int32" || dtype === "uint32" || isFloat(dtype);
  const into = wide ? dst : e.site.scratch("int32", counts);
  e.site.emit.emit(
    records.iota,
    { dst: compact(into.view) },
    {
      pattern: pairs(pattern),
      offset,
      channel_multiplier: rowStep * (counts[1]! === 1 && !isRowValue(e, v!) ? 0 : perPartition),
    },
  );
  if (!wide) copy(e.site, dst, lowBits(into, dtype));
  return dst;
}

const isRowValue = (e: Evaluator, v: Value): boolean => hasRows(e.domain, e.layout, v);

/** Pairs of more than one element, at least one pair. */
function pairs(pattern: readonly number[]): readonly number[] {
  const kept: number[] = [];
  for (let i = 0; i < pattern.length; i += 2)
    if (pattern[i + 1] !== 1) kept.push(pattern[i]!, pattern[i + 1]!);
  return kept.length === 0 ? [0, 1] : kept;
}

/** A tile of an argument with the value's type. */
function asTile(e: Evaluator, a: Arg, v: Value): Tile {
  if (isTile(a)) return a;
  const value = v.type.dtype === "uint32" && a >= 2 ** 31 ? a - 2 ** 32 : a;
  return e.site.fixed(value, v.type.dtype, e.extent.partitions);
}

/** The number that all elements of a constant are. */
function numberOf(v: Value): number | undefined {
  const value = v.op.name === "constant" ? v.op.attrs["value"] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** The caller's tile with the dimensions of ours. */
function onChip(view: View, counts: readonly number[]): View {
  const p = view.partitions === counts[0] ? view : view.slice(0, 0, counts[0]!);
  return p.reshape(counts);
}

/** Row-major bytes, little-endian. */
function bytesOfNumbers(data: ArrayLike<number>, dtype: DType): Uint8Array {
  const width = bytesOf(dtype);
  const view = new DataView(new ArrayBuffer(data.length * width));
  for (let i = 0; i < data.length; i++) {
    const bits = isFloat(dtype) ? encode(data[i]!, dtype) : data[i]!;
    if (width === 1) view.setUint8(i, bits);
    else if (width === 2) view.setUint16(2 * i, bits, true);
    else view.setUint32(4 * i, bits, true);
  }
  return new Uint8Array(view.buffer);
}
