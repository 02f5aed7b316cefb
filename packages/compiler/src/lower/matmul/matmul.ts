/** dot_generals of floats, in any layout, batched or not, of any size, with what is computed of their operands and results. */
import { invariant, OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import { columnStepOf } from "../rows/block.ts";
import type { Lowering, Template } from "../template.ts";
import { Shared, type Sums, Waiting } from "./drain.ts";
import { blockFinish, type Finish, type FinishContext, plainFinish } from "./finish.ts";
import { groupOf, type MatmulGroup, wholeOf } from "./group.ts";
import { multiply, type Source } from "./multiply.ts";
import { type MatmulPlan, type Planned, planOf, ROW_TILES } from "./plan.ts";
import { type Also, Prepare } from "./prepare.ts";
import { widestUnit } from "./tiling.ts";

/** An epilogue that keeps an engine this busy, against the array, is what the time goes into: then its instructions are scheduled. */
const BOUND = 0.6;

/** The same for prologues, whose parts are as long as several units. */
const WORK = 0.2;

/** Bytes of a partition that an epilogue's unit may take without being looked at. */
const SMALL = 32 * 1024;

export const matmul: Template = {
  name: "matmul",
  summary:
    "dot_generals of floats on TensorE, with what is computed row by row of their operands and results",
  refuses: (group, chip) => {
    const found = groupOf(group);
    if (typeof found === "string") return found;
    let large = found.prologues.size > 0;
    for (const { epilogue, dots } of found.segments) {
      const step = epilogue ? columnStepOf(epilogue)! : 1;
      const unit = widestUnit(chip, dots.length, step);
      if (unit === 0)
        return `what follows dot_general needs ${step} columns at a time; PSUM does not hold that of ${dots.length} products twice`;
      large ||= (epilogue?.ops.length ?? 0) * unit * bytesOf("float32") > SMALL;
    }
    return large ? roomFault(found, chip) : undefined;
  },
  lower: (lowering) => {
    const found = groupOf(lowering.group);
    invariant(typeof found !== "string", "a group that is refused is not lowered");
    lowerProducts(lowering, found, planOf(found, lowering.chip, lowering.input));
  },
};

/** Whether tiles for everything fit SBUF, and computing operands here is worth it. */
function roomFault(found: MatmulGroup, chip: Chip): string | undefined {
  try {
    const { tiling, apart } = planOf(found, chip, wholeOf);
    return tiling.ns > apart
      ? `with what comes before it, dot_general would take ${us(tiling.ns)}, apart ${us(apart)}`
      : undefined;
  } catch (e) {
    if (e instanceof OpenTrnError && e.category === "capacity") return e.message;
    throw e;
  }
}

const us = (ns: number): string => `${(ns / 1000).toFixed(0)} us`;

function lowerProducts(lowering: Lowering, { segments }: MatmulGroup, plan: MatmulPlan): void {
  const { emit, chip, group, input, output } = lowering;
  const { batch, M, N, tiling, unitNs, dtype, terms, tiles } = plan;
  const shared = new Shared(chip);
  const unit = [Math.min(chip.tensor.rows.value, M), tiling.unit] as const;
  const context: FinishContext = { emit, shared, unit, unitNs, M, input, output };
  const finishes = segments.map((s, i) => {
    const lanes = plan.lanes[i];
    const rows = { depth: ROW_TILES, columns: plan.rowColumns };
    return lanes ? blockFinish(context, s, lanes) : plainFinish(context, s, rows);
  });
  const waiting = new Waiting(emit, shared, unit);
  const taken = new Set(segments.flatMap((s) => s.results.map((r) => r.index)));
  const also = (o: Planned): Also =>
    group.results.flatMap((value, i) =>
      !taken.has(i) && o.prologue?.spec.results.includes(value)
        ? [{ value, tensor: output(i) }]
        : [],
    );
  const made = new Map<Value, Source>();
  const sourceOf = (o: Planned, width: number): Source => {
    const known = made.get(o.value);
    if (known) return known;
    const { layout, turned, source, side } = o;
    const from = source
      ? { source, side, turned, layout }
      : new Prepare(emit, o, width, input, also(o));
    const fresh = { layout, turned, from };
    if (!source) made.set(o.value, fresh);
    return fresh;
  };
  const operands = plan.operands.map(
    ([left, right], i) =>
      [left.map((o) => sourceOf(o, M)), right.map((o) => sourceOf(o, N[i]!))] as const,
  );
  let last: Finish | undefined;
  multiply(
    emit,
    {
      sizes: { batch, M, N, tiles },
      dtype,
      terms,
      unitNs,
      operands: (side, segment) => operands[side === 0 ? 0 : segment]![side]!,
      tiling,
    },
    (u, psum) => {
      const finish = finishes[u.segment]!;
      // Sums that wait in SBUF are about to be written again, and PSUM tiles change hands.
      if (finish !== last || (u.begins && !u.ends)) last?.flush();
      last = finish;
      const sums = psum.map((p) => waiting.take(u, p));
      if (u.ends) finish.take(u, sums as Sums[]);
    },
  );
  last?.flush();
  const busy = Math.max(...finishes.map((f) => f.load()));
  if (busy > BOUND || tiling.work > WORK * tiling.tensor) lowering.reorder();
}
