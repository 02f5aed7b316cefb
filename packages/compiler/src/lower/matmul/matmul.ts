/** One dot_general: operands of floats in any layout, batched or not, and of any size. */
import { isFloatType, type Operation, type Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { viewOf } from "../move/views.ts";
import type { Lowering, Template } from "../template.ts";
import { copyOn, Rows, Shared } from "./drain.ts";
import type { Operand } from "./load.ts";
import { multiply } from "./multiply.ts";
import { type Product, productOf, type Side, type Strided } from "./product.ts";
import { tilingFor } from "./tiling.ts";

/** Bytes of a partition that one tile of finished rows takes at most. */
const ROW_BYTES = 8192;
const ROW_TILES = 3;

const looks = new Set(["reshape", "transpose", "slice", "broadcast_in_dim"]);

/** Types that the array multiplies. */
const multiplies = new Set<DType>([
  "float32",
  "bfloat16",
  "float16",
  "float8_e4m3",
  "float8_e4m3fn",
  "float8_e5m2",
]);

export const matmul: Template = {
  name: "matmul",
  summary: "one dot_general of floats, on TensorE",
  refuses: (group) => {
    const dots = group.body.filter((op) => op.name === "dot_general");
    if (dots.length !== 1) return `${dots.length} dot_general, one is wanted`;
    const dot = dots[0]!;
    const { type } = dot.operands[0]!;
    if (!isFloatType(type)) return `dot_general of ${type.dtype}; the array multiplies floats`;
    if (!multiplies.has(type.dtype)) return `dot_general of ${type.dtype}`;
    const other = group.body.find((op) => op !== dot && !looks.has(op.name));
    if (other) return `${other.name} beside dot_general`;
    if (group.results.length !== 1 || group.results[0]!.op !== dot)
      return "more than the product is wanted";
    return undefined;
  },
  lower: (lowering) => {
    const dot = lowering.group.body.find((op) => op.name === "dot_general")!;
    lowerDot(lowering, dot);
  },
};

function lowerDot(lowering: Lowering, dot: Operation): void {
  const { emit, chip } = lowering;
  const source = (v: Value): View =>
    v.op.name === "parameter" ? lowering.input(v) : viewOf(v.op, source)!;
  const views = dot.operands.map(source) as [View, View];
  const product = productOf(dot, strided(views[0]), strided(views[1]));
  const operands = [
    operandOf(views[0], product.left, product.K),
    operandOf(views[1], product.right, product.K),
  ] as const;
  const { dtype } = views[0];
  const result = dot.results[0]!.type;
  const out = lowering.output(0).reshape([product.batch, product.M, product.N]);
  const rowColumns = Math.min(product.N, Math.floor(ROW_BYTES / bytesOf(result.dtype)));
  const load = (o: Operand) => ({ from: dtype, to: dtype, turned: o.turned });
  const tiling = tilingFor(chip, {
    ...product,
    sides: [load(operands[0]), load(operands[1])],
    resultBytes: bytesOf(result.dtype),
    rowColumns,
    reserved: ROW_TILES * rowColumns * bytesOf(result.dtype),
  });
  const rows = new Rows(
    emit,
    result.dtype,
    Math.min(chip.tensor.rows.value, product.M),
    rowColumns,
    ROW_TILES,
  );
  const shared = new Shared(chip);
  const most = Math.min(chip.tensor.rows.value, product.M);
  const waiting: View[] = [];
  multiply(emit, { sizes: product, operands, dtype, tiling }, (unit, sums) => {
    const [height, width] = [unit.mTo - unit.m, unit.nTo - unit.n];
    const dst = (n: number, nTo: number): View =>
      out.at(0, unit.batch).slice(0, unit.m, unit.mTo).slice(1, n, nTo);
    const partial = (): View => {
      waiting[unit.place] ??= emit.sbuf("float32", [most, tiling.unit], "waiting");
      return waiting[unit.place]!.slice(0, 0, height).slice(1, 0, width);
    };
    if (!unit.ends) {
      const held = partial();
      if (unit.begins) copyOn(emit, shared.engine(width), held, sums);
      else {
        shared.onVector(width);
        emit.emit(
          records.tensorTensor,
          { dst: held, data1: held, data2: sums },
          { op: "add", engine: "vector" },
        );
      }
      return;
    }
    const into = rows.next(height, unit.n, unit.nTo);
    if (unit.begins) copyOn(emit, shared.engine(width), into, sums);
    else {
      shared.onVector(width);
      emit.emit(
        records.tensorTensor,
        { dst: into, data1: partial(), data2: sums },
        { op: "add", engine: "vector" },
      );
    }
    if (unit.lastOfRow || rows.full(tiling.unit)) rows.flush(height, dst);
  });
}

const strided = (v: View): Strided => ({
  shape: v.shape,
  strides: v.pattern.dims.map((d) => d[0]),
});

function operandOf(source: View, side: Side, K: number): Operand {
  const k = side.k.at(-1)?.[0];
  const free = side.free.at(-1)?.[0];
  const turned = k === 1 && free !== 1 && bytesOf(source.dtype) > 1;
  return { source, side, turned, K };
}

export type { Product };
