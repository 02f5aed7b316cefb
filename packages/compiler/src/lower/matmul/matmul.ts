/** dot_generals of floats, in any layout, batched or not, of any size, with what is computed of their results. */
import { invariant } from "@opentrn/base";
import type { Operation, Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { type BlockSpec, columnStepOf } from "../rows/block.ts";
import type { Lowering, Template } from "../template.ts";
import { matmulNs } from "./costs.ts";
import { Shared, type Sums, Waiting } from "./drain.ts";
import {
  blockFinish,
  columnVectors,
  type Finish,
  type FinishContext,
  plainFinish,
} from "./finish.ts";
import { groupOf, inHbm, type MatmulGroup, type Segment, sameOperand } from "./group.ts";
import { evenHeight, needsPairs, tileCount } from "./k-tiles.ts";
import { planLanes } from "./lanes.ts";
import { type Operand, pairsUp } from "./load.ts";
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
  readonly operands: readonly [InHbm, InHbm];
}

type InHbm = Pick<Operand, "source" | "side" | "turned">;

function lowerProducts(lowering: Lowering, { segments }: MatmulGroup): void {
  const { emit, chip, group, input, output } = lowering;
  const rows = chip.tensor.rows.value;
  const all = segments.map((s) => s.dots.map((dot) => partsOf(lowering, dot)));
  const [first] = all[0]!;
  const { batch, M } = first!.product;
  const N = all.map((parts) => parts[0]!.product.N);
  const bundles = all.map((parts) => ([0, 1] as const).map((side) => distinct(parts, side)));
  const terms: readonly Term[] = all[0]!.map((p) => ({
    left: bundles[0]![0]!.findIndex((q) => sameOperand(p.dot, q.dot, 0)),
    right: bundles[0]![1]!.findIndex((q) => sameOperand(p.dot, q.dot, 1)),
  }));
  const { paired, turned } = pairing(all.flat());
  const types = group.results.map((v) => v.type);
  const plain = segments.every((s) => s.epilogue === undefined);
  const resultBytes = types.reduce((n, t) => n + bytesOf(t.dtype), 0) / segments.length;
  const widestType = Math.max(...types.map((t) => bytesOf(t.dtype)));
  const rowColumns = plain ? Math.min(Math.max(...N), Math.floor(ROW_BYTES / widestType)) : 0;
  const high = Math.min(rows, M);
  const columnStep = Math.max(...segments.map((s) => (s.epilogue ? columnStepOf(s.epilogue)! : 1)));
  const widest = Math.min(widestUnit(chip, terms.length, columnStep), Math.max(...N));
  const depth = psumDepth(chip, widest, terms.length);
  const plans = segments.map(
    ({ epilogue }) => epilogue && planLanes(chip, epilogue, high, widest, depth),
  );
  const { dtype } = first!.operands[0].source;
  const loads = ([0, 1] as const).map((side) =>
    bundles[0]![side]!.map((p) => ({
      from: dtype,
      to: dtype,
      turned: turned(p.operands[side]),
      K: p.product.K,
    })),
  ) as [Load[], Load[]];
  const task = (height: number): Task => ({
    batch,
    M,
    N,
    height,
    paired,
    sides: loads,
    products: all[0]!.map((p) => p.product.K),
    resultBytes,
    readBytes: 0,
    steps: plain ? types.length / segments.length : Math.max(...segments.map(stepsOf)),
    columnStep,
    rowColumns,
    reserved: segments.reduce((n, s, i) => {
      const plan = plans[i];
      if (!plan || !s.epilogue) return n + ROW_TILES * rowColumns * resultBytes;
      return n + plan.lanes * plan.bytes + vectorBytes(s.epilogue);
    }, 0),
  });
  const [height, tiling] = heightsFor(first!.product.K, rows, paired || terms.length > 1)
    .map((h) => [h, tilingFor(chip, task(h))] as const)
    .reduce((a, b) => (b[1].ns < a[1].ns ? b : a));
  const operand = (p: Parts, side: 0 | 1): Operand => ({
    ...p.operands[side],
    turned: turned(p.operands[side]),
    layout: { K: p.product.K, height, paired },
  });
  const sides = bundles.map((b) =>
    ([0, 1] as const).map((side) => b[side]!.map((p) => operand(p, side))),
  );
  const operands = (side: 0 | 1, segment: number): readonly Operand[] =>
    sides[side === 0 ? 0 : segment]![side]!;
  const counts = all[0]!.map((p) => tileCount(operand(p, 0).layout));
  const unitNs = counts.reduce((ns, n) => ns + n * matmulNs(chip, dtype, tiling.unit), 0);
  const shared = new Shared(chip);
  const unit = [high, tiling.unit] as const;
  const context: FinishContext = { emit, shared, unit, unitNs, M, input, output };
  const finishes = segments.map((s, i) => {
    const plan = plans[i];
    const tiles = { depth: ROW_TILES, columns: rowColumns };
    return plan ? blockFinish(context, s, plan) : plainFinish(context, s, tiles);
  });
  const waiting = new Waiting(emit, shared, unit);
  const sizes = { batch, M, N, tiles: Math.max(...counts) };
  let last: Finish | undefined;
  multiply(emit, { sizes, dtype, terms, unitNs, operands, tiling }, (u, psum) => {
    const finish = finishes[u.segment]!;
    // Sums that wait in SBUF are about to be written again, and PSUM tiles change hands.
    if (finish !== last || (u.begins && !u.ends)) last?.flush();
    last = finish;
    const sums = psum.map((p) => waiting.take(u, p));
    if (u.ends) finish.take(u, sums as Sums[]);
  });
  last?.flush();
  if (finishes.some((f) => f.load() > BOUND)) lowering.reorder();
}

/** Rows of a K tile worth trying: all of the array's, or fewer that leave no smaller tile at the end. */
function heightsFor(K: number, rows: number, only: boolean): readonly number[] {
  const even = only || K < rows ? undefined : evenHeight(K, rows);
  return even === undefined || even === rows ? [rows] : [rows, even];
}

/** Whether K tiles come in pairs, and which operands are transposed: narrow ones only in pairs. */
function pairing(parts: readonly Parts[]): {
  readonly paired: boolean;
  readonly turned: (o: InHbm) => boolean;
} {
  const operands = parts.flatMap((p) => p.operands);
  const narrow = operands.filter((o) => o.turned && needsPairs(o.source.dtype));
  if (narrow.length === 0) return { paired: false, turned: (o) => o.turned };
  const even = operands.every((o) => o.side.k.length === 1 && o.side.k[0]![1] % 2 === 0);
  const paired = even && narrow.every(pairsUp);
  return { paired, turned: (o) => o.turned && paired };
}

/** Bytes of a partition for vectors that stay on chip. */
const vectorBytes = (epilogue: BlockSpec): number =>
  columnVectors(epilogue).reduce((n, v) => n + v.type.shape[0]! * bytesOf(v.type.dtype), 0);

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
  return { dot, product, operands: [operandOf(l, product.left), operandOf(r, product.right)] };
}

const strided = (v: View): Strided => ({
  shape: v.shape,
  strides: v.pattern.dims.map((d) => d[0]),
});

function operandOf(source: View, side: Side): InHbm {
  const k = side.k.at(-1)?.[0];
  const free = side.free.at(-1)?.[0];
  return { source, side, turned: k === 1 && free !== 1 };
}
