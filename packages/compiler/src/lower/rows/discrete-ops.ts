/** compare, select, convert, and, or, not: operations whose way depends on the types they meet. */
import { records } from "@opentrn/isa";
import { type AluName, bytesOf, type DType, isFloat } from "@opentrn/numerics";
import { alu, comparisons, type Write } from "./float-ops.ts";
import {
  activation,
  copy,
  copyPredicated,
  selectBeside,
  tensorScalar,
  tensorTensor,
} from "./instructions.ts";
import { compareWide, isWide, lowBits } from "./integer-ops.ts";
import type { Site } from "./site.ts";
import {
  type Arg,
  countsOf,
  freeOf,
  inDims,
  isColumn,
  isTile,
  repeated,
  type Tile,
} from "./tile.ts";

export type Direction = keyof typeof comparisons;

/**
 * dst (bool_) = a stands in that relation to b, both of `dtype`. `small`: one side lies within 2^24, so that rounding the other to fp32
 * does not carry it across.
 */
export function compare(
  site: Site,
  dst: Tile,
  args: readonly Arg[],
  dtype: DType,
  direction: Direction,
  small = false,
): void {
  const op = comparisons[direction];
  if (isWide(dtype) && !small) compareWide(site, dst, args, dtype, op);
  else alu(op)(site, dst, args);
}

const asTile = (site: Site, a: Arg, dtype: DType, like: Tile): Tile =>
  isTile(a) ? a : site.fixed(a, dtype, countsOf(like)[0]!);

/** A tile of exactly that type. */
function typed(site: Site, a: Arg, dtype: DType, like: Tile): Tile {
  const t = asTile(site, a, dtype, like);
  if (t.view.dtype === dtype) return t;
  const held = site.scratch(dtype, countsOf(t));
  copy(site, held, t);
  return held;
}

export const select: Write = (site, dst, [predicate, yes, no]) => {
  const { dtype } = dst.view;
  const p = asTile(site, predicate!, "bool_", dst);
  const beside = (a: Arg): boolean => !isTile(a) || (isColumn(a) && freeOf(dst) > 1);
  if (!isWide(dtype) && dtype !== "tfloat32") {
    if (beside(no!)) {
      selectBeside(site, dst, p, asTile(site, yes!, dtype, dst), no!, false);
      return;
    }
    if (beside(yes!)) {
      selectBeside(site, dst, p, no as Tile, yes!, true);
      return;
    }
  }
  copy(site, dst, typed(site, no!, dtype, dst));
  copyPredicated(site, dst, typed(site, yes!, dtype, dst), p);
};

/** Bitwise on integers; truth values are 0 and 1. */
const bitwise =
  (op: AluName): Write =>
  (site, dst, [a, b]) => {
    const { dtype } = dst.view;
    const [x, y] = [asTile(site, a!, dtype, dst), asTile(site, b!, dtype, dst)];
    onBits(site, dst, x, op, y);
  };

const not: Write = (site, dst, [a]) => {
  const { dtype } = dst.view;
  const x = asTile(site, a!, dtype, dst);
  onBits(
    site,
    dst,
    x,
    dtype === "bool_" ? "bitwise_xor" : "invert",
    dtype === "bool_" ? 1 : undefined,
  );
};

function onBits(site: Site, dst: Tile, a: Tile, op: AluName, b: Tile | number | undefined): void {
  const counts = countsOf(dst);
  const views = [dst.view, repeated(a, counts)];
  if (typeof b === "object") views.push(repeated(b, counts));
  inDims(views, ([d, x, y]) => {
    site.engines.run([
      {
        engine: "vector",
        ns: site.engines.plain("vector", d!),
        emit: () =>
          y
            ? site.emit.emit(
                records.tensorTensor,
                { dst: d!, data1: x!, data2: y },
                { op, engine: "vector" },
              )
            : site.emit.emit(
                records.tensorScalar,
                { dst: d!, data: x!, operand0: b as number | undefined },
                { op0: op, engine: "vector" },
              ),
      },
    ]);
  });
}

export const logicalOps: Readonly<Record<string, Write>> = {
  and: bitwise("bitwise_and"),
  or: bitwise("bitwise_or"),
  not,
};

const signed = (d: DType): boolean => d.startsWith("int");
const signedOfWidth: Readonly<Record<number, DType>> = { 1: "int8", 2: "int16", 4: "int32" };

/** dst = src as dst's type. `from` is the type that src's values have in the IR. */
export function convert(site: Site, dst: Tile, src: Arg, from: DType): void {
  const to = dst.view.dtype;
  const x = asTile(site, src, from, dst);
  if (to === "bool_") tensorScalar(site, dst, x, "not_equal", 0);
  else if (isFloat(to) || from === "bool_") copy(site, dst, x);
  else if (isFloat(from)) truncate(site, dst, x);
  else if (bytesOf(to) <= bytesOf(from)) copy(site, dst, lowBits(x, to));
  // Sign bits go on upwards; where the type has no sign, they are bits like others.
  else if (signed(from))
    copy(site, { ...dst, view: dst.view.bits(signedOfWidth[bytesOf(to)]!) }, x);
  else copy(site, dst, x);
}

/**
 * Floats to integers, cut off towards zero; writing rounds to nearest and saturates, NaN becomes 0. The magnitude is rounded by writing
 * it as an integer, and what came out larger goes one back.
 */
function truncate(site: Site, dst: Tile, x: Tile): void {
  const counts = countsOf(x);
  const make = (dtype: DType): Tile => site.scratch(dtype, counts);
  const [size, nearest, over] = [make("float32"), make("uint32"), make("float32")];
  const minus = signed(dst.view.dtype);
  if (minus) tensorScalar(site, size, x, "abs");
  else tensorScalar(site, size, x, "maximum", 0);
  copy(site, nearest, size);
  tensorTensor(site, over, nearest, size, "greater");
  tensorTensor(site, over, nearest, over, "subtract");
  if (!minus) {
    copy(site, dst, over);
    return;
  }
  activation(site, size, x, "sign");
  tensorTensor(site, dst, over, size, "multiply");
}
