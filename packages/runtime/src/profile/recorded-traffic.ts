/** DMA and HBM traffic as a recording has them: packets with their real sizes and times. */
import type { Chip } from "@opentrn/chips";
import type { Profile, ProfiledPacket } from "@opentrn/trace";
import { Sizes, Spans } from "./dma.ts";
import type { DmaReport, HbmReport, QueueReport } from "./profile-report.ts";
import { shareOf } from "./rows.ts";

/** The packet by which a DMA engine tells a semaphore that its part is done. */
const SEMAPHORE_BYTES = 4;

export function recordedDma(p: Profile, chip: Chip, cores: number): DmaReport {
  const data = p.packets.filter((k) => k.bytes !== SEMAPHORE_BYTES);
  const sizes = new Sizes();
  const spans = new Spans();
  for (const k of data) {
    sizes.add(k.bytes, 1);
    spans.add(k.start, k.start + k.duration);
  }
  const bytes = data.reduce((n, k) => n + k.bytes, 0);
  const active = spans.covered();
  const peak = chip.dma.enginesPerCore.value * chip.dma.bytesPerNs.value * cores;
  const rate = shareOf(bytes, active);
  return {
    transfers: p.instructions.filter((i) => i.opcode.startsWith("DMA_")).length,
    descriptors: data.length,
    packets: p.packets.length,
    bytes,
    active_ns: active,
    active_share: shareOf(active, p.metadata.durationNs),
    bytes_per_ns: rate,
    peak_bytes_per_ns: peak,
    efficiency: rate / peak,
    sizes: sizes.report(),
    queues: queuesOf(p, data),
  };
}

function queuesOf(p: Profile, data: readonly ProfiledPacket[]): QueueReport[] {
  const names = new Map(p.queues.map((q) => [`${q.core} ${q.id}`, q.name]));
  const byName = new Map<string, ProfiledPacket[]>();
  for (const k of data) {
    const name = names.get(`${k.core} ${k.queue}`) ?? `queue ${k.queue} (${k.source})`;
    const list = byName.get(name);
    if (list) list.push(k);
    else byName.set(name, [k]);
  }
  const reports = [...byName].map(([queue, packets]) => {
    const spans = new Spans();
    for (const k of packets) spans.add(k.start, k.start + k.duration);
    const bytes = packets.reduce((n, k) => n + k.bytes, 0);
    const active = spans.covered();
    // A dump lists packets, not which transfer each belongs to: what a queue carried is counted in packets.
    return {
      queue,
      transfers: packets.length,
      bytes,
      active_ns: active,
      bytes_per_ns: shareOf(bytes, active),
    };
  });
  return reports.sort((a, b) => b.bytes - a.bytes);
}

/** The profiler's own totals. */
export function recordedHbm({ summary }: Profile): HbmReport {
  const total = (name: string): number => {
    const value = summary[name];
    return typeof value === "number" ? value : 0;
  };
  return { read_bytes: total("hbm_read_bytes"), write_bytes: total("hbm_write_bytes") };
}

/** Time in which an engine works on tiles, as recorded. */
export function recordedActive(p: Profile, engine: string, cores: number): number {
  const byCore = new Map<string, Spans>();
  for (const i of p.instructions) {
    if (i.engine.toLowerCase() !== engine || i.name === "") continue;
    const spans = byCore.get(i.core) ?? new Spans();
    byCore.set(i.core, spans);
    spans.add(i.start, i.start + i.duration);
  }
  return [...byCore.values()].reduce((n, s) => n + s.covered(), 0) / cores;
}
