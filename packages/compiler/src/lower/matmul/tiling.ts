/**
 * How products are cut up, chosen by predicted time. One operand's block stays in SBUF while the other one streams past it; K is cut
 * only where neither operand's columns fit at full length, and sums then wait in SBUF between blocks of K.
 */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";
import {
  bankColumns,
  dmaRate,
  loadLatencyNs,
  matmulNs,
  psumBanks,
  streamNs,
  transposeRate,
} from "./costs.ts";
import { tileCount } from "./k-tiles.ts";

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
  /** Predicted time in nanoseconds; what TensorE takes of it, and the engines for prologues. */
  readonly ns: number;
  readonly tensor: number;
  readonly work: number;
}

/** One operand, as far as its cost goes. */
export interface Load {
  /** Bytes in memory for one element, and the type in the array. */
  readonly bytes: number;
  readonly to: DType;
  /** Transposed on the way in, or on chip where it is computed. */
  readonly turned: boolean;
  readonly K: number;
  readonly computed?: Computed | undefined;
}

/** What computing an operand takes. */
export interface Computed {
  /** Nanoseconds of the engines for one column over all of K. */
  readonly work: number;
  /** Bytes that it stores in memory for one element. */
  readonly kept: number;
}

export interface Task {
  readonly batch: number;
  readonly M: number;
  /** Columns of every segment. */
  readonly N: readonly number[];
  /** Rows of a K tile; fp8 K tiles may come in pairs. */
  readonly height: number;
  readonly paired: boolean;
  /** K must not be cut. */
  readonly wholeK: boolean;
  /** Operands that a chunk of a side holds. */
  readonly sides: readonly [readonly Load[], readonly Load[]];
  /** K of the products that are summed side by side. */
  readonly products: readonly number[];
  /** Bytes that leave for one element of the result, and those an epilogue reads. */
  readonly resultBytes: number;
  readonly readBytes: number;
  /** Instructions of ScalarE or VectorE over a unit. */
  readonly steps: number;
  /** Units start and end at multiples of this many columns. */
  readonly columnStep: number;
  /** Columns of the result that one store takes at most; 1 unit where 0. */
  readonly rowColumns: number;
  /** SBUF of a partition that the result's tiles and everything else take. */
  readonly reserved: number;
}

const ceil = (a: number, b: number): number => Math.ceil(a / b);
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** Bytes of a load, about. */
const LOAD_BYTES = 2 ** 20;

/** K tiles whose loading the array waits for at the start; more come while it works. */
const FIRST_TILES = 4;

/** What parts that run beside the busiest one cost, as a share of their own time. */
const BESIDE = 0.05;

/** What an instruction costs beyond its time on the chip: a host has to make and carry out each. */
const EACH_NS = 2;

/** Share of SBUF that rings take at most: what is left evens out that rings are allocated in whole lines. */
const USABLE = 0.97;

/** Columns of a unit: what PSUM holds for two units at least, in whole steps; 0 where one step is too wide. */
export function widestUnit(chip: Chip, products: number, columnStep: number): number {
  const bank = bankColumns(chip);
  const most = Math.floor(psumBanks(chip) / (2 * products)) * bank;
  const good = Math.max(bank, Math.floor((2 * bank) / products));
  if (columnStep > most) return 0;
  return Math.max(columnStep, Math.floor(Math.min(good, most) / columnStep) * columnStep);
}

/** The best tiling found, or undefined where not even the smallest fits SBUF. */
export function tilingFor(chip: Chip, task: Task): Tiling | undefined {
  let best: Tiling | undefined;
  for (const t of candidates(chip, task)) if (!best || t.ns < best.ns) best = t;
  return best;
}

/** That nothing fits. */
export const tooSmall = (chip: Chip, { products, reserved }: Task): OpenTrnError =>
  new OpenTrnError(
    `${chip.name} has no room in SBUF for tiles of a matmul with K of ${products.join(" and ")} beside ${reserved} bytes a partition for what is computed of its operands and results; compute that apart`,
    { category: "capacity", rule: "lowering" },
  );

const pairOf = (resident: 0 | 1, mine: number, other: number): readonly [number, number] =>
  resident === 0 ? [mine, other] : [other, mine];

/** K tiles of so many K. */
const tilesOf = ({ height, paired }: Task, K: number): number => tileCount({ K, height, paired });

function* candidates(chip: Chip, task: Task): Generator<Tiling> {
  const rows = chip.tensor.rows.value;
  const room = chip.sbuf.usableBytesPerPartition.value * USABLE - task.reserved;
  const tiles = tilesOf(task, Math.max(...task.products));
  const unit = widestUnit(chip, task.products.length, task.columnStep);
  const widest = Math.max(...task.N);
  const whole = (n: number): number => ceil(n, task.columnStep) * task.columnStep;
  const widths = [
    [rows, 2 * rows, 4 * rows].map((n) => Math.min(n, task.M)),
    [unit / 4, unit / 2, unit].map((n) => Math.min(whole(n), widest)),
  ].map((list) => [...new Set(list)]);
  /** Bytes of a partition for one column of a side over some K tiles. */
  const column = (side: 0 | 1, most: number): number =>
    sum(task.sides[side].map((o) => Math.min(tilesOf(task, o.K), most) * bytesOf(o.to)));
  for (const left of widths[0]!)
    for (const right of widths[1]!) {
      const chunk = [left, right] as const;
      const counts = [
        ceil(task.M, left) * task.batch,
        sum(task.N.map((n) => ceil(n, right))) * task.batch,
      ] as const;
      const size = (side: 0 | 1, most: number): number => chunk[side] * column(side, most);
      const shared = { chunk, unit: Math.min(unit, right) };
      for (const resident of [0, 1] as const) {
        const stream = resident === 0 ? 1 : 0;
        const mine = counts[resident] / task.batch;
        for (const depth of [3, 2]) {
          const ring = Math.min(depth, counts[stream]);
          const fit = Math.floor((room - ring * size(stream, tiles)) / size(resident, tiles));
          const spare = counts[resident] > fit || task.batch > 1 ? 1 : 0;
          const block = Math.min(mine, fit - spare);
          if (block < 1) continue;
          const slots = Math.min(fit, block + spare, counts[resident]);
          yield timed(chip, task, {
            ...shared,
            resident,
            block: pairOf(resident, block, counts[stream]),
            slots: pairOf(resident, slots, ring),
            kTiles: tiles,
          });
        }
      }
      if (task.products.length === 1 && !task.wholeK)
        for (const block of blocksOfSums(counts))
          for (const kTiles of [64, 32, 16, 8, 4]) {
            if (kTiles >= tiles) continue;
            const slots = [block[0] + 1, block[1] + 1] as const;
            const waiting = 4 * block[1] * right * ceil(block[0] * left, rows);
            const held = slots[0] * size(0, kTiles) + slots[1] * size(1, kTiles);
            if (held + waiting > room) continue;
            yield timed(chip, task, { ...shared, resident: 0, block, slots, kTiles });
          }
    }
}

/** Blocks of the result whose sums wait in SBUF, in chunks. */
function* blocksOfSums(counts: readonly [number, number]): Generator<readonly [number, number]> {
  for (const l of [1, 2, 4, 8, 16])
    for (const r of [1, 2, 4, 8])
      if (l < 2 * counts[0] && r < 2 * counts[1])
        yield [Math.min(l, counts[0]), Math.min(r, counts[1])];
}

/** The tiling with its predicted time: the busiest of TensorE, DMA and the engines that empty PSUM, and what comes before and after. */
function timed(chip: Chip, task: Task, t: Omit<Tiling, "ns" | "tensor" | "work">): Tiling {
  const rows = chip.tensor.rows.value;
  const { M, batch } = task;
  const N = sum(task.N);
  const { height } = task;
  const tiles = tilesOf(task, Math.max(...task.products));
  const kBlocks = ceil(tiles, t.kTiles);
  const mTiles = ceil(M, rows);
  const dtype = task.sides[0][0]!.to;
  const columns = Math.min(bankColumns(chip), t.unit);
  const strip = sum(
    task.N.map((n) => {
      const rest = n % columns;
      const last = rest > 0 ? matmulNs(chip, dtype, rest) : 0;
      return Math.floor(n / columns) * matmulNs(chip, dtype, columns) + last;
    }),
  );
  const tensor = batch * mTiles * strip * sum(task.products.map((K) => tilesOf(task, K)));
  const matmuls = batch * mTiles * sum(task.N.map((n) => ceil(n, columns))) * tiles;
  const widths = [M, N] as const;
  const blocks = [0, 1].map((i) =>
    ceil(widths[i as 0 | 1], t.chunk[i as 0 | 1] * t.block[i as 0 | 1]),
  );
  let [load, loads, first, work] = [0, 0, 0, 0];
  for (const side of [0, 1] as const) {
    // Loaded once where it stays, and once for every block of the other side where it streams.
    const once = kBlocks === 1 && (side === t.resident || blocks[t.resident] === 1);
    const times = batch * (once ? 1 : blocks[1 - side]!);
    for (const o of task.sides[side]) {
      const { bytes, computed } = o;
      const elements = times * widths[side] * o.K;
      const piece = computed ? chip.dma.packetBytes.value : t.chunk[side] * bytes;
      const rate = o.turned && !computed ? transposeRate(chip) : dmaRate(chip, piece, "read");
      load += (elements * bytes) / rate;
      if (computed) {
        work += times * widths[side] * computed.work;
        const way = dmaRate(chip, piece, "write");
        const onChip = o.turned ? way * chip.dma.transposeOnChipRate.value : way;
        load += elements * (bytesOf(o.to) / onChip + computed.kept / way);
      }
      const depth = Math.min(o.K, t.kTiles * height);
      const transfers =
        ceil(t.chunk[side] * depth * bytes, LOAD_BYTES) +
        (o.K % height > 0 && o.K > height ? 1 : 0);
      loads += times * ceil(widths[side], t.chunk[side]) * ceil(o.K, depth) * transfers;
      first += (t.chunk[side] * Math.min(o.K, FIRST_TILES * height) * bytes) / rate;
    }
  }
  // With the left operand staying, columns of a unit are all that one store can take.
  const row = Math.min(
    N,
    t.resident === 0 || kBlocks > 1 ? t.unit : Math.max(t.unit, task.rowColumns),
  );
  const written =
    (batch * M * N * task.resultBytes) / dmaRate(chip, row * task.resultBytes, "write");
  const read = (batch * M * N * task.readBytes) / dmaRate(chip, t.unit * 2, "read");
  const stores = batch * mTiles * ceil(N, row);
  const { hardware, software } = chip.dma.issueNs;
  const dma = Math.max(load + written + read, loads * hardware.value, stores * software.value);
  const { vector, scalar } = chip.engines;
  const units = batch * mTiles * ceil(N, t.unit);
  const both = 1 / (1 / streamNs(vector, t.unit) + 1 / streamNs(scalar, t.unit));
  // Only VectorE adds two tiles.
  const adds = (kBlocks - 1) * streamNs(vector, t.unit);
  const drain = units * Math.max(both * (kBlocks - 1 + task.steps), adds) + work;
  const parts = [tensor, dma, drain];
  // What runs beside the busiest part gets in its way now and then.
  const most = Math.max(...parts);
  return {
    ...t,
    tensor,
    work,
    ns: loadLatencyNs(chip) + first + most + BESIDE * (sum(parts) - most) + EACH_NS * matmuls,
  };
}
