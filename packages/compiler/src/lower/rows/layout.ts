/** How a group's axes lie in tiles: rows over partitions (and beside each other inside one), the others along a partition, one in chunks. */
import type { Operation, Value } from "@opentrn/ir";
import type { Axis } from "./axes.ts";
import { type Domain, flat } from "./domain.ts";

export interface Layout {
  /** Axes whose elements are rows, the slowest first. */
  readonly rows: readonly Axis[];
  /** Axes along a partition, the slowest first. */
  readonly free: readonly Axis[];
  /** The free axis that blocks take a part of, as its position in `free`; -1 for none. */
  readonly chunk: number;
}

/** What one block covers. */
export interface Extent {
  /** First row. */
  readonly row: number;
  readonly partitions: number;
  /** Rows beside each other in a partition: partition p holds rows row + p * perPartition and on. */
  readonly perPartition: number;
  /** Elements of the chunked axis. */
  readonly from: number;
  readonly to: number;
}

export const sizeOfAxes = (domain: Domain, axes: readonly Axis[]): number =>
  axes.reduce((n, a) => n * domain.axes.size(a), 1);

export const hasRows = (domain: Domain, layout: Layout, v: Value): boolean =>
  layout.rows.some((a) => domain.varies(v).has(a));
export const isChunked = (domain: Domain, layout: Layout, v: Value): boolean =>
  layout.chunk >= 0 && domain.varies(v).has(layout.free[layout.chunk]!);

/** Elements of a value along the free axes in a block. */
export const freeCounts = (
  domain: Domain,
  layout: Layout,
  varies: ReadonlySet<Axis>,
  { from, to }: Pick<Extent, "from" | "to">,
): readonly number[] =>
  layout.free.map((a, i) =>
    varies.has(a) ? (i === layout.chunk ? to - from : domain.axes.size(a)) : 1,
  );

/** Axes that a reduction folds away. */
export const foldedAxes = (domain: Domain, op: Operation): readonly Axis[] => {
  const from = domain.dims(op.operands[0]!);
  return flat((op.attrs["dimensions"] as readonly number[]).map((d) => from[d]!));
};

/** Whether a reduction goes over rows; then over all of them. */
export const foldsRows = (domain: Domain, layout: Layout, op: Operation): boolean =>
  foldedAxes(domain, op).some((a) => layout.rows.includes(a));

/** Why the group's operations do not lie in tiles this way, or undefined. */
export function layoutFault(domain: Domain, layout: Layout): string | undefined {
  const rows = new Set(layout.rows);
  for (const a of rows) if (domain.axes.isRigid(a)) return "rows are cut or joined";
  const late = new Set<Value>();
  for (const op of domain.ops) {
    const [y] = op.results;
    if (op.name === "iota") {
      // Rows are numbered through: only numbers along all of them are an affine function of the partition.
      const along = layout.rows.filter((a) => domain.varies(y!).has(a)).length;
      if (along > 0 && along < layout.rows.length) return "iota counts along some of the rows";
    }
    if ((op.name as string) === "pick" && !picksRows(domain, layout, op))
      return "rows are not those of a pick";
    const folds = op.name === "reduce" && foldsRows(domain, layout, op);
    if (folds) {
      const folded = foldedAxes(domain, op);
      if (!layout.rows.every((a) => folded.includes(a)))
        return `reduce over [${op.attrs["dimensions"]}] folds some rows and keeps others`;
      if (op.operands.some((v) => late.has(v))) return "a sum over rows is summed again";
      late.add(y!);
    } else if (op.operands.some((v) => late.has(v))) {
      if (layout.rows.some((a) => domain.varies(y!).has(a)))
        return `${op.name} brings a reduction over rows back to every row`;
      late.add(y!);
    }
  }
  return undefined;
}

/** Whether the rows are those of the tensor that a pick takes columns of. */
function picksRows(domain: Domain, layout: Layout, op: Operation): boolean {
  const own = flat(domain.dims(op.operands[0]!).slice(0, -1));
  return own.length === layout.rows.length && own.every((a, i) => a === layout.rows[i]);
}

/** Values that follow from reductions over rows: they exist when all blocks are done. */
export function lateValues(domain: Domain, layout: Layout): ReadonlySet<Value> {
  const late = new Set<Value>();
  for (const op of domain.ops)
    if (
      op.operands.some((v) => late.has(v)) ||
      (op.name === "reduce" && foldsRows(domain, layout, op))
    )
      late.add(op.results[0]!);
  return late;
}
