/**
 * What one DMA instruction asks of each of the 16 engines: packets of at most 4 KiB, one per contiguous piece that source and
 * destination share. Pieces go to the engine that serves their SBUF partition, or evenly to all engines between HBM tensors.
 * Packet times are measured (docs/time.md); a transfer that converts, computes or transposes runs at the chip's documented rate.
 */
import { toTicks } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { AnyCall, AnyInstruction, OperandSpec, Tile } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";

export interface DmaShape {
  /** Ticks every engine of the core is busy, semaphore write included. */
  readonly service: Float64Array;
  /** Bytes moved, counted once at the destination's width. */
  readonly bytes: number;
  readonly hbmRead: number;
  readonly hbmWrite: number;
  readonly packets: number;
  /** Contiguous pieces, each of which needs a descriptor. */
  readonly pieces: number;
  readonly reads: "hbm" | "sbuf";
  readonly writes: "hbm" | "sbuf";
}

const elements = (t: Tile): number => t.shape.reduce((a, b) => a * b, 1);
const tileBytes = (t: Tile): number => elements(t) * bytesOf(t.dtype);

/** Elements that follow each other in memory as the pattern runs through them. */
function runElements(t: Tile): number {
  const dims = t.space === "hbm" ? t.shape : t.shape.slice(1);
  const gathered = t.dynamic === "vector" && t.space === "hbm" ? 1 : 0;
  let run = 1;
  for (let d = dims.length - 1; d >= gathered; d--) {
    if (dims[d] === 1) continue;
    if (t.strides[d] !== run) break;
    run *= dims[d]!;
  }
  return run;
}

/** Operands of a transfer by direction. */
function ends(op: AnyInstruction, call: AnyCall): { sources: Tile[]; targets: Tile[] } {
  const sources: Tile[] = [];
  const targets: Tile[] = [];
  for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
    const t = call.tile[name];
    if (t === undefined) continue;
    if (spec.role !== "in") targets.push(t);
    if (spec.role !== "out") sources.push(t);
  }
  return { sources, targets };
}

/** The shape of a transfer whose on-chip end starts `shift` partitions after what its class says (pinned tensors). */
export function dmaShape(op: AnyInstruction, call: AnyCall, shift: number): DmaShape {
  const { chip } = call;
  const dma = chip.dma;
  const { sources, targets } = ends(op, call);
  const to = targets[0] ?? sources[0]!;
  const from = sources[0] ?? to;
  const moved = Math.max(tileBytes(to), tileBytes(from));
  const computes = sources.length > 1 || from.dtype !== to.dtype;
  const transposes = op.name === "dma_transpose";
  const rate = transposes
    ? from.space === "hbm"
      ? dma.transposeRate.value
      : dma.transposeOnChipRate.value
    : computes
      ? dma.castRate.value
      : 1;
  const fromHbm = sources.some((t) => t.space === "hbm");
  const bytesPerNs = (fromHbm ? dma.readBytesPerNs.value : dma.bytesPerNs.value) * rate;
  const width = Math.max(bytesOf(from.dtype), bytesOf(to.dtype));
  const onChip = [to, from].find((t) => t.space !== "hbm");
  const common = Math.min(runElements(from), runElements(to)) * width;
  const piece = transposes
    ? dma.packetBytes.value
    : onChip
      ? common
      : Math.min(common, dma.packetBytes.value);
  const service = new Float64Array(dma.enginesPerCore.value);
  const packets = spread(chip, service.length, moved, piece, onChip, shift, transposes);
  const packetNs = dma.packetNs.value;
  const piecePackets = Math.max(1, Math.ceil(piece / dma.packetBytes.value));
  const pieceNs = piecePackets * packetNs + piece / bytesPerNs;
  const semaphoreNs = packetNs + dma.semaphoreBytes.value / dma.bytesPerNs.value;
  let total = 0;
  packets.forEach((pieces, e) => {
    service[e] = toTicks(pieces * pieceNs + semaphoreNs);
    total += pieces * piecePackets;
  });
  const hbm = (tiles: readonly Tile[]): number =>
    tiles.reduce((n, t) => n + (t.space === "hbm" ? tileBytes(t) : 0), 0);
  return {
    service,
    bytes: tileBytes(to),
    hbmRead: hbm(sources),
    hbmWrite: hbm(targets),
    packets: Math.round(total),
    pieces: Math.ceil(moved / piece),
    reads: fromHbm ? "hbm" : "sbuf",
    writes: to.space === "hbm" ? "hbm" : "sbuf",
  };
}

/** Pieces (possibly a fraction of the last one) that each engine moves. */
function spread(
  chip: Chip,
  engines: number,
  moved: number,
  piece: number,
  onChip: Tile | undefined,
  shift: number,
  transposes: boolean,
): number[] {
  const pieces = moved / piece;
  if (onChip === undefined || transposes) {
    const whole = Math.max(pieces, 1);
    const used = Math.min(engines, Math.ceil(whole));
    return Array.from({ length: engines }, (_, e) => (e < used ? whole / used : 0));
  }
  const lanes = chip.dma.partitionsPerEngine.value;
  const counts = new Array<number>(engines).fill(0);
  const first = onChip.startPartition + shift;
  const perPartition = pieces / onChip.partitions;
  for (let p = first; p < first + onChip.partitions; p++)
    counts[Math.floor(p / lanes) % engines]! += perPartition;
  return counts;
}
