// bn_stats and bn_aggr: packages/numerics/src/functions/statistics.ts, several partitions at a time.
import { Operand, countOf, parse } from "./operand";
import { ROWS, chunkAt, rowAt, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable, repeat } from "./read";
import { commit } from "./write";
import { aluChunk } from "./alu";
import { accumulateRows } from "./rows";
import { BAD_DTYPE, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { ALU_add, ALU_square, ALU_subtract } from "../generated/tables";

/** Most elements a partition may have (nl.tile_size.bn_stats_fmax). */
const MOST: u32 = 512;
/** The second half of a row buffer, for the odd-numbered elements. */
const ODD: usize = 1056;

@inline function pointers(): usize { return tailAt(8); }
@inline function sums(): usize { return tailAt(9); }
@inline function total(r: i32): f32 { return load<f32>(sums() + (<usize>r << 2)); }

/** count, mean and variance * count of the n values at `offset` of each row buffer, into the results (6 floats a row) at `out`. */
function halves(rows: i32, offset: usize, n: i32, out: usize): void {
  for (let r = 0; r < ROWS; r++) store<u32>(pointers() + (<usize>r << 2), rowAt(min(r, rows - 1)) + offset);
  memory.fill(sums(), 0, 32);
  accumulateRows(ALU_add, pointers(), sums(), n);
  const mean = tailAt(10);
  for (let r = 0; r < rows; r++) {
    const m: f32 = n == 0 ? 0 : total(r) / <f32>n;
    store<f32>(out + <usize>(24 * r), <f32>n);
    store<f32>(out + <usize>(24 * r), m, 4);
    v128.store(mean, f32x4.splat(m));
    const values = rowAt(r) + offset;
    aluChunk(ALU_subtract, values, values, 16, mean, 0, n);
    aluChunk(ALU_square, values, values, 16, values, 16, n);
  }
  memory.fill(sums(), 0, 32);
  accumulateRows(ALU_add, pointers(), sums(), n);
  for (let r = 0; r < rows; r++) store<f32>(out + <usize>(24 * r), total(r), 8);
}

/** dst[p] = count, mean, variance * count of the even and then of the odd elements of data[p] (at most 512). */
export function bnStats(dstAt: usize, dataAt: usize): i32 {
  const dst = parse(0, dstAt, 1);
  const data = parse(1, dataAt, 1);
  const partitions = countOf(data, 0);
  if (partitions == 0 || dst.total != <u32>(6 * partitions)) return BAD_SHAPE;
  const free = data.total / <u32>partitions;
  if (free > MOST) return BAD_SHAPE;
  if (!readable(dst.dtype) || !readable(data.dtype)) return BAD_DTYPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  const out = chunkAt(1);
  for (let p = 0; p < partitions; p += ROWS) {
    const rows = min(ROWS, partitions - p);
    for (let r = 0; r < rows; r++) split(data, <u32>(p + r) * free, <i32>free, rowAt(r));
    halves(rows, 0, <i32>(free + 1) >> 1, out);
    halves(rows, ODD, <i32>free >> 1, out + 12);
    commit(dst, 6 * p, 6 * rows, out);
  }
  return OK;
}

/** n elements of `op` from e on: the even ones to `row`, the odd ones to its second half. */
function split(op: Operand, e: u32, n: i32, row: usize): void {
  const values = fetch(op, e, n, chunkAt(0));
  if (fetchStep == 0) repeat(values, n);
  const pairs = n >> 1;
  for (let i = 0; i < pairs; i++) {
    const at = values + (<usize>i << 3);
    store<f32>(row + (<usize>i << 2), load<f32>(at));
    store<f32>(row + ODD + (<usize>i << 2), load<f32>(at, 4));
  }
  if (n & 1) store<f32>(row + (<usize>pairs << 2), load<f32>(values + (<usize>(n - 1) << 2)));
}

/** dst[p] = mean and population variance of the union of the (count, mean, variance * count) triples of data[p]. */
export function bnAggregate(dstAt: usize, dataAt: usize): i32 {
  const dst = parse(0, dstAt, 1);
  const data = parse(1, dataAt, 1);
  const partitions = countOf(data, 0);
  if (partitions == 0 || dst.total != <u32>(2 * partitions)) return BAD_SHAPE;
  const free = data.total / <u32>partitions;
  if (free % 3 != 0) return BAD_SHAPE;
  if (!readable(dst.dtype) || !readable(data.dtype)) return BAD_DTYPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  for (let p = 0; p < partitions; p++) {
    aggregate(data, <u32>p * free, free, tailAt(9));
    commit(dst, 2 * p, 2, tailAt(9));
  }
  return OK;
}

/** Mean and variance of the triples in `free` elements from e on, at `out`. */
function aggregate(data: Operand, e: u32, free: u32, out: usize): void {
  /** Elements read at a time: whole triples. */
  const PIECE: u32 = 1023;
  let count: f32 = 0;
  let weighted: f32 = 0;
  for (let f: u32 = 0; f < free; f += PIECE) {
    const n = <i32>min(PIECE, free - f);
    const values = fetch(data, e + f, n, chunkAt(0));
    if (fetchStep == 0) repeat(values, n);
    for (let i: usize = 0; i < <usize>n << 2; i += 12) {
      count += load<f32>(values + i);
      weighted += load<f32>(values + i) * load<f32>(values + i, 4);
    }
  }
  const mean = weighted / count;
  let squares: f32 = 0;
  for (let f: u32 = 0; f < free; f += PIECE) {
    const n = <i32>min(PIECE, free - f);
    const values = fetch(data, e + f, n, chunkAt(0));
    if (fetchStep == 0) repeat(values, n);
    for (let i: usize = 0; i < <usize>n << 2; i += 12) {
      const d = load<f32>(values + i, 4) - mean;
      squares += load<f32>(values + i, 8) + load<f32>(values + i) * (d * d);
    }
  }
  store<f32>(out, mean);
  store<f32>(out, squares / count, 4);
}
