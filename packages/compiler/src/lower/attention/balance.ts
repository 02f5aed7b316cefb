/** Keeps the engines of a chip busy alike. */
import type { Chip } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";
import { P } from "./plan.ts";

/** Bytes of q, k, v and o that go through DMA for 128 x 128 scores, or the share of them. */
export interface ChunkTraffic {
  readonly bytes: number;
  readonly dtype: DType;
}

/**
 * Share of weights that TensorE turns, the rest being turned by the DMA engines, so that these are busy as long as VectorE and ScalarE:
 * they make maxima and exponentials, and copy what TensorE turns.
 */
export function shareOfTensor(chip: Chip, { bytes, dtype }: ChunkTraffic): number {
  const { vector, scalar } = chip.engines;
  const { dma } = chip;
  const elements = (P / vector.clockGHz.value + P / scalar.clockGHz.value) / 2;
  // Measured on the timeline: what comes once a segment is nearly half as much again.
  const others = 1.4 * elements;
  const copy = dtype === "float32" ? elements : elements * 0.7;
  const engines = dma.enginesPerCore.value;
  const turn =
    (P * P * bytesOf(dtype)) / (dma.bytesPerNs.value * dma.transposeOnChipRate.value * engines);
  // Pieces are short, so that a fifth of the time goes into packets.
  const loads = (1.2 * bytes) / (dma.readBytesPerNs.value * engines);
  const share = (turn + loads - others) / (turn + copy / 2);
  return Math.min(1, Math.max(0, share));
}

/** Matmuls for 128 x 128 scores: with d rows of TensorE in use, and with all and d columns. */
export interface ChunkMatmuls {
  readonly scores: number;
  readonly products: number;
}

/** Whether features are padded to all rows of TensorE: its duty limiter counts a matmul by the rows it uses, and would halve its rate. */
export function wantsAllRows(chip: Chip, d: number, { scores, products }: ChunkMatmuls): boolean {
  const { duty } = chip.tensor;
  if (!duty || d >= P) return false;
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
