/** Compares a replayed profile with what it recorded, by kind of instruction. */
import type { Replay, Replayed } from "@opentrn/device";
import type { ProfiledInstruction, ProfiledPacket } from "@opentrn/trace";
import { median, quantile } from "./statistics.ts";

/** Errors of one kind of instruction. */
export interface KindError {
  readonly engine: string;
  readonly opcode: string;
  readonly n: number;
  /** Of durations, relative, in per cent. */
  readonly medianAbsPct: number;
  readonly p90AbsPct: number;
  /** Predicted less recorded start, nanoseconds. */
  readonly medianDriftNs: number;
  readonly worstDriftNs: number;
}

/** Errors of the transfers' data, nanoseconds: predicted less recorded. */
export interface TransferError {
  readonly n: number;
  readonly medianAbsStartNs: number;
  readonly medianAbsEndNs: number;
  readonly worstEndNs: number;
  /** Of the time from first to last byte, relative, in per cent. */
  readonly medianAbsSpanPct: number;
}

export interface ProfileAccuracy {
  readonly kinds: readonly KindError[];
  /** What the kernel's compiler wrote; the rest is the runtime's. */
  readonly kernel: KindError;
  readonly all: KindError;
  readonly transfers: TransferError;
  readonly total: {
    readonly measuredNs: number;
    readonly predictedNs: number;
    readonly errorPct: number;
  };
  /** Opcodes that no record describes, with how often they occur; they keep the duration they had. */
  readonly unknown: Readonly<Record<string, number>>;
  /** Opcodes of no record, timed as element by element. */
  readonly approximate: Readonly<Record<string, number>>;
  /** Instructions that waited for something outside the dump; they keep the start they had. */
  readonly given: number;
}

export function profileAccuracy(replay: Replay): ProfileAccuracy {
  const kinds = new Map<string, Replayed[]>();
  for (const r of replay.instructions) {
    const key = `${r.instruction.engine} ${r.instruction.opcode}`;
    const list = kinds.get(key);
    if (list) list.push(r);
    else kinds.set(key, [r]);
  }
  const measuredNs = replay.profile.metadata.durationNs;
  return {
    kinds: [...kinds]
      .map(([key, list]) => {
        const [engine, opcode] = key.split(" ") as [string, string];
        return kindError(engine, opcode, list);
      })
      .toSorted((a, b) => a.engine.localeCompare(b.engine) || a.opcode.localeCompare(b.opcode)),
    kernel: kindError(
      "",
      "the kernel's",
      replay.instructions.filter((r) => r.instruction.name !== ""),
    ),
    all: kindError("", "all", replay.instructions),
    transfers: transferError(replay),
    total: {
      measuredNs,
      predictedNs: replay.totalNs,
      errorPct: 100 * (replay.totalNs / measuredNs - 1),
    },
    unknown: byOpcode(replay.unknown),
    approximate: byOpcode(replay.approximate),
    given: replay.given.length,
  };
}

function byOpcode(list: readonly ProfiledInstruction[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opcode } of list) counts[opcode] = (counts[opcode] ?? 0) + 1;
  return counts;
}

function kindError(engine: string, opcode: string, list: readonly Replayed[]): KindError {
  // A duration of 0 was shorter than the profiler's clock.
  const errors = list
    .filter((r) => r.instruction.duration > 0)
    .map((r) => 100 * Math.abs(r.duration / r.instruction.duration - 1));
  const drifts = list.map((r) => r.start - r.instruction.start);
  return {
    engine,
    opcode,
    n: list.length,
    medianAbsPct: median(errors),
    p90AbsPct: quantile(errors, 0.9),
    medianDriftNs: median(drifts),
    worstDriftNs: worst(drifts),
  };
}

const worst = (values: readonly number[]): number =>
  values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);

function transferError({ profile, instructions }: Replay): TransferError {
  const recorded = recordedData(
    profile.packets,
    profile.instructions.filter((i) => i.opcode.startsWith("DMA_")),
    (i) => {
      const path = i.engine === "GpSimd" ? "" : "HW";
      const name = `q${i.engine}Dynamic${path}`;
      return profile.queues.find((q) => q.core === i.core && q.name === name)?.id;
    },
  );
  const pairs = instructions.flatMap((r) => {
    const was = recorded.get(r.instruction.id);
    return r.data && was ? [{ is: r.data, was }] : [];
  });
  const ends = pairs.map(({ is, was }) => is.end - was.end);
  return {
    n: pairs.length,
    medianAbsStartNs: median(pairs.map(({ is, was }) => Math.abs(is.start - was.start))),
    medianAbsEndNs: median(ends.map(Math.abs)),
    worstEndNs: worst(ends),
    medianAbsSpanPct: median(
      pairs.map(({ is, was }) => Math.abs(100 * ((is.end - is.start) / (was.end - was.start) - 1))),
    ),
  };
}

/** Size of the packet by which a DMA engine tells a semaphore that its part is done. */
const SEMAPHORE_BYTES = 4;

/** First to last byte of each transfer. On every engine of a queue a write to the semaphore ends a transfer's packets. */
export function recordedData(
  packets: readonly ProfiledPacket[],
  transfers: readonly ProfiledInstruction[],
  queueOf: (i: ProfiledInstruction) => number | undefined,
): ReadonlyMap<string, { readonly start: number; readonly end: number }> {
  const waiting = new Map<string, ProfiledInstruction[]>();
  for (const t of transfers) {
    const key = `${t.core} ${queueOf(t)}`;
    const list = waiting.get(key);
    if (list) list.push(t);
    else waiting.set(key, [t]);
  }
  const spans = new Map<string, { start: number; end: number }>();
  const done = new Map<string, number>();
  for (const p of packets) {
    const queue = `${p.core} ${p.queue}`;
    const engine = `${queue} ${p.engine}`;
    const turn = done.get(engine) ?? 0;
    const transfer = waiting.get(queue)?.[turn];
    if (!transfer) continue;
    if (p.bytes === SEMAPHORE_BYTES) {
      done.set(engine, turn + 1);
      continue;
    }
    const span = spans.get(transfer.id);
    const end = p.start + p.duration;
    if (span) {
      span.start = Math.min(span.start, p.start);
      span.end = Math.max(span.end, end);
    } else spans.set(transfer.id, { start: p.start, end });
  }
  return spans;
}
