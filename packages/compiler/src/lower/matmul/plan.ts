/** Everything that is settled before a group's instructions are emitted: tiles, blocks, rings, and room for prologues and epilogues. */
import { invariant } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Operation, Value } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import type { BlockSpec } from "../rows/block.ts";
import { matmulNs } from "./costs.ts";
import { columnVectors } from "./finish.ts";
import { inHbm, type MatmulGroup, type Segment, sameOperand, stridesOf } from "./group.ts";
import { evenHeight, type KTiles, needsPairs, tileCount } from "./k-tiles.ts";
import { type LanePlan, type LaneSize, laneSize } from "./lanes.ts";
import { pairsUp } from "./load.ts";
import { psumDepth, type Term } from "./multiply.ts";
import { type Product, productOf, type Side } from "./product.ts";
import type { Prologue } from "./prologue.ts";
import { type Load, type Task, type Tiling, tilingFor, tooSmall, widestUnit } from "./tiling.ts";

/** Bytes of a partition that one tile of finished rows takes at most, and how many there are. */
const ROW_BYTES = 8192;
export const ROW_TILES = 4;

/** Lanes of epilogues and of prologues, and the ease of their tiles, from the most generous on. */
const generosity = [
  { together: 3, ahead: 1, prologues: 2, ease: 2 },
  { together: 3, ahead: 1, prologues: 2, ease: 1 },
  { together: 2, ahead: 1, prologues: 2, ease: 1 },
  { together: 1, ahead: 1, prologues: 1, ease: 1 },
  { together: 1, ahead: 0, prologues: 1, ease: 1 },
] as const;

/** Share of SBUF that all of that may take. */
const MOST = 0.85;

/** How much more time tiles may take that make room for lanes. */
const WORTH = 1.02;

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
export function planOf(found: MatmulGroup, chip: Chip, tensor: (param: Value) => View): MatmulPlan {
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
  const plain = segments.every((s) => s.epilogue === undefined);
  const types = segments.flatMap((s) => s.results.map((r) => r.value.type));
  const widestType = Math.max(...types.map((t) => bytesOf(t.dtype)));
  const rowColumns = plain ? Math.min(Math.max(...N), Math.floor(ROW_BYTES / widestType)) : 0;
  const columnStep = Math.max(...segments.map((s) => s.columnStep));
  const widest = Math.min(widestUnit(chip, terms.length, columnStep), Math.max(...N));
  const depth = psumDepth(chip, widest, terms.length);
  const { dtype } = first!.operands[0].value.type;
  const computed = new Map<Value, Computes>();
  for (const p of all.flat())
    for (const side of [0, 1] as const) {
      const { value, prologue } = p.operands[side];
      const width = side === 0 ? M : p.product.N;
      if (prologue) computed.set(value, { prologue, K: p.product.K, width });
    }
  const heights = heightsFor(
    first!.product.K,
    rows,
    paired || computed.size > 0 || terms.length > 1,
  );
  const load =
    (side: 0 | 1) =>
    (p: Parts): Load => {
      const o = p.operands[side];
      const { K } = p.product;
      const shared = { to: dtype, turned: turned(o), K };
      if (!o.prologue) return { ...shared, bytes: bytesOf(dtype) };
      const work = workOf(chip, o.prologue, K);
      return { ...shared, bytes: o.prologue.read, computed: { work, kept: o.prologue.kept } };
    };
  const perElement = (of: (s: Segment) => number): number =>
    segments.reduce((n, s, i) => n + of(s) * N[i]!, 0) / N.reduce((a, b) => a + b, 0);
  const task = (height: number, reserved: number): Task => ({
    batch,
    M,
    N,
    height,
    paired,
    wholeK: [...computed.values()].some((c) => c.prologue.turned && !c.prologue.local),
    sides: [bundles[0]![0]!.map(load(0)), bundles[0]![1]!.map(load(1))],
    products: all[0]!.map((p) => p.product.K),
    resultBytes: perElement(bytesOfResults),
    readBytes: 0,
    steps: perElement((s) => (s.epilogue ? stepsOf(s) : s.results.length)),
    columnStep,
    rowColumns,
    reserved,
  });
  const best = (reserved: number) =>
    heights
      .flatMap((height) => {
        const tiling = tilingFor(chip, task(height, reserved));
        return tiling ? [{ height, tiling }] : [];
      })
      .sort((a, b) => a.tiling.ns - b.tiling.ns)[0];
  const high = Math.min(rows, M);
  const epilogueSize = remembered((i: number, ease: number) => {
    const { epilogue } = segments[i]!;
    return epilogue && laneSize(chip, epilogue, high, Math.min(widest, N[i]!), ease);
  });
  const values = [...computed.keys()];
  const prologueSize = remembered((i: number, ease: number) =>
    prologueLane(chip, computed.get(values[i]!)!, ease),
  );
  const roomFor = ({ together, ahead, prologues, ease }: (typeof generosity)[number]) => {
    const under = Math.max(1, Math.min(together, depth - 1));
    const lanes = segments.map((_, i): LanePlan | undefined => {
      const size = epilogueSize(i, ease);
      return size && { ...size, together: under, lanes: under + ahead };
    });
    const prepared = new Map(
      values.map((v, i) => [v, { ...prologueSize(i, ease), lanes: prologues }] as const),
    );
    const rowTiles = ROW_TILES * rowColumns;
    const reserved =
      segments.reduce((n, s, i) => {
        const lane = lanes[i];
        if (!lane || !s.epilogue) return n + rowTiles * bytesOfResults(s);
        return n + lane.lanes * lane.bytes + vectorBytes(s.epilogue);
      }, 0) + [...prepared.values()].reduce((n, p) => n + p.lanes * p.bytes, 0);
    return { lanes, prepared, reserved };
  };
  const least = roomFor(generosity.at(-1)!);
  const tight = best(least.reserved);
  if (!tight) throw tooSmall(chip, task(rows, least.reserved));
  const generous = (): typeof least & typeof tight => {
    for (const level of generosity.slice(0, -1)) {
      const room = roomFor(level);
      if (room.reserved > MOST * chip.sbuf.usableBytesPerPartition.value) continue;
      const made = best(room.reserved);
      if (made && made.tiling.ns <= WORTH * tight.tiling.ns) return { ...room, ...made };
    }
    return { ...least, ...tight };
  };
  const { lanes, prepared, height, tiling } =
    plain && values.length === 0 ? { ...least, ...tight } : generous();
  const planned = (p: Parts, side: 0 | 1): Planned => {
    const o = p.operands[side];
    const layout = { K: p.product.K, height, paired };
    return { ...o, prologue: prepared.get(o.value), turned: turned(o), layout };
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

/** Bytes that a segment's results have for one element of its products. */
const bytesOfResults = (s: Segment): number =>
  s.results.reduce((n, r) => n + bytesOf(r.value.type.dtype), 0);

/** A function of two numbers that is asked the same again. */
function remembered<T>(f: (a: number, b: number) => T): (a: number, b: number) => T {
  const known = new Map<string, T>();
  return (a, b) => {
    const key = `${a} ${b}`;
    const found = known.get(key) ?? f(a, b);
    known.set(key, found);
    return found;
  };
}

/** An operand that is computed: its K and its other columns. */
interface Computes {
  readonly prologue: Prologue;
  readonly K: number;
  readonly width: number;
}

/** Engines that share row-wise work, and what they save by doing several operations in one instruction. */
const SHARED = 2.5;

/** Nanoseconds of the engines for one column of an operand over all of K, about. */
export function workOf(chip: Chip, { steps, turned }: Prologue, K: number): number {
  const { clockGHz, fixedCycles } = chip.engines.vector;
  const rows = chip.tensor.rows.value;
  const cycles = turned ? (K + fixedCycles.value) / rows : Math.ceil(K / rows);
  return (steps * cycles) / (SHARED * clockGHz.value);
}

/** Tiles of a block of a prologue. */
function prologueLane(
  chip: Chip,
  { prologue, K, width }: Computes,
  ease: number,
): Omit<PlannedPrologue, "lanes"> {
  const rows = chip.tensor.rows.value;
  const blockTiles = prologue.local ? BLOCK_K / rows : Math.ceil(K / rows);
  const [high, wide] = prologue.turned
    ? [Math.min(rows, width), Math.min(K, blockTiles * rows)]
    : [Math.min(rows, K), Math.min(width, BLOCK_K)];
  return { ...prologue, ...laneSize(chip, prologue.spec, high, wide, ease), blockTiles };
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
export const stepsOf = ({ epilogue, results }: Segment): number =>
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
