/**
 * A timeline as a trace: one process a core with a track for every engine and DMA queue in use, and counters for memory in use and
 * semaphores. Slices and counters are made while an exporter asks for them.
 */
import { toNanoseconds } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Storage } from "@opentrn/isa";
import { TRACE_VERSION, type TraceCounter, type TraceModel, type TraceTrack } from "@opentrn/trace";
import { NO_QUEUE } from "./graph.ts";
import { type StorageTimes, storageTimes } from "./storage-times.ts";
import type { Timeline } from "./timeline.ts";
import { slicesOf, type TrackList } from "./trace-slices.ts";
import { queues, units } from "./units.ts";

const titles = ["TensorE", "VectorE", "ScalarE", "GpSimd", "SyncE"] as const;
const onChip = ["sbuf", "psum"] as const;

/** Track ids of a core: units and queues, their semaphores, memories. HBM comes after all cores. */
const SOURCES = units.length + queues.length;
const PER_CORE = 2 * SOURCES + onChip.length;

/** The trace of a timeline. */
export function traceOf(t: Timeline): TraceModel {
  const { program } = t;
  const lists = trackLists(t);
  const used = new Set(lists.map((l) => l.track));
  const tracks: TraceTrack[] = [];
  for (let core = 0; core < program.cores; core++) {
    const add = (n: number, name: string, kind: TraceTrack["kind"]): void => {
      tracks.push({ id: core * PER_CORE + n, process: core, name, kind });
    };
    const sources = Array.from({ length: SOURCES }, (_, n) => n).filter((n) =>
      used.has(core * PER_CORE + n),
    );
    for (const n of sources) add(n, titleOf(n), n < units.length ? "engine" : "queue");
    onChip.forEach((s, n) => {
      add(2 * SOURCES + n, `${s.toUpperCase()} in use`, "bytes");
    });
    for (const n of sources) add(SOURCES + n, `semaphore of ${titleOf(n)}`, "count");
  }
  tracks.push({ id: program.cores * PER_CORE, process: 0, name: "HBM in use", kind: "bytes" });
  return {
    version: TRACE_VERSION,
    name: program.name,
    target: program.chip.name,
    totalNs: t.totalNs,
    facts: factsOfChip(program.chip),
    processes: Array.from({ length: program.cores }, (_, id) => ({
      id,
      name: `NeuronCore ${id} (${program.chip.name}, ${program.name})`,
    })),
    tracks,
    slices: { [Symbol.iterator]: () => slicesOf(t, lists) },
    counters: { [Symbol.iterator]: () => counters(t, lists) },
  };
}

/** The chip as profiles describe it. */
function factsOfChip({ dma, hbm, tensor, engines }: Chip): Readonly<Record<string, number>> {
  return {
    num_dma_engines_per_neuroncore: dma.enginesPerCore.value,
    dma_ddr_bandwidth: 1e9 * dma.bytesPerNs.value * dma.enginesPerCore.value,
    hbm_ddr_bandwidth: (1e9 * hbm.bytesPerNs.value) / hbm.stacks.value,
    tensor_engine_num_rows: tensor.rows.value,
    tensor_engine_num_cols: tensor.columns.value,
    tensor_engine_clock_freq: tensor.clockGHz.value,
    vector_engine_clock_freq: engines.vector.clockGHz.value,
    scalar_engine_clock_freq: engines.scalar.clockGHz.value,
    gpsimd_engine_clock_freq: engines.gpsimd.clockGHz.value,
  };
}

const titleOf = (source: number): string =>
  titles[source] ?? `DMA ${queues[source - units.length]!.name}`;

/** Instances of every track, in program order: units with what they issue, queues with their transfers. */
function trackLists(t: Timeline): TrackList[] {
  const { graph, program } = t;
  const lists: number[][] = Array.from({ length: program.cores * PER_CORE }, () => []);
  for (let i = 0; i < graph.count; i++) {
    const core = Math.floor(graph.unit[i]! / units.length) * PER_CORE;
    lists[core + (graph.unit[i]! % units.length)]!.push(i);
    const q = graph.queue[i]!;
    if (q !== NO_QUEUE) lists[core + units.length + q]!.push(i);
  }
  return lists.flatMap((list, track) =>
    list.length === 0
      ? []
      : [
          {
            track,
            kind: track % PER_CORE < units.length ? ("unit" as const) : ("queue" as const),
            instances: Int32Array.from(list),
          },
        ],
  );
}

function* counters(t: Timeline, lists: readonly TrackList[]): Generator<TraceCounter> {
  const times = storageTimes(t.program, t.graph, t.schedule);
  for (let core = 0; core < t.program.cores; core++)
    for (const [n, space] of onChip.entries())
      yield* memory(t, times, core * PER_CORE + 2 * SOURCES + n, (s) => {
        return s.space === space && Math.max(s.core, 0) === core;
      });
  yield* memory(t, times, t.program.cores * PER_CORE, (s) => s.space === "hbm");
  const waited = new Uint8Array(t.graph.count);
  for (const p of t.graph.producer) waited[p] = 1;
  for (const list of lists) yield* semaphore(t, list, waited);
}

/** How far a unit or queue has counted its semaphore up: one an instruction that others wait for, one a DMA engine. */
function* semaphore(t: Timeline, list: TrackList, waited: Uint8Array): Generator<TraceCounter> {
  const isQueue = list.kind === "queue";
  const step = isQueue ? t.program.chip.dma.enginesPerCore.value : 1;
  let value = 0;
  for (const i of list.instances) {
    if (waited[i] === 0 || (!isQueue && t.graph.queue[i] !== NO_QUEUE)) continue;
    value += step;
    yield { track: list.track + SOURCES, ns: toNanoseconds(t.schedule.end[i]!), value };
  }
}

/** Bytes of a memory in use: a storage counts from its first user's start to its last user's end. */
function* memory(
  t: Timeline,
  times: StorageTimes,
  track: number,
  mine: (s: Storage) => boolean,
): Generator<TraceCounter> {
  const chosen = t.program.storages.filter((s) => Number.isFinite(times.from[s.id]) && mine(s));
  const at = new Float64Array(2 * chosen.length);
  chosen.forEach((s, n) => {
    at[2 * n] = times.from[s.id]!;
    at[2 * n + 1] = times.to[s.id]!;
  });
  const order = Uint32Array.from(at, (_, k) => k).sort((a, b) => at[a]! - at[b]! || a - b);
  let bytes = 0;
  for (const [n, k] of order.entries()) {
    const s = chosen[k >> 1]!;
    bytes += (k % 2 === 0 ? 1 : -1) * s.rowBytes * s.partitions;
    const later = order[n + 1];
    if (later === undefined || at[later] !== at[k])
      yield { track, ns: toNanoseconds(at[k]!), value: bytes };
  }
}
