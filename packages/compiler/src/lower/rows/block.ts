/**
 * A block of row-wise work for other templates: what a matmul does to its operands before, and to its accumulator after.
 *
 * CONTRACT. `Block.of(spec, emit)` analyses a DAG of operations once; it returns a Block, or a string that says why such a block cannot be
 * made. `block.emit({ rows, columns, bind })` then emits the instructions for one block and returns the results' tiles.
 *
 * - `spec.ops` are operations in order of execution: elementwise (every IR operation), select, compare, convert, constants, iota,
 *   broadcast_in_dim, reshape, transpose, slice, concatenate, pad, and reductions that fold columns only. Operands made by other operations
 *   or parameters come from outside.
 * - `spec.root` names the value that the block is cut from: its dimensions `rows`, row-major, lie on partitions, `columns` along a partition
 *   (a transposed accumulator [features, tokens] has `rows: [1], columns: [0]` of a [tokens, features] value). Dimensions of 1 may be in
 *   either. All other values follow from it: their dimensions are tied to the root's by the operations. A value may lack rows (one for
 *   all rows: bias, norm weight), lack columns (one a row), or lack both.
 * - `rows: [from, to)` counts linear rows, at most 128; `columns: [from, to)` counts linear columns. Unless `block.columnLocal`, every
 *   block must cover all columns. If it is, any range of whole multiples of `block.columnStep` will do, e.g. 512 for a PSUM bank:
 *   `columnStep` is 1 except where the columns are several dimensions that values treat differently (heads x head size: head size).
 * - `bind(v)` is asked for each outside value, once a block (once in all for HBM values without rows and columns cuts). It returns either
 *   a tile on chip (SBUF or PSUM, PSUM is fine for any number of values): [p, n] with p the rows of this block, n the columns of this block
 *   (of the value's own: 1 where it lacks columns), dimensions after the first may be several; values without rows must be the same on
 *   all p partitions. Or a tensor in HBM with the value's own shape: the block loads the part it needs (bias and the like once for all
 *   partitions, and kept for the same columns of other rows, up to 16 KiB of a partition; transposes and slices of it cost nothing more). The tile's type may be narrower than the value's where fp32
 *   holds it exactly (bf16 for an fp32 value); a PSUM accumulator is float32 whatever the value's type says.
 * - Returned tiles lie in SBUF, dense, [p, n] with n the value's elements in this block, in the value's own type. They are valid until the
 *   next `emit` of the same Block: store or consume them before.
 * - `block.store(v, tensor)` stores the result `v` of the last `emit` to a tensor in HBM of v's shape, any strides.
 *
 * Work is spread over VectorE, ScalarE and GpSimd by predicted time; TensorE is left alone.
 */
import { invariant } from "@opentrn/base";
import type { Operation, Value } from "@opentrn/ir";
import type { DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Axis } from "./axes.ts";
import { type Domain, domainOf, flat } from "./domain.ts";
import { type Bind, Evaluator } from "./evaluate.ts";
import { copy } from "./instructions.ts";
import { foldedAxes, foldsRows, type Layout, layoutFault, sizeOfAxes } from "./layout.ts";
import { TilePool } from "./pool.ts";
import { Site } from "./site.ts";
import { strengthen } from "./strengthen.ts";
import { supported } from "./supported.ts";
import { compact, isTile, repeated, type Tile } from "./tile.ts";
import { hbmTensor, transfer } from "./transfer.ts";

export interface BlockSpec {
  readonly ops: readonly Operation[];
  readonly root: {
    readonly value: Value;
    readonly rows: readonly number[];
    readonly columns: readonly number[];
  };
  /** Values that `bind` gives as tiles on chip; the root is one of them unless it is made by `ops`. */
  readonly onChip?: readonly Value[];
  readonly results: readonly Value[];
  /** Bytes of a partition that the block may take for its tiles, values without rows (which are kept) not counted; default 64 KiB. */
  readonly budget?: number;
}

export interface BlockRequest {
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  readonly bind: Bind;
}

const DEFAULT_BUDGET = 64 * 1024;
/** Bytes of a partition for columns of values without rows, kept for blocks of other rows. */
export const COLUMN_BYTES = 16 * 1024;

/** What the analysis of a spec finds. */
interface Analysis {
  /** The results as the operations that are carried out have them. */
  readonly results: readonly Value[];
  readonly domain: Domain;
  readonly layout: Layout;
  readonly columnLocal: boolean;
  readonly columnStep: number;
}

function analyse(spec: BlockSpec): Analysis | string {
  const { ops, results, here } = strengthen({ body: spec.ops, results: spec.results });
  const root = { ...spec.root, value: here(spec.root.value) };
  const found = analysed({ ...spec, ops, results, root });
  const same = ops.every((op, i) => op === spec.ops[i]);
  return typeof found === "string" && !same ? analysed(spec) : found;
}

function analysed(spec: BlockSpec): Analysis | string {
  const made = new Set(spec.ops);
  const wrong = supported(spec.ops);
  if (wrong) return wrong;
  const onChip = new Set(spec.onChip ?? []);
  if (!made.has(spec.root.value.op)) onChip.add(spec.root.value);
  const domain = domainOf(spec.ops, onChip, [spec.root.value, ...spec.results]);
  if (typeof domain === "string") return domain;
  const dims = domain.dims(spec.root.value);
  const pick = (list: readonly number[]): readonly Axis[] => flat(list.map((d) => dims[d]!));
  const rows = pick(spec.root.rows);
  const columns = pick(spec.root.columns);
  const others = new Set<Axis>();
  for (const v of domain.values)
    for (const a of flat(domain.dims(v)))
      if (!rows.includes(a) && !columns.includes(a)) others.add(a);
  const cuts = columns[0] !== undefined && !domain.axes.isRigid(columns[0]);
  const layout = { rows, free: [...columns, ...others], chunk: cuts ? 0 : -1 };
  const fault = layoutFault(domain, layout);
  if (fault) return fault;
  const folds = spec.ops.filter((op) => op.name === "reduce");
  if (folds.some((op) => foldsRows(domain, layout, op)))
    return "a reduction folds rows; it needs all blocks";
  const local =
    cuts && !folds.some((op) => foldedAxes(domain, op).some((a) => columns.includes(a)));
  return {
    results: spec.results,
    domain,
    layout: local || columns.length === 0 ? layout : { ...layout, chunk: -1 },
    columnLocal: local || columns.length === 0,
    columnStep: local ? sizeOfAxes(domain, columns.slice(1)) : sizeOfAxes(domain, columns),
  };
}

/** Why no block can be made of the spec, or whether its blocks may be parts of rows. Quick; for `refuses`. */
export function blockFault(spec: BlockSpec): string | undefined {
  const found = analyse(spec);
  return typeof found === "string" ? found : undefined;
}

/** Whether the DAG may run on parts of rows; undefined where no block can be made at all. */
export function isColumnLocal(spec: BlockSpec): boolean | undefined {
  const found = analyse(spec);
  return typeof found === "string" ? undefined : found.columnLocal;
}

/** Columns whose whole multiples blocks cover, all of them where the DAG needs whole rows; undefined where no block can be made. */
export function columnStepOf(spec: BlockSpec): number | undefined {
  const found = analyse(spec);
  return typeof found === "string" ? undefined : found.columnStep;
}

export class Block {
  /** Blocks may cover parts of the columns. */
  readonly columnLocal: boolean;
  /** Column ranges start and end at multiples of this. */
  readonly columnStep: number;
  private readonly spec: BlockSpec;
  private readonly results: readonly Value[];
  private readonly evaluator: Evaluator;
  private bind: Bind = () => invariant(false, "bind is given by emit") as never;
  private last: ReadonlyMap<Value, Tile> = new Map();

  private constructor(spec: BlockSpec, found: Analysis, emit: Emitter) {
    this.spec = spec;
    this.results = found.results;
    this.columnLocal = found.columnLocal;
    this.columnStep = found.columnStep;
    const pool = new TilePool(emit, spec.budget ?? DEFAULT_BUDGET);
    const site = new Site(emit, pool, found.layout.free.length + 2);
    // A single row has no axis: then nothing has rows, and a block is one partition.
    const lanes = found.layout.rows.length === 0 ? 1 : emit.chip.partitions.value;
    const bind = (v: Value): View => this.bind(v);
    const { domain, layout } = found;
    this.evaluator = new Evaluator(domain, layout, site, bind, lanes, {
      columnBytes: COLUMN_BYTES,
    });
  }

  static of(spec: BlockSpec, emit: Emitter): Block | string {
    const found = analyse(spec);
    return typeof found === "string" ? found : new Block(spec, found, emit);
  }

  /** Emits one block; the results' tiles by value. */
  emit({ rows, columns, bind }: BlockRequest): ReadonlyMap<Value, View> {
    const e = this.evaluator;
    this.bind = bind;
    const step = this.columnLocal ? this.columnStep : 1;
    invariant(
      columns[0] % step === 0 && columns[1] % step === 0,
      `columns [${columns}] are no multiples of ${step}`,
    );
    this.giveBack();
    e.begin({
      row: rows[0],
      partitions: rows[1] - rows[0],
      perPartition: 1,
      from: columns[0] / step,
      to: columns[1] / step,
    });
    e.expect(this.results);
    this.last = new Map(this.spec.results.map((v, i) => [v, this.dense(this.results[i]!)]));
    return new Map([...this.last].map(([v, t]) => [v, compact(t.view)]));
  }

  private giveBack(): void {
    for (const t of this.last.values()) if (t.slot) this.evaluator.site.give(t.slot);
    this.last = new Map();
  }

  /** A tile of its own with all elements of the value in this block. */
  private dense(v: Value): Tile {
    const e = this.evaluator;
    const counts = e.countsFor(new Set(flat(e.domain.dims(v))));
    const found = e.take(v);
    if (isTile(found) && found.slot && isDense(found, v.type.dtype, counts)) {
      const kept = e.shared(found);
      e.release(v);
      return kept;
    }
    const own = e.site.make(v.type.dtype, counts);
    const from = isTile(found) ? found : e.site.fixed(found, v.type.dtype, counts[0]!);
    copy(e.site, own, from);
    e.release(v);
    e.site.done();
    return own;
  }

  /** Stores a result of the last block to its place in a tensor of the value's shape. */
  store(v: Value, tensor: View): void {
    const e = this.evaluator;
    const tile = this.last.get(v);
    invariant(tile, "only results of the last block are stored");
    const dims = e.domain.dims(this.results[this.spec.results.indexOf(v)]!);
    const counts = e.countsFor(new Set(flat(dims)));
    const to = hbmTensor(e.domain, tensor, dims);
    const view = repeated(tile, counts);
    transfer(e.site.emit, e.domain, e.layout, e.extent, to, view, "store");
  }
}

/** Whether a tile is what a result should be: of that type, row-major, with no element left out or repeated. */
const isDense = (t: Tile, dtype: DType, counts: readonly number[]): boolean =>
  t.view.dtype === dtype &&
  t.view.space === "sbuf" &&
  t.view.shape.every((n, d) => n === counts[d]) &&
  compact(t.view).shape.length === 2 &&
  (t.view.free === 1 || compact(t.view).pattern.dims[1]![0] === 1);
