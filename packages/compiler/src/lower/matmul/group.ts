/**
 * Which groups of operations are matmuls, and how they come apart: dot_generals, what is computed of their results (an epilogue for each
 * set of products that meet), and where operands come from. Products that share an epilogue are summed side by side; products that share
 * only their left operand follow each other over columns, as if their right operands stood side by side.
 */
import { type Func, isFloatType, type Operation, sameShape, type Value } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import { View } from "../../emit/view.ts";
import { viewOf } from "../move/views.ts";
import { type BlockSpec, blockFault, columnStepOf } from "../rows/block.ts";
import { placeOf } from "./place.ts";
import { denseOf, dimsOf, productOf, type Strided } from "./product.ts";
import { type Prologue, prologueOf } from "./prologue.ts";

/** Products that meet, and what is made of them. */
export interface Segment {
  readonly dots: readonly Operation[];
  readonly results: readonly { readonly value: Value; readonly index: number }[];
  /** The epilogue, or none where every result is a product seen another way. */
  readonly epilogue: BlockSpec | undefined;
  /** Columns that an epilogue needs together. */
  readonly columnStep: number;
}

export interface MatmulGroup {
  readonly segments: readonly Segment[];
  /** What computes an operand that does not lie in memory. */
  readonly prologues: ReadonlyMap<Value, Prologue>;
}

/** Types that the array multiplies. */
const multiplies = new Set<DType>([
  "float32",
  "bfloat16",
  "float16",
  "float8_e4m3",
  "float8_e4m3fn",
  "float8_e5m2",
]);

/** Operations on an operand that are strides in HBM. */
const looks = new Set(["reshape", "transpose", "slice", "broadcast_in_dim"]);

/** The group as matmuls, or why it is none. */
export function groupOf(group: Func): MatmulGroup | string {
  const dots = group.body.filter((op) => op.name === "dot_general");
  if (dots.length === 0) return "there is no dot_general";
  for (const dot of dots) {
    const { type } = dot.operands[0]!;
    if (!isFloatType(type)) return `dot_general of ${type.dtype}: the array multiplies floats only`;
    if (!multiplies.has(type.dtype))
      return `dot_general of ${type.dtype}: the array does not take it`;
  }
  const products = productsBehind(group);
  const prologues = new Map<Value, Prologue>();
  const stray = new Set(group.results.filter((v) => !products.has(v.op)));
  for (const dot of dots)
    for (const side of [0, 1] as const) {
      const made = operandOf(dot, side, products, prologues, stray);
      if (typeof made === "string") return made;
    }
  const [left] = stray;
  if (left) return `${left.op.name} beside dot_general is a result of its own`;
  const segments: Segment[] = [];
  for (const members of components(group, products)) {
    const made = segmentOf(group, members, products);
    if (typeof made === "string") return made;
    segments.push(made);
  }
  return togetherFault(segments) ?? { segments, prologues };
}

/** Finds out where an operand comes from; a reason where it comes from nowhere. */
function operandOf(
  dot: Operation,
  side: 0 | 1,
  products: ReadonlyMap<Operation, unknown>,
  prologues: Map<Value, Prologue>,
  stray: Set<Value>,
): string | undefined {
  const v = dot.operands[side]!;
  if (products.has(v.op)) return "dot_general of another product: that one has to lie in memory";
  if (prologues.has(v)) return undefined;
  const ops = closure([v], new Set());
  if (ops.every((op) => looks.has(op.name)) && inHbm(v, wholeOf)) return undefined;
  const [l, r] = dot.operands.map((x) => stridesOf(x));
  const { order } = productOf(dot, l!, r!);
  const { batch, k, free } = dimsOf(dot, side);
  const made = new Set(ops);
  const also = [...stray].filter((x) => made.has(x.op));
  const roles = { batch, free, k: order.map((i) => k[i]!) };
  const prologue = prologueOf(v, ops, roles, also);
  if (typeof prologue === "string") return `before dot_general: ${prologue}`;
  for (const x of also) stray.delete(x);
  prologues.set(v, prologue);
  return undefined;
}

/** Strides of an operand in memory; those it would have there where it is computed. */
export function stridesOf(v: Value, tensor: (param: Value) => View = wholeOf): Strided {
  const view = inHbm(v, tensor);
  return view
    ? { shape: view.shape, strides: view.pattern.dims.map((d) => d[0]) }
    : denseOf(v.type.shape);
}

/** A parameter's tensor, as far as its strides go. */
export const wholeOf = ({ type: { shape, dtype } }: Value): View =>
  View.whole(0, "hbm", dtype, shape.length === 0 ? [1] : shape);

/** An operand as a view of a parameter's tensor. */
export function inHbm(v: Value, tensor: (param: Value) => View): View | undefined {
  if (v.op.name === "parameter") return tensor(v);
  if (!looks.has(v.op.name)) return undefined;
  const from = inHbm(v.op.operands[0]!, tensor);
  return from && viewOf(v.op, () => from);
}

/** Operations that depend on products, with the products they depend on. */
function productsBehind(group: Func): ReadonlyMap<Operation, ReadonlySet<Operation>> {
  const found = new Map<Operation, Set<Operation>>();
  for (const op of group.body) {
    const behind = new Set(op.operands.flatMap((v) => [...(found.get(v.op) ?? [])]));
    if (op.name === "dot_general") behind.add(op);
    if (behind.size > 0) found.set(op, behind);
  }
  return found;
}

/** Operations behind `values` up to parameters and `stop`, in order of execution. */
function closure(values: readonly Value[], stop: ReadonlySet<Operation>): readonly Operation[] {
  const found = new Set<Operation>();
  const open = values.map((v) => v.op);
  for (let op = open.pop(); op; op = open.pop()) {
    if (op.name === "parameter" || stop.has(op) || found.has(op)) continue;
    found.add(op);
    for (const v of op.operands) open.push(v.op);
  }
  return [...found].sort((a, b) => a.serial - b.serial);
}

/** Products that meet in some operation, by the first of them. */
function components(
  group: Func,
  products: ReadonlyMap<Operation, ReadonlySet<Operation>>,
): readonly ReadonlySet<Operation>[] {
  let sets: Set<Operation>[] = [];
  for (const op of group.body) {
    const behind = products.get(op);
    if (!behind) continue;
    const met = sets.filter((s) => [...behind].some((dot) => s.has(dot)));
    const all = new Set([...met.flatMap((s) => [...s]), ...behind]);
    sets = [...sets.filter((s) => !met.includes(s)), all];
  }
  return sets;
}

function segmentOf(
  group: Func,
  members: ReadonlySet<Operation>,
  products: ReadonlyMap<Operation, ReadonlySet<Operation>>,
): Segment | string {
  const dots = [...members].sort((a, b) => a.serial - b.serial);
  const results = group.results.flatMap((value, index) =>
    [...(products.get(value.op) ?? [])].some((dot) => members.has(dot)) ? [{ value, index }] : [],
  );
  if (results.length === 0) return "a product that nothing is made of";
  if (dots.length === 1 && results.every(({ value }) => placeOf(value, dots[0]!)))
    return { dots, results, epilogue: undefined, columnStep: 1 };
  const [first] = dots;
  const shape = first!.results[0]!.type.shape;
  if (dots.some((dot) => !sameShape(dot.results[0]!.type.shape, shape)))
    return "products of different shapes meet";
  const { batch, free } = dimsOf(first!, 0);
  const rows = batch.length + free.length;
  if (
    dots.some(
      (dot) =>
        dimsOf(dot, 0).free.length !== free.length || dimsOf(dot, 0).batch.length !== batch.length,
    )
  )
    return "products with different rows meet";
  const values = results.map((r) => r.value);
  const epilogue: BlockSpec = {
    ops: closure(values, new Set(dots)),
    root: {
      value: first!.results[0]!,
      rows: shape.map((_, d) => d).slice(0, rows),
      columns: shape.map((_, d) => d).slice(rows),
    },
    onChip: dots.map((dot) => dot.results[0]!),
    results: values,
  };
  const columnStep = columnStepOf(epilogue);
  return columnStep === undefined
    ? `after dot_general: ${blockFault(epilogue)}`
    : { dots, results, epilogue, columnStep };
}

/** Whether two products have the same operand in the same role. */
export const sameOperand = (a: Operation, b: Operation, side: 0 | 1): boolean => {
  const [x, y] = [dimsOf(a, side), dimsOf(b, side)];
  return (
    a.operands[side] === b.operands[side] &&
    (["batch", "k", "free"] as const).every((part) => x[part].join() === y[part].join())
  );
};

/** Why segments do not go together. */
function togetherFault(segments: readonly Segment[]): string | undefined {
  const all = segments.flatMap((s) => s.dots);
  const [first] = all;
  const width = bytesOf(first!.operands[0]!.type.dtype);
  if (all.some((dot) => bytesOf(dot.operands[0]!.type.dtype) !== width))
    return "products of operands of different widths";
  if (segments.length === 1) return undefined;
  if (segments.some((s) => s.dots.length > 1)) return "several sets of products that meet";
  return all.every((dot) => sameOperand(first!, dot, 0))
    ? undefined
    : "products of different left operands that do not meet";
}
