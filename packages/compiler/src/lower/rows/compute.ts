/** How each operation's tile is made from its operands' tiles. */
import { invariant } from "@opentrn/base";
import type { Body, Operation, Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { isFloat } from "@opentrn/numerics";
import type { Axis } from "./axes.ts";
import { chains } from "./chains.ts";
import { compare, convert, type Direction, logicalOps, select } from "./discrete-ops.ts";
import type { Evaluator } from "./evaluate.ts";
import { floatOps, type Write } from "./float-ops.ts";
import { copy } from "./instructions.ts";
import { integerOps, lowBits } from "./integer-ops.ts";
import { foldedAxes } from "./layout.ts";
import { pickColumns } from "./pick.ts";
import { fold } from "./reduce.ts";
import { nameOf } from "./supported.ts";
import { type Arg, compact, countsOf, isTile, repeated, type Tile, withDims } from "./tile.ts";

type Compute = (e: Evaluator, op: Operation) => Tile;

const writerOf = (op: Operation): Write => {
  const { dtype } = op.results[0]!.type;
  const made = (isFloat(dtype) ? floatOps[nameOf(op)] : undefined) ?? logicalOps[op.name];
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
  throughChain(e, op) ?? written(e, op, (dst, args) => writerOf(op)(e.site, dst, args));

/** The operation and others in one instruction, where they make a chain. */
function throughChain(e: Evaluator, op: Operation): Tile | undefined {
  for (const chain of chains) {
    const tile = chain(e, op);
    if (tile) return tile;
  }
  return undefined;
}

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

/** Computes a value that nothing else needs right where it goes. */
function writtenThere(e: Evaluator, x: Value, into: Tile): boolean {
  const s = e.strip(x);
  const own = e.isComputed(s) && e.uses(s) === 1 && !e.has(s) && s.type.dtype === x.type.dtype;
  if (!own || !writesWhole(s.op) || e.varies(s) !== e.varies(x)) return false;
  e.computeInto(s.op, into);
  return true;
}

/** Element-by-element operations, which write every element of their result once. */
const writesWhole = (op: Operation): boolean =>
  nameOf(op) in floatOps || op.name in logicalOps || op.name === "convert" || op.name === "compare";

const numbers = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];

const special: Readonly<Record<string, Compute>> = {
  pick: pickColumns,
  compare: (e, op) =>
    written(e, op, (dst, args) => {
      const direction = op.attrs["comparison_direction"] as Direction;
      const small = op.operands.some((v) => e.isSmall(v));
      compare(e.site, dst, args, op.operands[0]!.type.dtype, direction, small);
    }),
  select: (e, op) => written(e, op, (dst, args) => select(e.site, dst, args)),
  convert: (e, op) =>
    throughChain(e, op) ??
    written(e, op, (dst, [x]) => convert(e.site, dst, x!, op.operands[0]!.type.dtype)),
  reduce: (e, op) => {
    const [x] = op.operands;
    const tile = e.tile(x!);
    const beside = e.takeSum(x!);
    if (beside) {
      e.finish(op);
      return beside;
    }
    const dst = e.result(op);
    const gone = foldedAxes(e.domain, op).map((a) => e.dimOf(a));
    const counts = countsOf(tile).map((n, d) =>
      gone.includes(d) ? e.countsFor(new Set(foldedAxes(e.domain, op)))[d]! : n,
    );
    fold(
      e.site,
      dst,
      { view: repeated(tile, counts) },
      gone,
      op.attrs["body"] as Body,
      x!.type.dtype,
    );
    e.finish(op);
    return dst;
  },
  slice: (e, op) => {
    const [x] = op.operands;
    const [y] = op.results;
    let part = e.tile(x!);
    const [start, limit, strides] = ["start_indices", "limit_indices", "strides"].map((n) =>
      numbers(op, n),
    ) as [readonly number[], readonly number[], readonly number[]];
    for (const [d, n] of x!.type.shape.entries()) {
      if (n === y!.type.shape[d]) continue;
      const axis = e.domain.dims(x!)[d]![0];
      if (axis === undefined || !e.domain.varies(x!).has(axis)) continue;
      part = moved(e, partOf(e, part, x!, d, start[d]!, limit[d]!, strides[d]!), x!, y!, d);
    }
    const tile = e.shared(part);
    e.finish(op);
    return tile;
  },
  concatenate: (e, op) => {
    const d = op.attrs["dimension"] as number;
    const [y] = op.results;
    const dst = e.result(op);
    let at = 0;
    for (const x of op.operands) {
      const n = x.type.shape[d]!;
      const into = moved(e, partOf(e, dst, y!, d, at, at + n), y!, x, d);
      if (!writtenThere(e, x, into)) copy(e.site, into, e.tile(x));
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
    let from = e.tile(x);
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
      channel_multiplier: rowStep * perPartition,
    },
  );
  if (!wide) copy(e.site, dst, lowBits(into, dtype));
  return dst;
}

/** Pairs of more than one element, at least one pair. */
function pairs(pattern: readonly number[]): readonly number[] {
  const kept: number[] = [];
  for (let i = 0; i < pattern.length; i += 2)
    if (pattern[i + 1] !== 1) kept.push(pattern[i]!, pattern[i + 1]!);
  return kept.length === 0 ? [0, 1] : kept;
}

/** The tile of an operation's result. */
export const computeOp: Compute = (e, op) => (special[op.name] ?? elementwise)(e, op);
