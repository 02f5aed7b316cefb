/** Reductions inside a partition: over free axes of a tile. */
import type { Body } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type AluName, type DType, isFloat } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import type { Way } from "./engines.ts";
import { copy, tensorTensor } from "./instructions.ts";
import { exactOp, isWide, lowBits } from "./integer-ops.ts";
import type { Site } from "./site.ts";
import { compact, countsOf, merged, type Tile, withDims } from "./tile.ts";

/** Elements from which on a copy on the side is worth its memory. */
const LONG = 128;

export const bodyOps = {
  add: "add",
  multiply: "multiply",
  maximum: "maximum",
  minimum: "minimum",
} as const satisfies Record<Body, AluName>;

/**
 * dst = data folded along dimensions `gone` of the tile, ascending; `dtype` is the type of the folded values in the IR. Floats and
 * extremes of short integers fold in fp32 and round once; sums and products of integers wrap.
 */
export function fold(
  site: Site,
  dst: Tile,
  data: Tile,
  gone: readonly number[],
  body: Body,
  dtype: DType,
): void {
  const wraps = !isFloat(dtype) && (body === "add" || body === "multiply");
  if (isWide(dtype) || wraps) foldExactly(site, dst, data, gone, body);
  else foldFloats(site, dst, data, gone, body);
}

function foldFloats(site: Site, dst: Tile, data: Tile, gone: readonly number[], body: Body): void {
  const { dims } = data.view.pattern;
  const kept = merged(dims.filter((_, d) => d > 0 && !gone.includes(d)));
  const folded = merged(gone.map((d) => dims[d]!));
  if (folded.length === 0) {
    copy(site, dst, data);
    return;
  }
  if (kept.length + folded.length > 4) {
    foldInParts(site, dst, data, gone, body);
    return;
  }
  const x = withDims(data.view, [dims[0]!, ...kept, ...folded]);
  if (kept.length === 0) {
    foldRow(site, dst, x, body);
    return;
  }
  const axis = folded.map((_, i) => 1 + kept.length + i);
  const out = withDims(dst.view, [
    dst.view.pattern.dims[0]!,
    ...orOne(merged(dst.view.pattern.dims.slice(1))),
  ]);
  site.engines.run([
    {
      engine: "vector",
      ns: site.engines.plain("vector", x),
      emit: () =>
        site.emit.emit(records.tensorReduce, { dst: out, data: x }, { op: bodyOps[body], axis }),
    },
  ]);
}

/** All of a partition to one value: beside a copy that nobody reads, VectorE and ScalarE are faster than the reduction proper. */
function foldRow(site: Site, dst: Tile, x: View, body: Body): void {
  const out = compact(dst.view);
  const ways: Way[] = [
    {
      engine: "vector",
      ns: site.engines.plain("vector", x),
      emit: () =>
        site.emit.emit(
          records.tensorReduce,
          { dst: out, data: x },
          { op: bodyOps[body], axis: x.shape.slice(1).map((_, i) => i + 1) },
        ),
    },
  ];
  if (x.free >= LONG) {
    const aside = site.scratch("bfloat16", countsOf({ view: x })).view;
    ways.push({
      engine: "vector",
      ns: site.engines.scalarForm([aside, x]) + site.engines.readOut("vector"),
      emit: () =>
        site.emit.emit(
          records.tensorScalarReduce,
          { dst: aside, data: x, reduce_res: out },
          { op0: "bypass", reduce_op: bodyOps[body] },
        ),
    });
    if (body === "add")
      ways.push({
        engine: "scalar",
        ns: site.engines.plain("scalar", x) + site.engines.readOut("scalar"),
        emit: () =>
          site.emit.emit(
            records.activationReduce,
            { dst: aside, data: x, reduce_res: out },
            { op: "copy", reduce_op: "add" },
          ),
      });
  }
  site.engines.run(ways);
}

const orOne = (dims: readonly (readonly [number, number])[]) =>
  dims.length === 0 ? [[1, 1] as const] : dims;

/** Too many dimensions for one instruction: one at a time along the first kept one, or in two folds where all are folded. */
function foldInParts(site: Site, dst: Tile, data: Tile, gone: readonly number[], body: Body): void {
  const counts = countsOf(data);
  const d = counts.findIndex((n, i) => i > 0 && n > 1 && !gone.includes(i));
  if (d > 0) {
    for (let i = 0; i < counts[d]!; i++)
      foldFloats(
        site,
        { ...dst, view: dst.view.slice(d, i, i + 1) },
        { ...data, view: data.view.slice(d, i, i + 1) },
        gone,
        body,
      );
    return;
  }
  const last = gone.toSorted((a, b) => a - b).slice(-2);
  const half = site.scratch(
    "float32",
    counts.map((n, i) => (last.includes(i) ? 1 : n)),
  );
  foldFloats(site, half, data, last, body);
  foldFloats(
    site,
    dst,
    half,
    gone.filter((g) => !last.includes(g)),
    body,
  );
}

/** In halves, on 32-bit tiles: GpSimd has no exact reduction of its own. */
function foldExactly(site: Site, dst: Tile, data: Tile, gone: readonly number[], body: Body): void {
  const wide = data.view.dtype === "uint32" ? "uint32" : "int32";
  let at: Tile = site.scratch(wide, countsOf(data));
  copy(site, at, data);
  for (const d of gone) {
    for (let n = countsOf(at)[d]!; n > 1; n = Math.ceil(n / 2)) {
      const [half, rest] = [Math.ceil(n / 2), Math.floor(n / 2)];
      const part = (from: number, to: number): Tile => ({ view: at.view.slice(d, from, to) });
      exactOp(site, part(0, rest), part(0, rest), part(half, n), bodyOps[body]);
      at = part(0, half);
    }
  }
  copy(site, dst, wide === dst.view.dtype ? at : lowBits(at, dst.view.dtype));
}

/** into = into body part, of tiles of one type that the fold runs in. */
export function accumulate(site: Site, into: Tile, part: Tile, body: Body): void {
  if (isWide(into.view.dtype)) exactOp(site, into, into, part, bodyOps[body]);
  else tensorTensor(site, into, into, part, bodyOps[body]);
}

/** The value that a fold starts from, for memset. */
export function identityOf(body: Body, dtype: "float32" | "int32" | "uint32"): number {
  const start = { add: 0, multiply: 1 } as const;
  if (body === "add" || body === "multiply") return start[body];
  const low = body === "maximum";
  if (dtype === "float32") return low ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (dtype === "uint32") return low ? 0 : -1;
  return low ? -(2 ** 31) : 2 ** 31 - 1;
}

/** The type that partial results of a fold of `dtype` are held in. */
export const partialType = (dtype: View["dtype"]): "float32" | "int32" | "uint32" =>
  isFloat(dtype) ? "float32" : dtype === "uint32" ? "uint32" : "int32";
