/**
 * Instructions that do the work of several: every tile of a call with a further free dimension. Costs of such a call, from the record's
 * own formula, say which part of an instruction's time does not grow with its elements, and what batching saves.
 */
import type { AnyCall, Tile } from "@opentrn/isa";
import type { Kind } from "./execution.ts";

function widenedTile(t: Tile, n: number): Tile {
  const [partitions = 1, ...rest] = t.shape;
  const dense = rest.reduce((a, b) => a * b, 1);
  return {
    ...t,
    free: t.free * n,
    shape: [partitions, n, ...rest],
    strides: [dense, ...t.strides],
  };
}

/** The call on `n` times the columns; a matmul keeps its stationary tile. */
export function widened(call: AnyCall, n: number): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile))
    tile[name] = t && name !== "stationary" ? widenedTile(t, n) : t;
  return { ...call, tile };
}

/** Elements that show the slope of a cost: beyond every minimum interval. */
const MANY = 16;

/** Share of an instruction's interval that more elements would not lengthen; 1 for what does no work on data. */
export function fixedShare({ of, control }: Pick<Kind, "of" | "control">): number {
  if (!of || control || of.op.cost.kind === "dma" || of.op.cost.kind === "fabric") return 1;
  const { cost } = of.op;
  const one = cost.cycles(of.call as never).interval;
  const many = cost.cycles(widened(of.call, MANY) as never).interval;
  const marginal = (many - one) / (MANY - 1);
  return one > 0 ? Math.min(1, Math.max(0, 1 - marginal / one)) : 1;
}

/**
 * Partitions and elements a partition that a call works on: of its widest tile on chip, of the moving tile on TensorE, where a transpose
 * streams as many columns as its data has partitions.
 */
export function extentOf({ tile, engine }: AnyCall): {
  readonly partitions: number;
  readonly free: number;
} {
  const moving = tile["moving"];
  if (moving) return { partitions: moving.partitions, free: moving.free };
  const data = tile["data"];
  if (engine === "tensor" && data) return { partitions: data.partitions, free: data.partitions };
  let [partitions, free] = [0, 0];
  for (const t of Object.values(tile))
    if (t && t.space !== "hbm") {
      partitions = Math.max(partitions, t.partitions);
      free = Math.max(free, t.free);
    }
  return { partitions, free };
}
