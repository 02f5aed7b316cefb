/**
 * How K lies on partitions: in tiles of up to `height` rows. fp8 whose K is contiguous in HBM comes in as pairs of 16 bits, since transfers
 * transpose nothing narrower; two neighbours of K then lie in one partition, and one tile takes every first, the next one every second.
 */
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";

export interface KTiles {
  readonly K: number;
  /** Rows of a full tile. */
  readonly height: number;
  readonly paired: boolean;
}

/** Neighbours of K in one partition. */
const span = (k: KTiles): number => (k.paired ? 2 : 1);

/** Tiles of all of K. */
export const tileCount = (k: KTiles): number => span(k) * Math.ceil(k.K / (k.height * span(k)));
/** Those that are full. */
export const fullTiles = (k: KTiles): number => span(k) * Math.floor(k.K / (k.height * span(k)));
/** Rows of the last tile, or last two, where they are not full; else 0. */
export const restRows = (k: KTiles): number =>
  (k.K - (fullTiles(k) / span(k)) * k.height * span(k)) / span(k);

/**
 * Room in SBUF for columns of an operand over some K tiles. `whole` holds groups of tiles as loads write them: [height, groups, columns]
 * (16-bit pairs where `turned` ones are paired), [height, groups, 2, columns] for pairs that come in straight; `rest` likewise without
 * the groups.
 */
export interface Held {
  readonly layout: KTiles;
  readonly dtype: DType;
  readonly turned: boolean;
  readonly whole: View | undefined;
  readonly rest: View | undefined;
}

/** Room for at most `columns` columns and `tiles` K tiles. */
export function roomFor(
  emit: Emitter,
  dtype: DType,
  layout: KTiles,
  turned: boolean,
  tiles: number,
  columns: number,
  name: string,
): Held {
  const groups = Math.min(tiles, fullTiles(layout)) / span(layout);
  const rest = restRows(layout);
  const packed = layout.paired && turned;
  const inner = layout.paired && !turned ? [2, columns] : [columns];
  const held = packed ? "uint16" : dtype;
  return {
    layout,
    dtype,
    turned,
    whole: groups > 0 ? emit.sbuf(held, [layout.height, groups, ...inner], name) : undefined,
    rest: rest > 0 ? emit.sbuf(held, [rest, ...inner], `${name}_rest`) : undefined,
  };
}

/** Tile `i` of what is held, of which `full` are full: [rows, columns]. */
export function tileOf(h: Held, i: number, full: number): View {
  const s = span(h.layout);
  const group = i < full ? h.whole!.at(1, Math.floor(i / s)) : h.rest!;
  if (!h.layout.paired) return group;
  return h.turned ? unpacked(group, h.dtype).at(2, i % 2) : group.at(1, i % 2);
}

/** Tiles `i` and `i + 1` together: [rows, 2, columns]. */
export function pairOf(h: Held, i: number, full: number): View {
  if (!h.layout.paired) return h.whole!.slice(1, i, i + 2);
  const group = i < full ? h.whole!.at(1, i / 2) : h.rest!;
  return h.turned ? unpacked(group, h.dtype).permute([0, 2, 1]) : group;
}

/** 16-bit pairs [rows, columns] as [rows, columns, 2] of the narrow type. */
function unpacked(v: View, dtype: DType): View {
  const { pattern } = v;
  const [rows, columns] = pattern.dims;
  return new View(v.space, {
    ...pattern,
    dtype,
    offset: 2 * pattern.offset,
    dims: [rows!, [2 * columns![0], columns![1]], [1, 2]],
  });
}

/** Largest height that needs no tile of another height, if it is not much smaller than the array. */
export function evenHeight(K: number, rows: number): number | undefined {
  for (let tiles = Math.ceil(K / rows); 2 * K >= tiles * rows; tiles++)
    if (K % tiles === 0) return K / tiles;
  return undefined;
}

/** Whether an operand of that type can only be transposed in pairs. */
export const needsPairs = (dtype: DType): boolean => bytesOf(dtype) === 1;
