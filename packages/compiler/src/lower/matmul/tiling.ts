/**
 * How a product is cut up, chosen by predicted time. One operand's block stays in SBUF while the other one streams past it; K is cut
 * only where neither operand's columns fit at full length, and sums then wait in SBUF between blocks of K.
 */
import type { Chip } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";
import { bankColumns, dmaRate, loadLatencyNs, matmulNs, streamNs, transposeRate } from "./costs.ts";
import type { Sizes } from "./units.ts";

/** Pairs are [left, right]. */
export interface Tiling {
  /** The operand that stays: 0 left, 1 right. */
  readonly resident: 0 | 1;
  /** Columns of a chunk, and chunks of a block. */
  readonly chunk: readonly [number, number];
  readonly block: readonly [number, number];
  /** Chunks that each operand has room for in SBUF. */
  readonly slots: readonly [number, number];
  /** K tiles of a block of K. */
  readonly kTiles: number;
  /** Columns of the result that one unit sums in PSUM. */
  readonly unit: number;
  /** Predicted time and its parts, in nanoseconds. */
  readonly ns: number;
}

/** What a tiling has to know of the operands and the result. */
export interface Load {
  /** Type in HBM and in the array. */
  readonly from: DType;
  readonly to: DType;
  /** Transposed on the way in. */
  readonly turned: boolean;
}

export interface Task extends Sizes {
  readonly sides: readonly [Load, Load];
  /** Bytes of the result and of what an epilogue reads, for one element of the result. */
  readonly resultBytes: number;
  /** Columns of the result that one store takes at most. */
  readonly rowColumns: number;
  /** SBUF of a partition that the result's tiles and everything else take. */
  readonly reserved: number;
}

const ceil = (a: number, b: number): number => Math.ceil(a / b);

/** Bytes of a load, about. */
const LOAD_BYTES = 2 ** 20;

/** What parts that run beside the busiest one cost, as a share of their own time. */
const BESIDE = 0.05;

/** Share of SBUF that rings take at most: what is left evens out that rings are allocated in whole lines. */
const USABLE = 0.97;

/** The best tiling found. */
export function tilingFor(chip: Chip, task: Task): Tiling {
  let best: Tiling | undefined;
  for (const t of candidates(chip, task)) if (!best || t.ns < best.ns) best = t;
  if (!best) throw new Error("no tiling fits SBUF");
  return best;
}

function* candidates(chip: Chip, task: Task): Generator<Tiling> {
  const rows = chip.tensor.rows.value;
  const bank = bankColumns(chip);
  const all = ceil(task.K, rows);
  const room = chip.sbuf.usableBytesPerPartition.value * USABLE - task.reserved;
  const sizes = [task.M, task.N] as const;
  const unit = Math.min(2 * bank, task.N);
  const bytes = task.sides.map((s) => bytesOf(s.to)) as [number, number];
  const widths = [
    [rows, 2 * rows, 4 * rows],
    [bank / 2, bank, 2 * bank],
  ].map((w, side) => distinct(w.map((n) => Math.min(n, sizes[side as 0 | 1]))));
  for (const left of widths[0]!)
    for (const right of widths[1]!) {
      const chunk = [left, right] as const;
      const chunks = sizes.map((n, i) => ceil(n, chunk[i]!)) as [number, number];
      const size = (side: 0 | 1, tiles: number): number => chunk[side] * tiles * bytes[side];
      for (const resident of [0, 1] as const) {
        const stream = (1 - resident) as 0 | 1;
        // All of K: the resident block is what the stream's ring leaves.
        const streamSlots = Math.min(3, chunks[stream] * task.batch);
        for (let ring = streamSlots; ring >= Math.min(2, streamSlots); ring--) {
          const fit = Math.floor((room - ring * size(stream, all)) / size(resident, all));
          const spare = chunks[resident] * task.batch > fit || task.batch > 1 ? 1 : 0;
          const block = Math.min(chunks[resident], fit - spare);
          if (block < 1) continue;
          const pair = (r: number, s: number): [number, number] =>
            resident === 0 ? [r, s] : [s, r];
          const slots = Math.min(fit, block + spare, chunks[resident] * task.batch);
          yield timed(chip, task, {
            resident,
            chunk,
            block: pair(block, chunks[stream]),
            slots: pair(slots, ring),
            kTiles: all,
            unit: Math.min(unit, right),
          });
        }
      }
      // Blocks of K: sums of the whole block of the result wait in SBUF.
      for (const kTiles of [64, 32, 16, 8, 4]) {
        if (kTiles >= all) continue;
        for (const l of [1, 2, 4, 8, 16])
          for (const r of [1, 2, 4, 8]) {
            const block = [Math.min(l, chunks[0]), Math.min(r, chunks[1])] as const;
            if (block[0] !== l && block[0] * 2 > l === false) continue;
            const slots = [block[0] + 1, block[1] + 1] as const;
            const sums = 4 * block[1] * right * ceil(block[0] * left, rows);
            if (slots[0] * size(0, kTiles) + slots[1] * size(1, kTiles) + sums > room) continue;
            yield timed(chip, task, {
              resident: 0,
              chunk,
              block,
              slots,
              kTiles,
              unit: Math.min(unit, right),
            });
          }
      }
    }
}

const distinct = (values: readonly number[]): readonly number[] => [...new Set(values)];

/** The tiling with its predicted time: the busiest of TensorE, DMA and the engines that empty PSUM, and what comes before and after. */
function timed(chip: Chip, task: Task, t: Omit<Tiling, "ns">): Tiling {
  const rows = chip.tensor.rows.value;
  const bank = bankColumns(chip);
  const { M, N, K, batch } = task;
  const all = ceil(K, rows);
  const kBlocks = ceil(all, t.kTiles);
  const mTiles = ceil(M, rows);
  const bytes = task.sides.map((s) => bytesOf(s.from)) as [number, number];
  const dtype = task.sides[0].to;
  const columns = Math.min(bank, t.unit);
  const whole = Math.floor(N / columns);
  const tensor =
    batch *
    mTiles *
    all *
    (whole * matmulNs(chip, dtype, columns) +
      (N % columns ? matmulNs(chip, dtype, N % columns) : 0));
  const rate = (side: 0 | 1): number =>
    task.sides[side].turned
      ? transposeRate(chip)
      : dmaRate(chip, t.chunk[side] * bytes[side], "read");
  const blocks = [M, N].map((n, i) => ceil(n, t.chunk[i as 0 | 1] * t.block[i as 0 | 1]));
  // A side is loaded once where it stays, and once for every block of the other side where it streams.
  const times = ([0, 1] as const).map((side) =>
    kBlocks === 1 && (side === t.resident || blocks[t.resident] === 1) ? 1 : blocks[1 - side]!,
  );
  const elements = [M * K, N * K];
  let [load, loads] = [0, 0];
  for (const side of [0, 1] as const) {
    const moved = batch * times[side]! * elements[side]! * bytes[side];
    load += moved / rate(side);
    loads +=
      moved / Math.min(LOAD_BYTES, t.chunk[side] * Math.min(K, t.kTiles * rows) * bytes[side]);
  }
  // With the left operand staying, columns of a unit are all that one store can take.
  const row = Math.min(N, t.resident === 0 || kBlocks > 1 ? t.unit : task.rowColumns);
  const written =
    (batch * M * N * task.resultBytes) / dmaRate(chip, row * task.resultBytes, "write");
  const stores = batch * mTiles * ceil(N, row);
  const { hardware, software } = chip.dma.issueNs;
  const dma = Math.max(load + written, loads * hardware.value, stores * software.value);
  const { vector, scalar } = chip.engines;
  const units = batch * mTiles * ceil(N, t.unit);
  const both = 1 / (1 / streamNs(vector, t.unit) + 1 / streamNs(scalar, t.unit));
  // Only VectorE adds two tiles.
  const drain = units * Math.max(both * kBlocks, (kBlocks - 1) * streamNs(vector, t.unit));
  const first = ([0, 1] as const).reduce<number>(
    (ns, side) => ns + (t.chunk[side] * Math.min(K, t.kTiles * rows) * bytes[side]) / rate(side),
    0,
  );
  const parts = [tensor, dma, drain];
  const all3 = parts.reduce((a, b) => a + b, 0);
  // What runs beside the busiest part gets in its way now and then.
  const most = Math.max(...parts);
  return { ...t, ns: loadLatencyNs(chip) + first / 2 + most + BESIDE * (all3 - most) };
}
