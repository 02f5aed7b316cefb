/** Everything that is settled before a group's instructions are emitted: tiles, blocks, rings, and room for prologues and epilogues. */
import { invariant } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Func, Operation, Value } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import { type BlockSpec, columnStepOf } from "../rows/block.ts";
import { matmulNs } from "./costs.ts";
import { columnVectors } from "./finish.ts";
import { inHbm, type MatmulGroup, type Segment, sameOperand, stridesOf } from "./group.ts";
import { evenHeight, type KTiles, needsPairs, tileCount } from "./k-tiles.ts";
import { type LanePlan, type LaneSize, laneSize, planLanes } from "./lanes.ts";
import { pairsUp } from "./load.ts";
import { psumDepth, type Term } from "./multiply.ts";
import { type Product, productOf, type Side } from "./product.ts";
import type { Prologue } from "./prologue.ts";
import { type Load, type Task, type Tiling, tilingFor, widestUnit } from "./tiling.ts";

/** Bytes of a partition that one tile of finished rows takes at most, and how many there are. */
const ROW_BYTES = 8192;
export const ROW_TILES = 3;

/** Shares of SBUF that epilogues and prologues may take. */
const EPILOGUES = 0.55;
const EPILOGUES_BESIDE = 0.3;
const PROLOGUES = 0.3;

/** K of a block of a prologue that need not have all of it. */
const BLOCK_K = 1024;

/** An operand and where it comes from: a tensor in HBM, or a prologue. */
export interface Planned {
  readonly value: Value;
  readonly side: Side;
  readonly source: View | undefined;
  readonly prologue: PlannedPrologue | undefined;
  readonly turned: boolean;
  readonly layout: KTiles;
}

export interface PlannedPrologue extends Prologue, LaneSize {
  /** K tiles of a block, where K lies along partitions. */
  readonly blockTiles: number;
  /** Blocks under way together. */
  readonly lanes: number;
}

export interface MatmulPlan {
  readonly batch: number;
  readonly M: number;
  readonly N: readonly number[];
  readonly dtype: DType;
  readonly terms: readonly Term[];
  /** K tiles, the most of products that meet. */
  readonly tiles: number;
  /** By segment and side. */
  readonly operands: readonly (readonly [readonly Planned[], readonly Planned[]])[];
  readonly tiling: Tiling;
  readonly unitNs: number;
  /** Lanes of the epilogues by segment. */
  readonly lanes: readonly (LanePlan | undefined)[];
  /** Columns of a store of plain results. */
  readonly rowColumns: number;
}

/** A dot_general with its operands. */
interface Parts {
  readonly dot: Operation;
  readonly product: Product;
  readonly operands: readonly [Found, Found];
}

/** An operand before its K tiles are settled. */
type Found = Omit<Planned, "layout" | "prologue"> & { readonly prologue: Prologue | undefined };

/** Plans a group; `tensor` is a parameter's place in HBM. Stops with `capacity` where SBUF is too small for any tiles. */
export function planOf(
  group: Func,
  found: MatmulGroup,
  chip: Chip,
  tensor: (param: Value) => View,
): MatmulPlan {
  const { segments } = found;
  const rows = chip.tensor.rows.value;
  const all = segments.map((s) => s.dots.map((dot) => partsOf(found, dot, tensor)));
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
  const computed = found.prologues.size > 0;
  const room = chip.sbuf.usableBytesPerPartition.value;
  const epilogueRoom = ((computed ? EPILOGUES_BESIDE : EPILOGUES) * room) / segments.length;
  const lanes = segments.map(
    ({ epilogue }, i) =>
      epilogue && planLanes(chip, epilogue, high, Math.min(widest, N[i]!), depth, epilogueRoom),
  );
  const { dtype } = first!.operands[0].value.type;
  const heights = heightsFor(first!.product.K, rows, paired || computed || terms.length > 1);
  const prologues = new Map<Value, PlannedPrologue>();
  for (const p of all.flat())
    for (const side of [0, 1] as const) {
      const { value, prologue } = p.operands[side];
      if (!prologue || prologues.has(value)) continue;
      const share = (PROLOGUES * room) / found.prologues.size;
      const width = side === 0 ? M : p.product.N;
      prologues.set(value, planPrologue(chip, prologue, p.product.K, width, share));
    }
  const extra = [...prologues.values()].reduce((n, p) => n + p.lanes * p.bytes, 0);
  const loads = ([0, 1] as const).map((side) =>
    bundles[0]![side]!.map((p): Load => {
      const o = p.operands[side];
      const { K } = p.product;
      const shared = { to: dtype, turned: turned(o), K };
      if (!o.prologue) return { ...shared, bytes: bytesOf(dtype), work: 0 };
      return { ...shared, bytes: o.prologue.read, work: workOf(chip, o.prologue, K) };
    }),
  ) as [Load[], Load[]];
  const task = (height: number): Task => ({
    batch,
    M,
    N,
    height,
    paired,
    wholeK: [...prologues.values()].some((p) => p.turned && !p.local),
    sides: loads,
    products: all[0]!.map((p) => p.product.K),
    resultBytes,
    readBytes: 0,
    steps: plain ? types.length / segments.length : Math.max(...segments.map(stepsOf)),
    columnStep,
    rowColumns,
    reserved: segments.reduce((n, s, i) => {
      const plan = lanes[i];
      if (!plan || !s.epilogue) return n + ROW_TILES * rowColumns * resultBytes;
      return n + plan.lanes * plan.bytes + vectorBytes(s.epilogue);
    }, extra),
  });
  const [height, tiling] = heights
    .map((h) => [h, tilingFor(chip, task(h))] as const)
    .reduce((a, b) => (b[1].ns < a[1].ns ? b : a));
  const planned = (p: Parts, side: 0 | 1): Planned => {
    const o = p.operands[side];
    return {
      ...o,
      prologue: prologues.get(o.value),
      turned: turned(o),
      layout: { K: p.product.K, height, paired },
    };
  };
  const counts = all[0]!.map((p) => tileCount(planned(p, 0).layout));
  return {
    batch,
    M,
    N,
    dtype,
    terms,
    tiles: Math.max(...counts),
    operands: bundles.map(
      (b) => [b[0]!.map((p) => planned(p, 0)), b[1]!.map((p) => planned(p, 1))] as const,
    ),
    tiling,
    unitNs: counts.reduce((ns, n) => ns + n * matmulNs(chip, dtype, tiling.unit), 0),
    lanes,
    rowColumns,
  };
}

/** Engines that share row-wise work, and what they save by doing several operations in one instruction. */
const SHARED = 2.5;

/** Nanoseconds of the engines for one column of an operand over all of K, about. */
function workOf(chip: Chip, { steps, turned }: Prologue, K: number): number {
  const { clockGHz, fixedCycles } = chip.engines.vector;
  const rows = chip.tensor.rows.value;
  const cycles = turned ? (K + fixedCycles.value) / rows : Math.ceil(K / rows);
  return (steps * cycles) / (SHARED * clockGHz.value);
}

function planPrologue(
  chip: Chip,
  prologue: Prologue,
  K: number,
  width: number,
  room: number,
): PlannedPrologue {
  const rows = chip.tensor.rows.value;
  const blockTiles = prologue.local ? BLOCK_K / rows : Math.ceil(K / rows);
  const [high, wide] = prologue.turned
    ? [Math.min(rows, width), Math.min(K, blockTiles * rows)]
    : [Math.min(rows, K), Math.min(width, BLOCK_K)];
  const [easy, tight] = [1.5, 1].map((ease) => laneSize(chip, prologue.spec, high, wide, ease));
  const size = 2 * easy!.bytes <= room ? easy! : tight!;
  return { ...prologue, ...size, blockTiles, lanes: 2 * size.bytes <= room ? 2 : 1 };
}

/** Rows of a K tile worth trying: all of the array's, or fewer that leave no smaller tile at the end. */
function heightsFor(K: number, rows: number, only: boolean): readonly number[] {
  const even = only || K < rows ? undefined : evenHeight(K, rows);
  return even === undefined || even === rows ? [rows] : [rows, even];
}

/** Whether K tiles come in pairs, and which operands are transposed on the way in: narrow ones only in pairs. */
function pairing(parts: readonly Parts[]): {
  readonly paired: boolean;
  readonly turned: (o: Found) => boolean;
} {
  const operands = parts.flatMap((p) => p.operands);
  const narrow = operands.filter((o) => o.turned && needsPairs(o.value.type.dtype));
  if (narrow.length === 0) return { paired: false, turned: (o) => o.turned };
  const even = operands.every((o) => o.side.k.length === 1 && o.side.k[0]![1] % 2 === 0);
  const paired = even && narrow.every((o) => o.source !== undefined && pairsUp(o.source, o.side));
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

function partsOf(found: MatmulGroup, dot: Operation, tensor: (param: Value) => View): Parts {
  const [l, r] = dot.operands.map((v) => stridesOf(v, tensor));
  const product = productOf(dot, l!, r!);
  const operand = (i: 0 | 1, side: Side): Found => {
    const value = dot.operands[i]!;
    const prologue = found.prologues.get(value);
    const source = prologue ? undefined : inHbm(value, tensor);
    invariant(prologue || source, "refuses has asked before");
    const [k, free] = [side.k.at(-1)?.[0], side.free.at(-1)?.[0]];
    const turned = prologue ? prologue.turned : k === 1 && free !== 1;
    return { value, side, source, prologue, turned };
  };
  return { dot, product, operands: [operand(0, product.left), operand(1, product.right)] };
}
