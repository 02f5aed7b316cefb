/** Scores of queries against keys, by TensorE into PSUM. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Mask } from "./constants.ts";
import type { Turned } from "./loads.ts";
import type { Tile } from "./plan.ts";

/** fp32 elements of a PSUM bank: the columns of one matmul. */
export const BANK = 512;

/** Parts of [from, to) that lie in one PSUM bank each. */
function* bankParts(from: number, to: number): Generator<readonly [number, number]> {
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / BANK) + 1) * BANK);
    yield [at, end];
    at = end;
  }
}

/** block[rows, at ...] = queries keys^T, with features on partitions of both. */
export function score(
  emit: Emitter,
  block: View,
  at: number,
  { queries, keys }: { readonly queries: Turned; readonly keys: Turned },
): void {
  const count = keys[0]!.free;
  for (const [start, end] of bankParts(at, at + count))
    queries.forEach((stationary, f) => {
      const moving = keys[f]!.slice(1, start - at, end - at);
      emit.emit(
        records.ncMatmul,
        { dst: block.slice(1, start, end), stationary, moving },
        { accumulate: f > 0 },
      );
    });
}

/**
 * Adds the causal mask to scores of a tile against keys [from, to), which stand in `block` from column `at`. The diagonal lies in the
 * last columns that the tile sees: of them its last query sees all, its first one the first.
 */
export function hide(
  emit: Emitter,
  mask: Mask,
  block: View,
  at: number,
  { tile, from, to }: { readonly tile: Tile; readonly from: number; readonly to: number },
): void {
  const { rows, keys } = tile;
  const diagonal = keys - rows;
  const start = Math.max(from, diagonal);
  if (start >= to || rows === 1) return;
  const stationary = mask.identity.slice(0, 0, rows).slice(1, 0, rows);
  const shift = at - from;
  for (const [left, right] of bankParts(start + shift, to + shift)) {
    const moving = mask.below
      .slice(0, 0, rows)
      .slice(1, left - shift - diagonal, right - shift - diagonal);
    emit.emit(
      records.ncMatmul,
      { dst: block.slice(1, left, right), stationary, moving },
      { accumulate: true },
    );
  }
}
