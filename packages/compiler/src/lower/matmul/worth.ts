/** Quick answers for those who ask whether a group should be one: whether its tiles fit SBUF, and whether computing operands here pays. */
import type { Chip } from "@opentrn/chips";
import { type Operation, sizeOf, type Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { BlockSpec } from "../rows/block.ts";
import { bankColumns, dmaRate, matmulNs, streamNs } from "./costs.ts";
import type { MatmulGroup, Segment } from "./group.ts";
import { stepsOf, workOf } from "./plan.ts";
import { dimsOf } from "./product.ts";
import type { Prologue } from "./prologue.ts";
import { widestUnit } from "./tiling.ts";

/** Share of SBUF that tiles of epilogues and prologues may seem to need; the rest is for operands. */
const MOST = 0.6;

/** Share of SBUF that those and the smallest chunks of operands may seem to need. */
const LEAST = 0.9;

/** Tiles of a block beyond those that are alive together, for buffers of other sizes. */
const SPARE = 1;

/** What a Program takes before and after what it does, in nanoseconds, about. */
const START_NS = 6_000;

/** Why the group is better cut, or undefined. */
export function cutFault({ segments, prologues }: MatmulGroup, chip: Chip): string | undefined {
  let bytes = 0;
  for (const { epilogue, dots, columnStep } of segments) {
    const unit = widestUnit(chip, dots.length, columnStep);
    if (unit === 0)
      return `what follows dot_general needs ${columnStep} columns at a time; PSUM does not hold that of ${dots.length} products twice`;
    if (epilogue) bytes += tileBytes(epilogue, unit);
  }
  for (const p of prologues.values()) {
    const { value, columns } = p.spec.root;
    const all = columns.reduce((n, d) => n * value.type.shape[d]!, 1);
    bytes += tileBytes(p.spec, p.local ? Math.min(all, 2 * bankColumns(chip)) : all);
  }
  const sbuf = chip.sbuf.usableBytesPerPartition.value;
  const least = chunkBytes(segments, prologues, chip);
  if (bytes + least > LEAST * sbuf)
    return `K of the products is too long for SBUF all at once: tiles take about ${kib(least)} of a partition`;
  const room = MOST * sbuf;
  if (bytes > room)
    return `tiles for what is computed beside dot_general take about ${kib(bytes)} of a partition, ${kib(room)} is what operands leave`;
  if (prologues.size === 0) return undefined;
  const [here, apart] = times(segments, prologues, chip);
  return here > apart
    ? `with what comes before it, dot_general would take ${us(here)}, apart ${us(apart)}`
    : undefined;
}

/** Bytes of a partition for the smallest chunks of operands that must be there over all of K; 0 where K can be cut. */
function chunkBytes(
  segments: readonly Segment[],
  prologues: ReadonlyMap<Value, Prologue>,
  chip: Chip,
): number {
  const { dots } = segments[0]!;
  const whole = [...prologues.values()].some((p) => p.turned && !p.local);
  if (dots.length === 1 && !whole) return 0;
  const rows = chip.tensor.rows.value;
  const seen = new Set<Value>();
  let bytes = 0;
  for (const dot of dots)
    for (const side of [0, 1] as const) {
      const v = dot.operands[side]!;
      if (seen.has(v)) continue;
      seen.add(v);
      const K = dimsOf(dot, side).k.reduce((n, d) => n * v.type.shape[d]!, 1);
      // One chunk that stays and the next one, or two that stream by.
      bytes += 2 * rows * Math.ceil(K / rows) * bytesOf(v.type.dtype);
    }
  return bytes;
}

const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
const us = (ns: number): string => `${(ns / 1000).toFixed(0)} us`;

/** Bytes of a partition for a block of so many columns: the most values alive together, in the order of execution. */
function tileBytes({ ops, results, root }: BlockSpec, columns: number): number {
  const whole = sizeOf(root.value.type.shape);
  const size = (v: Value): number =>
    sizeOf(v.type.shape) * 2 > whole ? columns * bytesOf(v.type.dtype) : 0;
  const last = new Map<Value, Operation>();
  for (const op of ops) for (const v of op.operands) last.set(v, op);
  const kept = new Set(results);
  const alive = new Set<Value>();
  // Vectors along the columns stay on all partitions.
  let now = [...last.keys()].reduce((n, v) => {
    const vector = v.op.name === "parameter" && size(v) === 0 && 2 * sizeOf(v.type.shape) > columns;
    return n + (vector ? columns * bytesOf(v.type.dtype) : 0);
  }, 0);
  let most = now;
  for (const op of ops) {
    if (op.name === "broadcast_in_dim" || op.name === "constant") continue;
    for (const v of [...op.operands, ...op.results])
      if (!alive.has(v)) {
        alive.add(v);
        now += size(v);
      }
    most = Math.max(most, now);
    for (const v of op.operands)
      if (last.get(v) === op && !kept.has(v) && alive.has(v)) {
        alive.delete(v);
        now -= size(v);
      }
  }
  return most + SPARE * columns * bytesOf("float32");
}

/** Nanoseconds of the group as it is, and with its operands computed by Programs of their own. */
function times(
  segments: readonly Segment[],
  prologues: ReadonlyMap<Value, Prologue>,
  chip: Chip,
): readonly [here: number, apart: number] {
  const rows = chip.tensor.rows.value;
  const rate = dmaRate(chip, chip.dma.packetBytes.value, "read");
  const turning = rate * chip.dma.transposeOnChipRate.value;
  const bank = bankColumns(chip);
  let [tensor, plain, drain] = [0, 0, 0];
  const operands = new Map<Value, number>();
  for (const s of segments)
    for (const dot of s.dots) {
      const { shape, dtype } = dot.results[0]!.type;
      const { k } = dimsOf(dot, 0);
      const K = k.reduce((n, d) => n * dot.operands[0]!.type.shape[d]!, 1);
      const tiles = Math.ceil(K / rows) * Math.ceil(sizeOf(shape) / rows / bank);
      const units = Math.ceil(sizeOf(shape) / rows / bank);
      tensor += tiles * matmulNs(chip, dot.operands[0]!.type.dtype, bank);
      drain += (units * stepsOf(s) * streamNs(chip.engines.vector, bank)) / 2 / s.dots.length;
      plain += sizeOf(shape) * bytesOf(dtype);
      for (const v of dot.operands) operands.set(v, K);
    }
  let [moved, work, apart] = [0, 0, 0];
  for (const [v, K] of operands) {
    const size = sizeOf(v.type.shape);
    plain += size * bytesOf(v.type.dtype);
    const p = prologues.get(v);
    if (!p) continue;
    const mine = (size / K) * workOf(chip, p, K);
    work += mine;
    moved += size * ((p.read - p.own + p.kept) / rate + p.own / (p.turned ? turning : rate));
    apart += START_NS + Math.max(mine, (size * (p.read + p.kept + p.own)) / rate);
  }
  const here = Math.max(tensor, plain / rate + moved, drain + work);
  return [here, apart + Math.max(tensor, plain / rate, drain)];
}
