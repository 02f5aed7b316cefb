// nc_matmul with few columns on one side: a decoding step multiplies one token's row by whole weight tiles. Packing the tile would cost more
// than the product, so that its rows are read where they lie. Sums are those of matmul.ts: k ascending from zero, two roundings a step.
import { Operand, strideOf } from "./operand";
import { chunkAt, packA } from "./layout";
import { fetch, fetchStep, repeat } from "./read";
import { commit } from "./write";
import { DT_bfloat16, DT_float32 } from "../generated/tables";

/** Most vectors that are multiplied one by one. */
export const FEW: i32 = 4;
/** Columns of a tile summed at a time: eight vectors of sums stay in registers. */
const WIDTH: i32 = 32;

/** Whether rows of `columns` elements of a [K, columns] operand can be read where they lie. */
export function readableRows(op: Operand, columns: i32): bool {
  if (op.dtype != DT_float32 && op.dtype != DT_bfloat16) return false;
  return op.rank == 2 && op.step == op.bytes && op.run == columns && columns >= WIDTH;
}

@inline function low(v: v128): v128 { return v128.shuffle<i16>(i32x4.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11); }
@inline function high(v: v128): v128 { return v128.shuffle<i16>(i32x4.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15); }
@inline function step(sum: v128, x: v128, w: v128): v128 { return f32x4.add(sum, f32x4.mul(x, w)); }

/** 32 sums at `out`: k values at `x` times rows of bfloat16 at `at`, `pitch` bytes apart. */
function brains(k: i32, x: usize, at: usize, pitch: i32, out: usize): void {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  let s4 = i32x4.splat(0), s5 = i32x4.splat(0), s6 = i32x4.splat(0), s7 = i32x4.splat(0);
  for (; k > 0; k--) {
    const v = v128.load32_splat(x);
    const a = v128.load(at), b = v128.load(at, 16);
    s0 = step(s0, v, low(a));
    s1 = step(s1, v, high(a));
    s2 = step(s2, v, low(b));
    s3 = step(s3, v, high(b));
    const c = v128.load(at, 32), d = v128.load(at, 48);
    s4 = step(s4, v, low(c));
    s5 = step(s5, v, high(c));
    s6 = step(s6, v, low(d));
    s7 = step(s7, v, high(d));
    x += 4;
    at += pitch;
  }
  keep(out, s0, s1, s2, s3);
  keep(out + 64, s4, s5, s6, s7);
}

/** The same for rows of float32. */
function floats(k: i32, x: usize, at: usize, pitch: i32, out: usize): void {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  let s4 = i32x4.splat(0), s5 = i32x4.splat(0), s6 = i32x4.splat(0), s7 = i32x4.splat(0);
  for (; k > 0; k--) {
    const v = v128.load32_splat(x);
    s0 = step(s0, v, v128.load(at));
    s1 = step(s1, v, v128.load(at, 16));
    s2 = step(s2, v, v128.load(at, 32));
    s3 = step(s3, v, v128.load(at, 48));
    s4 = step(s4, v, v128.load(at, 64));
    s5 = step(s5, v, v128.load(at, 80));
    s6 = step(s6, v, v128.load(at, 96));
    s7 = step(s7, v, v128.load(at, 112));
    x += 4;
    at += pitch;
  }
  keep(out, s0, s1, s2, s3);
  keep(out + 64, s4, s5, s6, s7);
}

@inline function keep(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

/**
 * Element v * across + c of dst = or += the sum over k of vector v times column c of `matrix` [k, columns]. Vector
 * v lies in column v of `vectors` [k, n].
 */
export function multiplyVectors(dst: Operand, vectors: Operand, n: i32, matrix: Operand, k: i32, columns: i32, across: i32, accumulate: bool): void {
  const pitch = strideOf(matrix, 0);
  const xs = packA();
  const all = fetch(vectors, 0, k * n, chunkAt(0));
  if (fetchStep == 0) repeat(all, k * n);
  for (let v = 0; v < n; v++)
    for (let i = 0; i < k; i++) store<u32>(xs + (<usize>(v * k + i) << 2), load<u32>(all + (<usize>(i * n + v) << 2)));
  const sums = chunkAt(1);
  for (let c = 0; c < columns; c += WIDTH) {
    // The last sums of an odd width are taken again with those before them.
    const first = min(c, columns - WIDTH);
    const at = matrix.address + <usize>(first * matrix.bytes);
    for (let v = 0; v < n; v++) {
      if (matrix.dtype == DT_float32) floats(k, xs + (<usize>(v * k) << 2), at, pitch, sums);
      else brains(k, xs + (<usize>(v * k) << 2), at, pitch, sums);
      const skipped = c - first;
      const width = WIDTH - skipped;
      const e = <u32>(v * across + c);
      const fresh = sums + (<usize>skipped << 2);
      if (accumulate) {
        const old = fetch(dst, e, width, chunkAt(2));
        for (let i: usize = 0; i < <usize>width << 2; i += 4) store<f32>(fresh + i, load<f32>(old + i) + load<f32>(fresh + i));
      }
      commit(dst, e, width, fresh);
    }
  }
}
