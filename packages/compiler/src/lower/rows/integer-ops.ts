/**
 * Integers. Up to 16 bits they pass through fp32 exactly; what may wrap, and everything of 32 bits, is computed on GpSimd, which is exact
 * and wraps on 32-bit tiles, and the low bits are taken from there. VectorE's way through fp32 would round and saturate.
 */
import { invariant } from "@opentrn/base";
import { records } from "@opentrn/isa";
import { type AluName, bytesOf, type DType, isFloat, isInteger } from "@opentrn/numerics";
import { View } from "../../emit/view.ts";
import { alu, type Write } from "./float-ops.ts";
import {
  activation,
  copy,
  copyPredicated,
  outOfPsum,
  tensorScalar,
  tensorTensor,
} from "./instructions.ts";
import type { Site } from "./site.ts";
import { type Arg, countsOf, inDims, isTile, repeated, type Tile } from "./tile.ts";

export const isWide = (d: DType): boolean => d === "int32" || d === "uint32";

/** What GpSimd computes a type in. */
const wideOf = (d: DType): "int32" | "uint32" => (d === "uint32" ? "uint32" : "int32");

/** An argument as a tile of 32-bit integers. */
function widened(site: Site, a: Arg, dtype: DType, like: Tile): Tile {
  const wide = wideOf(dtype);
  if (!isTile(a)) return site.fixed(a >= 2 ** 31 ? a - 2 ** 32 : a, wide, countsOf(like)[0]!);
  if (a.view.dtype === wide) return outOfPsum(site, a);
  const held = site.scratch(wide, countsOf(a));
  copy(site, held, a);
  return held;
}

/** dst = a op b of tiles of one 32-bit type, exactly. */
export function exactOp(site: Site, dst: Tile, a: Tile, b: Tile, op: AluName): void {
  const counts = countsOf(dst);
  inDims([dst.view, repeated(a, counts), repeated(b, counts)], ([d, x, y]) => {
    site.engines.run([
      {
        engine: "gpsimd",
        ns: site.engines.twoTiles("gpsimd", [d!, x!, y!]),
        emit: () =>
          site.emit.emit(
            records.tensorTensor,
            { dst: d!, data1: x!, data2: y! },
            { op, engine: "gpsimd" },
          ),
      },
    ]);
  });
}

/** The low bits of integers, as elements of a type that is no wider. */
export function lowBits(t: Tile, dtype: DType): Tile {
  const { pattern, space } = t.view;
  const ratio = bytesOf(pattern.dtype) / bytesOf(dtype);
  invariant(isInteger(dtype) && ratio >= 1, `${pattern.dtype} has no low bits of ${dtype}`);
  return {
    ...t,
    view: new View(space, {
      ...pattern,
      dtype,
      offset: pattern.offset * ratio,
      dims: pattern.dims.map(([s, n], d) => (d === 0 ? [s, n] : [s * ratio, n])),
    }),
  };
}

/** dst = src, a partial result of 32 bits or fp32, as the narrower type that it stands for. */
export function roundTo(site: Site, dst: Tile, src: Tile): void {
  copy(site, dst, isFloat(dst.view.dtype) ? src : lowBits(src, dst.view.dtype));
}

/** Runs `compute` on 32-bit tiles and keeps what fits dst. */
function inWide(
  site: Site,
  dst: Tile,
  args: readonly Arg[],
  dtype: DType,
  compute: (out: Tile, args: readonly Tile[]) => void,
): void {
  const wide = args.map((a) => widened(site, a, dtype, dst));
  if (isWide(dst.view.dtype)) {
    compute(dst, wide);
    return;
  }
  const out = site.scratch(wideOf(dtype), countsOf(dst));
  compute(out, wide);
  copy(site, dst, lowBits(out, dst.view.dtype));
}

const exact =
  (op: AluName): Write =>
  (site, dst, args) =>
    inWide(site, dst, args, dst.view.dtype, (out, [a, b]) => exactOp(site, out, a!, b!, op));

/** Exact in fp32 for 16 and fewer bits. */
const ordered =
  (op: AluName): Write =>
  (site, dst, args) =>
    (isWide(dst.view.dtype) ? exact(op) : alu(op))(site, dst, args);

const negate: Write = (site, dst, [a]) => exact("subtract")(site, dst, [0, a!]);

const abs: Write = (site, dst, [a]) =>
  inWide(site, dst, [a!, 0], dst.view.dtype, (out, [x, zero]) => {
    if (out.view.dtype === "uint32") {
      copy(site, out, x!);
      return;
    }
    const minus = site.scratch("int32", countsOf(out));
    exactOp(site, minus, zero!, x!, "subtract");
    exactOp(site, out, x!, minus, "maximum");
  });

const sign: Write = (site, dst, [a]) =>
  activation(site, dst, isTile(a!) ? a : site.fixed(a!, dst.view.dtype, countsOf(dst)[0]!), "sign");

/** float(a) / float(b) within a few units in the last place. */
function quotient(site: Site, a: Tile, b: Tile): Tile {
  const out = site.scratch("float32", countsOf(a));
  const inverse = site.scratch("float32", countsOf(b));
  activation(site, inverse, b, "reciprocal");
  tensorTensor(site, out, a, inverse, "multiply");
  return out;
}

/** Steps after which the rest is smaller than the divisor: each takes 2^19 and more off the quotient that is left. */
const STEPS = 3;

/** Integer division, cut off towards zero; all ones where the divisor is 0. */
const divide: Write = (site, dst, args) =>
  inWide(site, dst, args, dst.view.dtype, (out, [x, y]) => {
    const counts = countsOf(out);
    const dtype = out.view.dtype;
    const make = (): Tile => site.scratch(dtype, counts);
    const [q, rest, part, product] = [make(), make(), make(), make()];
    const divisor = { view: repeated(y!, counts) };
    copy(site, rest, x!);
    for (let step = 0; step < STEPS; step++) {
      const estimate = quotient(site, rest, divisor);
      // Unsigned rests must not fall below zero, so the estimate stays below the quotient.
      if (dtype === "uint32")
        tensorScalar(site, estimate, estimate, "multiply", 1 - 2 ** -20, false, {
          op: "subtract",
          value: 0.5,
        });
      copy(site, step === 0 ? q : part, estimate);
      exactOp(site, product, step === 0 ? q : part, divisor, "multiply");
      exactOp(site, rest, rest, product, "subtract");
      if (step > 0) exactOp(site, q, q, part, "add");
    }
    if (dtype === "uint32") {
      exactOp(site, part, rest, divisor, "greater_equal");
      exactOp(site, q, q, part, "add");
    } else towardsZero(site, q, part, rest, { view: repeated(x!, counts) }, divisor);
    const isZero = site.scratch("uint8", counts);
    tensorScalar(site, isZero, divisor, "equal", 0);
    const ones = site.fixed(-1, dtype, counts[0]!);
    copyPredicated(site, q, ones, isZero);
    copy(site, out, q);
  });

/** A quotient that was rounded to nearest goes one back where the rest and the dividend have different signs. */
function towardsZero(site: Site, q: Tile, part: Tile, rest: Tile, x: Tile, y: Tile): void {
  const counts = countsOf(q);
  const signOf = (t: Tile): Tile => {
    const s = site.scratch("float32", counts);
    activation(site, s, t, "sign");
    return s;
  };
  const [sx, sy, sr] = [signOf(x), signOf(y), signOf(rest)];
  tensorTensor(site, sr, sr, sx, "multiply");
  tensorScalar(site, sr, sr, "less", 0);
  tensorTensor(site, sr, sr, sx, "multiply");
  tensorTensor(site, sr, sr, sy, "multiply");
  copy(site, part, sr);
  exactOp(site, q, q, part, "subtract");
}

export const integerOps: Readonly<Record<string, Write>> = {
  add: exact("add"),
  subtract: exact("subtract"),
  multiply: exact("multiply"),
  maximum: ordered("maximum"),
  minimum: ordered("minimum"),
  divide,
  negate,
  abs,
  sign,
};

/** Whether two integers stand in a relation, into a bool_ tile. */
export function compareWide(
  site: Site,
  dst: Tile,
  args: readonly Arg[],
  dtype: DType,
  op: AluName,
): void {
  const [a, b] = args.map((v) => widened(site, v, dtype, dst)) as [Tile, Tile];
  const out = site.scratch(wideOf(dtype), countsOf(dst));
  exactOp(site, out, a, b, op);
  copy(site, dst, out);
}
