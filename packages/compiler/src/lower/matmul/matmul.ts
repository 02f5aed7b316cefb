/** dot_generals of floats, in any layout, batched or not, of any size, with what is computed of their operands and results. */
import { invariant } from "@opentrn/base";
import type { Value } from "@opentrn/ir";
import type { Lowering, Template } from "../template.ts";
import { Shared, type Sums, Waiting } from "./drain.ts";
import { blockFinish, type Finish, type FinishContext, plainFinish } from "./finish.ts";
import { groupOf, type MatmulGroup } from "./group.ts";
import { multiply, type Source } from "./multiply.ts";
import { type MatmulPlan, type Planned, planOf, ROW_TILES } from "./plan.ts";
import { type Also, Prepare } from "./prepare.ts";
import { cutFault } from "./worth.ts";

/** An epilogue that keeps an engine this busy, against the array, is what the time goes into: then its instructions are scheduled. */
const BOUND = 0.6;

/** The same for prologues, whose parts are as long as several units. */
const WORK = 0.2;

export const matmul: Template = {
  name: "matmul",
  summary:
    "dot_generals of floats on TensorE, with what is computed row by row of their operands and results",
  refuses: (group, chip) => {
    const found = groupOf(group);
    return typeof found === "string" ? found : cutFault(found, chip);
  },
  lower: (lowering) => {
    const found = groupOf(lowering.group);
    invariant(typeof found !== "string", "a group that is refused is not lowered");
    lowerProducts(lowering, found, planOf(found, lowering.chip, lowering.input));
  },
};

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
