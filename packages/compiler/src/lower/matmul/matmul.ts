/** dot_generals of floats, in any layout, batched or not, of any size, with what is computed of their results. */
import { invariant } from "@opentrn/base";
import type { Operation, Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { columnStepOf } from "../rows/block.ts";
import type { Lowering, Template } from "../template.ts";
import { matmulNs } from "./costs.ts";
import { Shared, Waiting } from "./drain.ts";
import {
  blockFinish,
  columnVectors,
  type Finish,
  type FinishContext,
  plainFinish,
} from "./finish.ts";
import { groupOf, inHbm, type MatmulGroup, type Segment, sameOperand } from "./group.ts";
import { planLanes } from "./lanes.ts";
import type { Operand } from "./load.ts";
import { multiply, psumDepth, type Term } from "./multiply.ts";
import { type Product, productOf, type Side, type Strided } from "./product.ts";
import { type Load, type Task, tilingFor, widestUnit } from "./tiling.ts";

/** Bytes of a partition that one tile of finished rows takes at most, and how many there are. */
const ROW_BYTES = 8192;
const ROW_TILES = 3;

/** An epilogue that keeps an engine this busy, against the array, is what the time goes into: then its instructions are scheduled. */
const BOUND = 0.6;

export const matmul: Template = {
  name: "matmul",
  summary: "dot_generals of floats on TensorE, with what is computed of their results row by row",
  refuses: (group, chip) => {
    const found = groupOf(group);
    if (typeof found === "string") return found;
    for (const { epilogue, dots } of found.segments) {
      const step = epilogue ? columnStepOf(epilogue)! : 1;
      if (widestUnit(chip, dots.length, step) === 0)
        return `what follows dot_general needs ${step} columns at a time; PSUM does not hold that of ${dots.length} products twice`;
    }
    return undefined;
  },
  lower: (lowering) => {
    const found = groupOf(lowering.group);
    invariant(typeof found !== "string", "a group that is refused is not lowered");
    lowerProducts(lowering, found);
  },
};

/** A dot_general with its operands in HBM. */
interface Parts {
  readonly dot: Operation;
  readonly product: Product;
  readonly operands: readonly [Operand, Operand];
}

function lowerProducts(lowering: Lowering, { segments }: MatmulGroup): void {
  const { emit, chip, group } = lowering;
  const rows = chip.tensor.rows.value;
  const all = segments.map((s) => s.dots.map((dot) => partsOf(lowering, dot)));
  const [first] = all[0]!;
  const { batch, M } = first!.product;
  const N = all.map((parts) => parts[0]!.product.N);
  const bundles = all.map((parts) => ([0, 1] as const).map((side) => distinct(parts, side)));
  const terms: readonly Term[] = all[0]!.map((p) => ({
    left: bundles[0]![0]!.findIndex((q) => sameOperand(p.dot, q.dot, 0)),
    right: bundles[0]![1]!.findIndex((q) => sameOperand(p.dot, q.dot, 1)),
    K: p.product.K,
  }));
  const results = group.results.map((v) => v.type);
  const plain = segments.every((s) => s.epilogue === undefined);
  const resultBytes = results.reduce((n, t) => n + bytesOf(t.dtype), 0) / segments.length;
  const rowColumns = plain
    ? Math.min(
        Math.max(...N),
        Math.floor(ROW_BYTES / Math.max(...results.map((t) => bytesOf(t.dtype)))),
      )
    : 0;
  const load =
    (side: 0 | 1) =>
    (p: Parts): Load => ({
      from: p.operands[side].source.dtype,
      to: p.operands[side].source.dtype,
      turned: p.operands[side].turned,
      K: p.product.K,
    });
  const height = Math.min(rows, M);
  const columnStep = Math.max(...segments.map((s) => (s.epilogue ? columnStepOf(s.epilogue)! : 1)));
  const widest = Math.min(widestUnit(chip, terms.length, columnStep), Math.max(...N));
  const plans = segments.map(
    ({ epilogue }) =>
      epilogue && planLanes(chip, epilogue, height, widest, psumDepth(chip, widest, terms.length)),
  );
  const task: Task = {
    batch,
    M,
    N,
    sides: [bundles[0]![0]!.map(load(0)), bundles[0]![1]!.map(load(1))],
    products: terms.map((t) => t.K),
    resultBytes,
    readBytes: 0,
    steps: plain ? results.length / segments.length : Math.max(...segments.map(stepsOf)),
    columnStep,
    rowColumns,
    reserved: segments.reduce((n, s, i) => {
      const plan = plans[i];
      if (!plan || !s.epilogue) return n + ROW_TILES * rowColumns * resultBytes;
      const vectors = columnVectors(s.epilogue).reduce(
        (b, v) => b + v.type.shape[0]! * bytesOf(v.type.dtype),
        0,
      );
      return n + plan.lanes * plan.bytes + vectors;
    }, 0),
  };
  const tiling = tilingFor(chip, task);
  const shared = new Shared(chip);
  const unit = [height, tiling.unit] as const;
  const { input, output } = lowering;
  const unitNs = terms.reduce(
    (ns, { K }) =>
      ns + Math.ceil(K / rows) * matmulNs(chip, first!.operands[0].source.dtype, tiling.unit),
    0,
  );
  const context: FinishContext = { emit, shared, unit, unitNs, M, input, output };
  const finishes = segments.map((s, i) => {
    const plan = plans[i];
    const tiles = { depth: ROW_TILES, columns: rowColumns };
    return plan ? blockFinish(context, s, plan) : plainFinish(context, s, tiles);
  });
  const waiting = new Waiting(emit, shared, unit);
  const tiles = Math.ceil(Math.max(...task.products) / rows);
  const operands = (side: 0 | 1, segment: number): readonly Operand[] =>
    bundles[side === 0 ? 0 : segment]![side]!.map((p) => p.operands[side]);
  const sizes = { batch, M, N, tiles };
  let last: Finish | undefined;
  multiply(
    emit,
    { sizes, dtype: task.sides[0][0]!.to, terms, unitNs, operands, tiling },
    (u, psum) => {
      const finish = finishes[u.segment]!;
      // Sums that wait in SBUF are about to be written again, and PSUM tiles change hands.
      if (finish !== last || (u.begins && !u.ends)) last?.flush();
      last = finish;
      const sums = psum.map((p) => waiting.take(u, p));
      if (u.ends)
        finish.take(
          u,
          sums.map((s) => s!),
        );
    },
  );
  last?.flush();
  if (finishes.some((f) => f.load() > BOUND)) lowering.reorder();
}

/** Instructions over a unit that an epilogue takes, about. */
const stepsOf = ({ epilogue, results }: Segment): number =>
  (epilogue?.ops ?? []).filter(
    (op) => !["broadcast_in_dim", "reshape", "constant"].includes(op.name),
  ).length + results.length;

/** Products with different operands on that side. */
const distinct = (parts: readonly Parts[], side: 0 | 1): readonly Parts[] =>
  parts.filter((p, i) => parts.findIndex((q) => sameOperand(p.dot, q.dot, side)) === i);

function partsOf(lowering: Lowering, dot: Operation): Parts {
  const source = (v: Value): View => {
    const view = inHbm(v, lowering.input);
    invariant(view, "refuses has asked before");
    return view;
  };
  const [l, r] = dot.operands.map(source) as [View, View];
  const product = productOf(dot, strided(l), strided(r));
  const { left, right, K } = product;
  return { dot, product, operands: [operandOf(l, left, K), operandOf(r, right, K)] };
}

const strided = (v: View): Strided => ({
  shape: v.shape,
  strides: v.pattern.dims.map((d) => d[0]),
});

function operandOf(source: View, side: Side, K: number): Operand {
  const k = side.k.at(-1)?.[0];
  const free = side.free.at(-1)?.[0];
  const turned = k === 1 && free !== 1 && bytesOf(source.dtype) > 1;
  return { source, side, turned, K };
}
