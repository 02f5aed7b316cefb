/** What the parts of a matmul cost on a chip, in nanoseconds, from its facts; the same formulas as the instruction records'. */
import type { Chip, EngineFacts } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";

/** A matmul of one K tile with `columns` moving columns. */
export function matmulNs({ tensor }: Chip, dtype: DType, columns: number): number {
  const passes = dtype === "float32" ? tensor.fp32Passes.value : 1;
  const stream = passes * Math.max(tensor.minimumCycles.value, columns);
  return (stream + Math.ceil(passes / 2) * tensor.fixedCycles.value) / tensor.clockGHz.value;
}

/** An instruction of ScalarE or VectorE over `columns` elements a partition, one a cycle. */
export const streamNs = (engine: EngineFacts, columns: number): number =>
  Math.max(engine.minimumCycles.value, columns / engine.width.value + engine.fixedCycles.value) /
  engine.clockGHz.value;

/** Bytes a nanosecond of all DMA engines of a core for contiguous pieces of `piece` bytes. */
export function dmaRate({ dma, hbm, cores }: Chip, piece: number, way: "read" | "write"): number {
  const engine = way === "read" ? dma.readBytesPerNs.value : dma.bytesPerNs.value;
  const packet = Math.min(piece, dma.packetBytes.value);
  const engines = (dma.enginesPerCore.value * packet) / (dma.packetNs.value + packet / engine);
  return Math.min(engines, hbm.bytesPerNs.value / cores.value);
}

/** The same for transposing loads. */
export const transposeRate = (chip: Chip): number =>
  dmaRate(chip, chip.dma.packetBytes.value, "read") * chip.dma.transposeRate.value;

/** From the trigger of a load to the first instruction that can use its data. */
export const loadLatencyNs = ({ dma }: Chip): number =>
  dma.startNs.hardwareRead.value + dma.completeNs.value;

/** Elements of fp32 in one PSUM bank. */
export const bankColumns = ({ psum }: Chip): number => psum.bankBytes.value / bytesOf("float32");

/** Banks of PSUM. */
export const psumBanks = ({ psum }: Chip): number => psum.banks.value;
