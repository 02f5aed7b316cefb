/** Results that are a product seen another way: reshaped, transposed, rounded. Where in HBM the product's elements go follows from that. */
import { isFloatType, type Operation, type Value } from "@opentrn/ir";
import type { Axis } from "./axes.ts";

/** Axes of each dimension of a product, with strides of a result's row-major tensor. */
export type Place = readonly (readonly Axis[])[];

/** Where the product of `dot` lies in the tensor of `value`; undefined where more than moves and one rounding lies between them. */
export function placeOf(value: Value, dot: Operation): Place | undefined {
  let place: Place = rowMajor(value.type.shape);
  let rounded = false;
  for (let at = value; at.op !== dot; at = at.op.operands[0]!) {
    const { op } = at;
    const shape = op.operands[0]?.type.shape;
    if (shape === undefined) return undefined;
    if (op.name === "transpose") {
      const order = op.attrs["permutation"] as readonly number[];
      place = order.map((_, d) => place[order.indexOf(d)]!);
    } else if (op.name === "reshape") {
      const cut = cutTo(place.flat(), shape);
      if (!cut) return undefined;
      place = cut;
    } else {
      if (op.name !== "convert" || rounded || !roundsOnce(op, dot)) return undefined;
      rounded = true;
    }
  }
  return place;
}

/** The product in fp32 to a narrower type. */
const roundsOnce = (op: Operation, dot: Operation): boolean =>
  dot.results[0]!.type.dtype === "float32" && isFloatType(op.results[0]!.type);

function rowMajor(shape: readonly number[]): Place {
  let stride = 1;
  return shape
    .toReversed()
    .map((n) => {
      const axis: Axis = [stride, n];
      stride *= n;
      return [axis];
    })
    .toReversed();
}

/** The axes as the dimensions of `shape`, an axis in two where a border falls inside it; undefined where sizes do not nest. */
function cutTo(axes: readonly Axis[], shape: readonly number[]): Place | undefined {
  const left = axes.filter((a) => a[1] !== 1);
  const made: Axis[][] = [];
  for (const n of shape.toReversed()) {
    const dimension: Axis[] = [];
    for (let need = n; need > 1; ) {
      const axis = left.pop();
      if (!axis) return undefined;
      const [stride, count] = axis;
      const inside = Math.min(count, need);
      if (count % inside !== 0 || need % inside !== 0) return undefined;
      if (inside < count) left.push([stride * inside, count / inside]);
      dimension.unshift([stride, inside]);
      need /= inside;
    }
    made.unshift(dimension);
  }
  return left.length === 0 ? made : undefined;
}
