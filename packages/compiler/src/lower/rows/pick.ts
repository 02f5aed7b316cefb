/**
 * One element of every row, at the column that the row's label says: fetched from HBM by DMA. Labels that are no column are clamped to the
 * nearest one, or give 0.
 */
import type { Operation } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Evaluator } from "./evaluate.ts";
import { copy, selectBeside } from "./instructions.ts";
import { exactOp, isWide, lowBits } from "./integer-ops.ts";
import { compact, countsOf, type Tile, withDims } from "./tile.ts";

/** The tile of `pick` of [row tensor in HBM, labels]. */
export function pickColumns(e: Evaluator, op: Operation): Tile {
  const [x, label] = op.operands;
  const { site } = e;
  const width = x!.type.shape.at(-1)!;
  const given = e.tile(label!);
  const counts = countsOf(given);
  const make = (): Tile => site.scratch("int32", counts);
  const [at, inside, index] = [make(), make(), make()];
  if (isWide(given.view.dtype)) copy(site, at, lowBits(given, "int32"));
  else copy(site, at, given);
  const number = (n: number): Tile => site.fixed(n, "int32", counts[0]!);
  exactOp(site, inside, at, number(0), "maximum");
  exactOp(site, inside, inside, number(width - 1), "minimum");
  const { row, perPartition } = e.extent;
  site.emit.emit(
    records.iota,
    { dst: compact(index.view) },
    {
      pattern: [width, counts[1]!],
      offset: row * width,
      channel_multiplier: perPartition * width,
    },
  );
  exactOp(site, index, index, inside, "add");
  const tensor = e.tensorOf(x!).view;
  const elements = x!.type.shape.reduce((a, b) => a * b, 1);
  const flat = withDims(tensor, [
    [1, elements],
    [1, 1],
  ]);
  const clamps = op.attrs["outside"] === "clamp";
  const found = clamps ? e.result(op) : site.scratch(x!.type.dtype, counts);
  for (let j = 0; j < counts[1]!; j++) {
    const part = (t: Tile): Tile => ({ view: t.view.slice(1, j, j + 1) });
    site.emit.emit(records.dmaCopy, {
      dst: compact(part(found).view),
      src: flat.gather(compact(part(index).view), elements),
    });
  }
  if (clamps) {
    e.finish(op);
    return found;
  }
  exactOp(site, inside, inside, at, "equal");
  const mask = site.scratch("bool_", counts);
  copy(site, mask, inside);
  const dst = e.result(op);
  selectBeside(site, dst, mask, found, 0, false);
  e.finish(op);
  return dst;
}
