/** How well DMA engines are used: rates, sizes of descriptors, queues. */
import { toNanoseconds } from "@opentrn/base";
import { type DmaShape, NO_QUEUE, queues, units } from "@opentrn/device";
import type { Execution } from "./execution.ts";
import type { DmaReport, QueueReport, SizeClass } from "./profile-report.ts";
import { shareOf } from "./rows.ts";

/** Borders of the size classes, bytes: below 64 B even a packet's own time is not paid for, from 512 B on engines come near their rate. */
const BORDERS = [0, 64, 512, 2048, 4096] as const;

/** Counts pieces by size. */
export class Sizes {
  private readonly classes = BORDERS.map((from, k) => ({
    from,
    to: BORDERS[k + 1] ?? null,
    descriptors: 0,
    bytes: 0,
  }));

  add(pieceBytes: number, pieces: number): void {
    let k = BORDERS.length - 1;
    while (k > 0 && pieceBytes < BORDERS[k]!) k--;
    this.classes[k]!.descriptors += pieces;
    this.classes[k]!.bytes += pieceBytes * pieces;
  }

  report(): SizeClass[] {
    return this.classes.filter((c) => c.descriptors > 0);
  }
}

/** Time in which at least one of several spans lasts. */
export class Spans {
  private readonly from: number[] = [];
  private readonly to: number[] = [];

  add(from: number, to: number): void {
    this.from.push(from);
    this.to.push(to);
  }

  covered(): number {
    const order = Uint32Array.from(this.from, (_, i) => i).sort(
      (a, b) => this.from[a]! - this.from[b]!,
    );
    let [sum, until] = [0, Number.NEGATIVE_INFINITY];
    for (const i of order) {
      const to = this.to[i]!;
      if (to <= until) continue;
      sum += to - Math.max(this.from[i]!, until);
      until = to;
    }
    return sum;
  }
}

interface QueueSums {
  transfers: number;
  bytes: number;
  readonly spans: Spans;
}

/** Mean bytes of a descriptor. */
export const pieceBytes = (s: DmaShape): number => (s.pieces > 0 ? s.bytes / s.pieces : 0);

export function dmaReport(e: Execution): DmaReport {
  const { graph, schedule, chip, cores } = e;
  const sizes = new Sizes();
  const found = new Map<number, QueueSums>();
  const all = new Spans();
  let descriptors = 0;
  for (let i = 0; i < graph.count; i++) {
    const queue = graph.queue[i]!;
    if (queue === NO_QUEUE) continue;
    const shape = e.shapeOf(i);
    descriptors += shape.pieces;
    sizes.add(pieceBytes(shape), shape.pieces);
    const key = Math.floor(graph.unit[i]! / units.length) * queues.length + queue;
    let s = found.get(key);
    if (!s) {
      s = { transfers: 0, bytes: 0, spans: new Spans() };
      found.set(key, s);
    }
    s.transfers++;
    s.bytes += shape.bytes;
    s.spans.add(schedule.firstData[i]!, schedule.end[i]!);
    all.add(schedule.firstData[i]!, schedule.end[i]!);
  }
  const { dma } = schedule;
  const active = toNanoseconds(all.covered());
  const rate = shareOf(dma.bytes, active);
  const peak = chip.dma.enginesPerCore.value * chip.dma.bytesPerNs.value * cores;
  return {
    transfers: dma.transfers,
    descriptors,
    packets: dma.packets,
    bytes: dma.bytes,
    active_ns: active,
    active_share: shareOf(active, e.totalNs),
    bytes_per_ns: rate,
    peak_bytes_per_ns: peak,
    efficiency: rate / peak,
    sizes: sizes.report(),
    queues: queueReports(found),
  };
}

function queueReports(found: ReadonlyMap<number, QueueSums>): QueueReport[] {
  const byQueue = new Map<number, { transfers: number; bytes: number; ns: number }>();
  for (const [key, s] of found) {
    const queue = key % queues.length;
    const sum = byQueue.get(queue) ?? { transfers: 0, bytes: 0, ns: 0 };
    sum.transfers += s.transfers;
    sum.bytes += s.bytes;
    sum.ns += toNanoseconds(s.spans.covered());
    byQueue.set(queue, sum);
  }
  return [...byQueue]
    .sort((a, b) => b[1].bytes - a[1].bytes)
    .map(([queue, { transfers, bytes, ns }]) => ({
      queue: queues[queue]!.name,
      transfers,
      bytes,
      active_ns: ns,
      bytes_per_ns: shareOf(bytes, ns),
    }));
}
