/**
 * Which axes become rows and which lie along partitions. Few axes are left once those that always run together are one, so every choice is
 * weighed: bytes and pieces of DMA, elements a partition, and the fixed part of instructions.
 */
import type { Chip } from "@opentrn/chips";
import { sizeOf, type Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { Axis } from "./axes.ts";
import { type Domain, flat } from "./domain.ts";
import {
  foldedAxes,
  foldsRows,
  type Layout,
  lateValues,
  layoutFault,
  sizeOfAxes,
} from "./layout.ts";

/** A layout with the sizes of its blocks. */
export interface Tiling {
  readonly layout: Layout;
  /** Rows in all. */
  readonly rows: number;
  /** Rows beside each other in a partition. */
  readonly perPartition: number;
  /** Elements of the chunked axis in a block; all of them without one. */
  readonly chunk: number;
  /** Values from outside whose whole rows stay in SBUF while chunks of them are read several times. */
  readonly resident: ReadonlySet<Value>;
  /** Chunks are the outer loop, blocks of rows the inner one. */
  readonly chunksOutside: boolean;
  /** Estimated nanoseconds, for comparing layouts. */
  readonly cost: number;
}

/** Share of a partition of SBUF that tiles of a block and of the next may take. */
const SHARE = 0.67;
/** Most columns that a total of all rows collects before it is folded. */
const PARTS = 256;
/** Share of that for rows that stay. */
const RESIDENT = 0.7;
/** A layout that costs more than so many times the ideal is none, unless it costs little anyway. */
const POOR = 8;
const SMALL_NS = 30_000;
const LANES = 128;
/** Elements of a partition that make an instruction's fixed part small. */
const LONG = 2048;
/** Elements from which on a row of its own is worth its instructions: values of one element a row are then scalar operands. */
const WIDE = 320;
const MOST_BUNDLES = 8;
const MOST_AXES = 5;

/** Axes in the order of the largest value from outside or result, then as they come. */
function canonical(domain: Domain, results: readonly Value[]): readonly Axis[] {
  const inHbm = [...domain.outside, ...domain.looks, ...results];
  const bySize = inHbm.sort((a, b) => sizeOf(b.type.shape) - sizeOf(a.type.shape));
  const all = new Set<Axis>();
  for (const v of [...bySize, ...domain.values]) for (const a of flat(domain.dims(v))) all.add(a);
  return [...all];
}

/** Axes that follow each other wherever one of them is, as one. */
function bundles(domain: Domain, axes: readonly Axis[]): readonly (readonly Axis[])[] {
  const { values } = domain;
  const lists = values.map((v) => flat(domain.dims(v)));
  const sets = values.map((v) => domain.varies(v));
  const together = (a: Axis, b: Axis): boolean =>
    domain.axes.isRigid(a) === domain.axes.isRigid(b) &&
    lists.every((l) => {
      const i = l.indexOf(a);
      return i < 0 ? !l.includes(b) : l[i + 1] === b;
    }) &&
    sets.every((s) => s.has(a) === s.has(b));
  const made: Axis[][] = [];
  for (const a of axes) {
    const last = made.at(-1);
    if (last && together(last.at(-1)!, a)) last.push(a);
    else made.push([a]);
  }
  return made;
}

/** The best tiling, or why there is none. */
export function chooseTiling(
  domain: Domain,
  results: readonly Value[],
  chip: Chip,
): Tiling | string {
  const order = canonical(domain, results);
  const together = bundles(domain, order);
  // Rows may also be the slower part of axes that always run together.
  const groups =
    together.length > 1 && order.length <= MOST_AXES ? order.map((a) => [a]) : together;
  if (groups.length > MOST_BUNDLES) return `its values run along ${groups.length} unrelated axes`;
  let best: Tiling | undefined;
  let why: string | undefined;
  for (let bits = 0; bits < 2 ** groups.length; bits++) {
    const rows = groups.flatMap((g, i) => (bits & (1 << i) ? g : []));
    const free = order.filter((a) => !rows.includes(a));
    const made = tilingOf(domain, results, rows, free, chip);
    if (typeof made === "string") why ??= made;
    else if (!best || made.cost < best.cost) best = made;
  }
  // On one partition; several rows are as good as it gets where rows are folded.
  if (best && best.rows === 1 && best.cost > POOR * idealCost(domain, results) + SMALL_NS)
    return `together it takes ${Math.round(best.cost / 1000)} us on one partition, many times what its parts take`;
  return best ?? why ?? "there is no layout";
}

/**
 * Nanoseconds where every byte moves at full speed and every partition works: what a layout is held against. One operation by itself is
 * taken in any layout.
 */
function idealCost(domain: Domain, results: readonly Value[]): number {
  const work = domain.ops.filter(
    ({ name, results: [y] }) => !weightless.has(name) && !domain.looks.has(y!) && !isSplat(y!),
  );
  if (work.length < 2) return Number.POSITIVE_INFINITY;
  const bytes = [...domain.outside, ...domain.looks, ...results].reduce(
    (n, v) => n + sizeOf(v.type.shape) * bytesOf(v.type.dtype),
    0,
  );
  const elements = work.reduce((n, { results: [y] }) => n + sizeOf(y!.type.shape), 0);
  return bytes * BYTE_NS + elements / LANES;
}

/** Whether a result is stored block by block: it has all rows; one that has none follows when all blocks are done. */
function storable(domain: Domain, rows: readonly Axis[], results: readonly Value[]): boolean {
  return results.every((v) => {
    const own = flat(domain.dims(v));
    const there = rows.filter((a) => own.includes(a)).length;
    return there === 0 || there === rows.length;
  });
}

function tilingOf(
  domain: Domain,
  results: readonly Value[],
  rows: readonly Axis[],
  free: readonly Axis[],
  chip: Chip,
): Tiling | string {
  const plain: Layout = { rows, free, chunk: -1 };
  if (!storable(domain, rows, results)) return "some results have only some of the rows";
  const fault = layoutFault(domain, plain);
  if (fault) return fault;
  const count = sizeOfAxes(domain, rows);
  const budget = SHARE * chip.sbuf.usableBytesPerPartition.value;
  const whole = peakBytes(domain, plain, results, undefined);
  const lanes = chip.partitions.value;
  if (whole <= budget) {
    const even = rowsAreEven(domain, plain, results);
    const widest = widestOf(domain, plain);
    const beside = widest >= WIDE && hasColumns(domain, plain) ? 1 : Math.ceil(LONG / widest);
    const room = Math.min(Math.floor(budget / whole), beside);
    const perPartition = even ? Math.max(1, Math.min(room, Math.ceil(count / lanes))) : 1;
    const tiling = {
      layout: plain,
      rows: count,
      perPartition,
      chunk: 1,
      resident: new Set<Value>(),
      chunksOutside: false,
    };
    return { ...tiling, cost: costOf(domain, tiling, results, chip) };
  }
  return chunked(domain, results, plain, count, chip, budget);
}

function chunked(
  domain: Domain,
  results: readonly Value[],
  plain: Layout,
  count: number,
  chip: Chip,
  budget: number,
): Tiling | string {
  const at = plain.free.findIndex((a) => !domain.axes.isRigid(a));
  if (at < 0) return "a row is larger than SBUF and cannot be cut";
  const layout = { ...plain, chunk: at };
  const axis = plain.free[at]!;
  const size = domain.axes.size(axis);
  const resident = residents(domain, layout, budget);
  const rest = budget - [...resident].reduce((n, v) => n + rowBytes(domain, layout, v), 0);
  const one = peakBytes(domain, layout, results, 1, resident);
  const fits = Math.min(size, Math.floor(rest / one));
  if (fits < 1) return "a row is larger than SBUF even in parts";
  const inner = Math.max(1, widestOf(domain, layout, 1));
  const chunk = evenPart(size, Math.max(1, Math.min(fits, Math.ceil(LONG / inner))));
  const late = lateValues(domain, layout);
  const keeps = domain.ops.some(
    (op) =>
      op.name === "reduce" &&
      foldsRows(domain, layout, op) &&
      domain.varies(op.results[0]!).has(axis),
  );
  const folds = domain.ops.some(
    (op) => op.name === "reduce" && foldedAxes(domain, op).includes(axis),
  );
  if (keeps && folds) return "a row is larger than SBUF, folded, and its columns are folded too";
  if (keeps && [...late].some((v) => v.op.name !== "reduce" && !domain.varies(v).has(axis)))
    return "a reduction over rows is folded again";
  if (!keeps && endVaries(domain, layout, results, axis))
    return "what follows when all rows are done is larger than SBUF";
  const tiling = { layout, rows: count, perPartition: 1, chunk, resident, chunksOutside: keeps };
  return { ...tiling, cost: costOf(domain, tiling, results, chip) };
}

/** Whether values that results without rows are made of, from reductions over rows on, vary along an axis. */
function endVaries(domain: Domain, layout: Layout, results: readonly Value[], axis: Axis): boolean {
  if (layout.rows.length === 0) return false;
  const inside = new Set(domain.ops);
  const open = results.filter((v) => !flat(domain.dims(v)).some((a) => layout.rows.includes(a)));
  const seen = new Set<Value>();
  for (let v = open.pop(); v; v = open.pop()) {
    if (seen.has(v)) continue;
    seen.add(v);
    if (domain.varies(v).has(axis)) return true;
    const stops = v.op.name === "reduce" && foldsRows(domain, layout, v.op);
    if (inside.has(v.op) && !stops && !domain.looks.has(v)) open.push(...v.op.operands);
  }
  return false;
}

/** Whether some values have one element a row beside others that have many. */
const hasColumns = (domain: Domain, layout: Layout): boolean =>
  domain.values.some(
    (v) =>
      layout.rows.some((a) => domain.varies(v).has(a)) &&
      !layout.free.some((a) => domain.varies(v).has(a)),
  );

/** Bytes of a value in a partition, for one row. */
export const rowBytes = (domain: Domain, layout: Layout, v: Value): number =>
  elementsOf(domain, layout, v, undefined) * bytesOf(v.type.dtype);

/** Columns that a total of all rows collects: one a block and chunk, while there are not too many. */
export function totalParts(domain: Domain, { layout, rows, perPartition, chunk }: Tiling): number {
  const axis = layout.free[layout.chunk];
  const chunks = axis === undefined ? 1 : Math.ceil(domain.axes.size(axis) / chunk);
  // What is left at the end may be two blocks.
  const blocks = Math.floor(rows / (LANES * perPartition)) + 2;
  return Math.min(PARTS, blocks * chunks);
}

/** Bytes of a partition that stay for all blocks: values without rows, whole rows, and what reductions over rows collect. */
export function keptBytes(domain: Domain, tiling: Tiling): number {
  const { layout, resident } = tiling;
  const axis = layout.free[layout.chunk];
  let bytes = [...resident].reduce((n, v) => n + rowBytes(domain, layout, v), 0);
  for (const v of [...domain.outside, ...domain.ops.map((op) => op.results[0]!)]) {
    const varies = domain.varies(v);
    const stays =
      !layout.rows.some((a) => varies.has(a)) && !(axis !== undefined && varies.has(axis));
    if (stays && !weightless.has(v.op.name)) bytes += rowBytes(domain, layout, v);
    if (v.op.name === "reduce" && !domain.outside.has(v) && foldsRows(domain, layout, v.op))
      bytes += 4 * Math.max(totalParts(domain, tiling), elementsOf(domain, layout, v, undefined));
  }
  return bytes;
}

/** Chunked values that reductions along the chunks make pass several times, as many as fit a good part of SBUF. */
function residents(domain: Domain, layout: Layout, budget: number): ReadonlySet<Value> {
  const axis = layout.free[layout.chunk]!;
  const found = new Set<Value>();
  if (!domain.ops.some((op) => op.name === "reduce" && foldedAxes(domain, op).includes(axis)))
    return found;
  let room = RESIDENT * budget;
  for (const v of [...domain.outside, ...domain.looks]) {
    const bytes = rowBytes(domain, layout, v);
    const varies = domain.varies(v);
    if (bytes > room || !varies.has(axis) || !layout.rows.some((a) => varies.has(a))) continue;
    found.add(v);
    room -= bytes;
  }
  return found;
}

/** Parts of nearly `most`, of multiples of 128 where there are several. */
function evenPart(size: number, most: number): number {
  if (most >= size) return size;
  const parts = Math.ceil(size / most);
  const even = Math.ceil(size / parts);
  const rounded = Math.ceil(even / 128) * 128;
  return rounded <= most ? rounded : even;
}

/** Elements of a value in a partition, for one row. */
export function elementsOf(
  domain: Domain,
  layout: Layout,
  v: Value,
  chunk: number | undefined,
): number {
  const varies = domain.varies(v);
  return layout.free.reduce(
    (n, a, i) =>
      varies.has(a)
        ? n * (i === layout.chunk && chunk !== undefined ? chunk : domain.axes.size(a))
        : n,
    1,
  );
}

const widestOf = (domain: Domain, layout: Layout, chunk?: number): number =>
  domain.values.reduce((m, v) => Math.max(m, elementsOf(domain, layout, v, chunk)), 1);

/** Operations that leave nothing in memory. */
const weightless = new Set(["broadcast_in_dim", "reshape", "transpose", "stop_gradient"]);

/**
 * Bytes of a partition that are alive at the fullest moment of a block of one row, and what is on its way in and out. Values without rows
 * stay for all blocks.
 */
function peakBytes(
  domain: Domain,
  layout: Layout,
  results: readonly Value[],
  chunk: number | undefined,
  resident: ReadonlySet<Value> = new Set(),
): number {
  const last = new Map<Value, number>();
  domain.ops.forEach((op, i) => {
    for (const v of op.operands) last.set(v, i);
  });
  const bytes = (v: Value): number =>
    isSplat(v) ? 0 : elementsOf(domain, layout, v, chunk) * bytesOf(v.type.dtype);
  let [alive, most] = [0, 0];
  const stored = new Set(results);
  const onTheWay = [...domain.outside, ...results].filter((v) => !resident.has(v));
  const moving = onTheWay.reduce((n, v) => n + bytes(v), 0);
  domain.ops.forEach((op, i) => {
    const [y] = op.results;
    if (!weightless.has(op.name) && !domain.looks.has(y!)) alive += bytes(y!);
    most = Math.max(most, alive);
    for (const v of new Set(op.operands))
      if (
        last.get(v) === i &&
        !domain.outside.has(v) &&
        !weightless.has(v.op.name) &&
        !stored.has(v)
      )
        alive -= bytes(v);
  });
  return Math.max(1, 1.5 * most + 2 * moving);
}

const isSplat = (v: Value): boolean =>
  v.op.name === "constant" && typeof v.op.attrs["value"] === "number";

/** Whether all tensors in HBM have one stride along the rows, judged by the order of their axes. */
function rowsAreEven(domain: Domain, layout: Layout, results: readonly Value[]): boolean {
  const { rows } = layout;
  return [...domain.outside, ...domain.looks, ...results].every((v) => {
    const own = flat(domain.dims(v));
    const there = rows.filter((a) => own.includes(a));
    if (there.length === 0) return true;
    if (domain.looks.has(v)) return rows.length === 1;
    const first = own.indexOf(rows[0]!);
    return there.length === rows.length && rows.every((a, i) => own[first + i] === a);
  });
}

/** Elements that follow each other both in a tensor and in a tile. */
function runOf(domain: Domain, tiling: Omit<Tiling, "cost">, v: Value): number {
  const { layout, perPartition, chunk } = tiling;
  const own = flat(domain.dims(v)).toReversed();
  const order = layout.free.filter((a) => own.includes(a)).toReversed();
  let run = 1;
  for (const [i, a] of own.entries()) {
    if (a === order[i]) {
      const cut = layout.free[layout.chunk] === a;
      run *= cut ? chunk : domain.axes.size(a);
      if (cut) return run;
    }
    // Rows beside each other follow only where nothing of the tile lies between them.
    else return i === order.length && a === layout.rows.at(-1) ? run * perPartition : run;
  }
  return run;
}

/** Nanoseconds of a packet's start and of a byte on all engines together. */
const PACKET_NS = 4.7 / 16;
const BYTE_NS = 1 / 360;
const FIXED_NS = 60;

function costOf(
  domain: Domain,
  tiling: Omit<Tiling, "cost">,
  results: readonly Value[],
  chip: Chip,
): number {
  const { layout, rows, perPartition, chunk } = tiling;
  const lanes = chip.partitions.value;
  const chunkAxis = layout.free[layout.chunk];
  const chunks = chunkAxis === undefined ? 1 : Math.ceil(domain.axes.size(chunkAxis) / chunk);
  const blocks = Math.ceil(rows / Math.min(rows, lanes * perPartition)) * chunks;
  const late = lateValues(domain, layout);
  const folds =
    chunkAxis !== undefined &&
    domain.ops.some((op) => op.name === "reduce" && foldedAxes(domain, op).includes(chunkAxis));
  let dma = 0;
  for (const v of [...domain.outside, ...domain.looks, ...results]) {
    const bytes = sizeOf(v.type.shape) * bytesOf(v.type.dtype);
    const run = runOf(domain, tiling, v) * bytesOf(v.type.dtype);
    // Few partitions use few engines.
    const engines = Math.max(1, Math.min(16, Math.ceil(Math.min(rows, lanes) / 8)));
    const passes = chunkAxis === undefined || tiling.resident.has(v) || !folds ? 1 : 2;
    dma += passes * ((bytes / run) * PACKET_NS + bytes * BYTE_NS) * (16 / engines);
  }
  let compute = 0;
  for (const op of domain.ops) {
    const [y] = op.results;
    if (weightless.has(op.name) || domain.looks.has(y!) || isSplat(y!)) continue;
    const wide = op.name === "reduce" ? op.operands[0]! : y!;
    const elements = elementsOf(domain, layout, wide, undefined);
    const perRow = layout.rows.some((a) => domain.varies(wide).has(a));
    const steps =
      late.has(y!) && op.name !== "reduce" ? 1 : perRow ? rows / Math.min(rows, lanes) : 1;
    compute += elements * Math.max(1, steps) + (perRow ? blocks : chunks) * FIXED_NS;
  }
  return Math.max(dma, compute / 2) + (dma + compute) / 8;
}
