/** DMA between tensors in HBM and tiles: which part of a tensor a block needs, and as few transfers as its strides allow. */
import { invariant } from "@opentrn/base";
import type { Dims } from "@opentrn/isa";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Axis } from "./axes.ts";
import type { Domain } from "./domain.ts";
import type { Extent, Layout } from "./layout.ts";
import { compact, merged, withDims } from "./tile.ts";

type Dim = readonly [stride: number, count: number];

/** Rows of a block that one pattern covers: from row `at` of the block on. */
interface Piece {
  readonly at: number;
  readonly rows: number;
  readonly offset: number;
  readonly dims: Dims;
}

/** Rows [from, to) of dimensions that count rows, as patterns. */
function piecesOf(dims: Dims, from: number, to: number): readonly Piece[] {
  const [first, ...rest] = dims as readonly Dim[];
  if (!first) return [{ at: from, rows: to - from, offset: 0, dims: [] }];
  const [stride] = first;
  if (rest.length === 0)
    return [{ at: from, rows: to - from, offset: from * stride, dims: [[stride, to - from]] }];
  const inner = rest.reduce((n, d) => n * d[1], 1);
  /** Part of one step of the first dimension. */
  const within = (a: number, b: number): readonly Piece[] => {
    const step = Math.floor(a / inner);
    return piecesOf(rest, a - step * inner, b - step * inner).map((p) => ({
      ...p,
      at: p.at + step * inner,
      offset: p.offset + step * stride,
    }));
  };
  const low = Math.ceil(from / inner);
  const high = Math.floor(to / inner);
  if (low > high) return within(from, to);
  const made: Piece[] = [];
  if (from < low * inner) made.push(...within(from, low * inner));
  if (low < high)
    made.push({
      at: low * inner,
      rows: (high - low) * inner,
      offset: low * stride,
      dims: [[stride, high - low], ...rest],
    });
  if (high * inner < to) made.push(...within(high * inner, to));
  return made;
}

/** Strides of a tensor in HBM along its axes. */
export type AxisStrides = (a: Axis) => number | undefined;

/** A tensor in HBM as blocks see it. */
export interface HbmTensor {
  readonly view: View;
  readonly stride: AxisStrides;
}

/** A tensor in HBM whose dimensions are those axes. */
export function hbmTensor(
  domain: Domain,
  view: View,
  dims: readonly (readonly Axis[])[],
): HbmTensor {
  const all = dims.flat();
  const parts = view.reshape(all.length === 0 ? [1] : all.map((a) => domain.axes.size(a)));
  return { view, stride: (a) => parts.pattern.dims[all.indexOf(a)]?.[0] };
}

/** Whether rows beside each other in a partition can be reached: rows have one stride, or none. */
export const evenRows = (domain: Domain, layout: Layout, t: HbmTensor): boolean =>
  rowDims(domain, layout, t).length <= 1;

const rowDims = (domain: Domain, layout: Layout, t: HbmTensor): Dims =>
  merged(layout.rows.map((a) => [t.stride(a) ?? 0, domain.axes.size(a)] as const));

/** Dimensions that a transfer may have. */
const MOST_DIMS = 5;

/**
 * Moves a block's part between a tensor in HBM and a tile [partitions, rows beside each other, free axes]. Where the tensor has no rows, all
 * partitions get the same; where it has them and the tile does not, nothing is moved twice.
 */
export function transfer(
  emit: Emitter,
  domain: Domain,
  layout: Layout,
  extent: Extent,
  t: HbmTensor,
  tile: View,
  direction: "load" | "store",
): void {
  const { row, partitions, perPartition } = extent;
  const base = t.view.pattern.offset;
  const freeDims = layout.free.map((a, i): Dim => [t.stride(a) ?? 0, tile.shape[i + 2]!]);
  const chunked = layout.chunk >= 0 ? (t.stride(layout.free[layout.chunk]!) ?? 0) : 0;
  const offset = base + extent.from * chunked;
  const rows = rowDims(domain, layout, t);
  const move = (at: Dims, from: number, part: View): void =>
    inPlaces(emit, withDims(t.view, [...at, ...freeDims], from), part, direction);
  if (rows.length === 0 || tile.shape[1] !== 1 || perPartition > 1) {
    invariant(rows.length <= 1, "rows beside each other have one stride");
    const stride = rows[0]?.[0] ?? 0;
    const beside = tile.shape[1]!;
    move(
      [
        [stride * perPartition, tile.partitions],
        [stride, beside],
      ],
      offset + row * stride,
      tile,
    );
    return;
  }
  for (const p of piecesOf(rows, row, row + partitions))
    move(p.dims, offset + p.offset, tile.slice(0, p.at - row, p.at - row + p.rows));
}

/** One transfer, or several where there are too many dimensions. */
function inPlaces(emit: Emitter, hbm: View, tile: View, direction: "load" | "store"): void {
  const outer = withDims(hbm, fill(merged(hbm.pattern.dims)));
  const inner = compact(tile);
  if (outer.shape.length <= MOST_DIMS && inner.shape.length <= MOST_DIMS) {
    const hardware = emit.chip.dma.hardwareDge.value && inner.dtype === outer.dtype;
    if (direction === "load") emit.emit(records.dmaCopy, { dst: inner, src: outer });
    else
      emit.emit(
        records.dmaCopy,
        { dst: outer, src: inner },
        hardware ? { dge_mode: "hwdge", engine: "sync" } : {},
      );
    return;
  }
  // Dimensions of the tensor after its rows are those of the tile after the partitions.
  const d = tile.shape.findIndex((n, i) => i > 0 && n > 1);
  const same = hbm.shape.length - tile.shape.length + d;
  for (let i = 0; i < tile.shape[d]!; i++)
    inPlaces(emit, hbm.slice(same, i, i + 1), tile.slice(d, i, i + 1), direction);
}

const fill = (dims: Dims): Dims => (dims.length === 0 ? [[0, 1]] : dims);
