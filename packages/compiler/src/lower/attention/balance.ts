/** Keeps the engines of a chip busy alike. */
import type { Chip } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";
import { P } from "./plan.ts";

/** What 128 x 128 scores cost apart from being turned. */
export interface ChunkLoad {
  readonly dtype: DType;
  /** Bytes of operands and results that go through DMA, a share of what is reused. */
  readonly bytes: number;
  readonly matmuls: ChunkMatmuls;
  readonly d: number;
  /** VectorE's and ScalarE's time, as a multiple of one pass of each over the scores. */
  readonly passes: number;
}

/**
 * Share of weights that TensorE turns, the rest being turned by the DMA engines, so that these are not busy longer than the others:
 * what TensorE turns costs it a matmul, and VectorE or ScalarE a copy.
 */
export function shareOfTensor(chip: Chip, { dtype, bytes, matmuls, d, passes }: ChunkLoad): number {
  const { vector, scalar } = chip.engines;
  const { dma, tensor } = chip;
  const fp32 = dtype === "float32";
  const elements = (P / vector.clockGHz.value + P / scalar.clockGHz.value) / 2;
  const columns = (n: number): number =>
    Math.max(tensor.minimumCycles.value, n) / tensor.clockGHz.value;
  const scores = matmuls.scores * Math.ceil(d / P) * columns(P);
  const products = (fp32 ? tensor.fp32Passes.value : 1) * (scores + matmuls.products * columns(d));
  const others = Math.max(passes * elements, products);
  const engines = dma.enginesPerCore.value;
  const turn =
    (P * P * bytesOf(dtype)) / (dma.bytesPerNs.value * dma.transposeOnChipRate.value * engines);
  // Pieces are short, so that a fifth of the time goes into packets.
  const loads = (1.2 * bytes) / (dma.readBytesPerNs.value * engines);
  const slope = turn + Math.max(columns(P), elements / 2);
  // Half of what would make them equal, and not more than a fifth: turning by TensorE also holds up what waits behind it.
  const share = Math.min(0.2, (turn + loads - others) / slope / 2);
  return share < 0.04 ? 0 : share;
}

/** Matmuls for 128 x 128 scores: with d rows of TensorE in use, and with all and d columns. */
export interface ChunkMatmuls {
  readonly scores: number;
  readonly products: number;
}

/** Blocks of 128 x 128 scores below which a Program is over before the duty limiter matters. */
const FEW = 256;

/**
 * Whether features are padded with zeros to all rows of TensorE, for so many blocks of 128 x 128 scores: its duty limiter counts a matmul
 * by the rows it uses, and would halve its rate (docs/time.md). Whether rows of zeros count on the chip was never measured.
 */
export function wantsAllRows(
  chip: Chip,
  d: number,
  { scores, products }: ChunkMatmuls,
  blocks: number,
): boolean {
  const { duty } = chip.tensor;
  if (!duty || d >= P || blocks < FEW) return false;
  const narrow = scores * P;
  const wide = products * Math.max(chip.tensor.minimumCycles.value, d);
  const useful = (narrow * (d / P) + wide) / (narrow + wide);
  return useful * duty.coldRate.value < 1.1 * duty.threshold.value;
}

/** Work given to VectorE and ScalarE so far, in ns, so that what either can do goes to the one with less. */
export class Tally {
  private readonly chip: Chip;
  private vector = 0;
  private scalar = 0;

  constructor(chip: Chip) {
    this.chip = chip;
  }

  /** Elements a partition that an instruction of each engine takes, with its fixed part. */
  cost(engine: "vector" | "scalar", elements: number, pointer = false): number {
    const { clockGHz, fixedCycles, pointerCycles } = this.chip.engines[engine];
    const fixed = fixedCycles.value + (pointer ? pointerCycles.value : 0);
    return (elements + fixed) / clockGHz.value;
  }

  add(engine: "vector" | "scalar", ns: number): void {
    this[engine] += ns;
  }

  /** The engine that is done first when it takes that much; it is taken to do so. */
  choose(vector: number, scalar: number): "vector" | "scalar" {
    const engine = this.vector + vector < this.scalar + scalar ? "vector" : "scalar";
    this[engine] += engine === "vector" ? vector : scalar;
    return engine;
  }
}
