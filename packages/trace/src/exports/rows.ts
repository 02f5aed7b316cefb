/** A trace as rows of the profiler's tables, one by one: column names are those of neuron-profile's dumps. */
import type { TraceModel, TraceSlice, TraceTrack } from "../schema.ts";

/** One row of `instruction`. Times are whole nanoseconds, as the profiler's. */
export interface InstructionRow {
  readonly id: number;
  readonly subgraph: string;
  /** Engine. */
  readonly label: string;
  readonly pc: number;
  readonly opcode: string;
  readonly instruction_type: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly evt_wait_time: number;
  readonly operands: string;
  readonly bir_instruction_name: string;
  readonly nki_source_location: string;
}

/** One row of `dma`: a whole transfer, where the profiler has packets. */
export interface DmaRow {
  readonly id: number;
  readonly subgraph: string;
  readonly dma_queue: string;
  readonly dma_engine: string;
  readonly queue_type: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly transfer_size: number;
  readonly instruction: string;
  /** The instruction that transfers, and when its trigger began. */
  readonly name: string;
  readonly trigger: number;
}

/** The profiler's names of engines, by ours. */
const labels: Readonly<Record<string, string>> = {
  TensorE: "Tensor",
  VectorE: "Vector",
  ScalarE: "Scalar",
  GpSimd: "GpSimd",
  SyncE: "Sync",
};

/** Our names of engines, by the profiler's. */
export const engineTitles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(labels).map(([ours, theirs]) => [theirs, ours]),
);

/** The profiler's opcodes, where they differ from the instruction's name in capitals. */
const opcodes: Readonly<Record<string, string>> = {
  nc_matmul: "MATMUL",
  nc_transpose: "MATMUL",
  activation: "ACTIVATE",
  activation_reduce: "ACTIVATE",
  tensor_copy: "COPY",
};

const subgraph = (track: TraceTrack): string => `sg${String(track.process).padStart(2, "0")}`;
const text = (slice: TraceSlice, key: string): string => String(slice.args[key] ?? "");
const number = (slice: TraceSlice, key: string): number => Number(slice.args[key] ?? 0);

function opcodeOf(name: string): string {
  if (name.endsWith(" (trigger)")) return "DMA_DIRECT2D";
  return opcodes[name] ?? name.toUpperCase();
}

const typeOf = (name: string): string => (name === "nc_transpose" ? "TRANSPOSE" : "REGULAR");

/** How a queue's descriptors come about, in the profiler's words. */
function queueType(name: string): string {
  if (name.endsWith("DynamicHW")) return "hardware_dynamic";
  return name.endsWith("Dynamic") ? "software_dynamic" : "static";
}

const byId = (model: TraceModel): ReadonlyMap<number, TraceTrack> =>
  new Map(model.tracks.map((t) => [t.id, t]));

/** What the engines did. */
export function* instructionRows(model: TraceModel): Generator<InstructionRow> {
  const tracks = byId(model);
  let id = 0;
  let [track, end] = [-1, 0];
  for (const s of model.slices) {
    const t = tracks.get(s.track)!;
    if (t.kind !== "engine") continue;
    if (s.track !== track) [track, end] = [s.track, s.startNs];
    const index = number(s, "instruction");
    const timestamp = Math.round(s.startNs);
    yield {
      id: ++id,
      subgraph: subgraph(t),
      label: labels[t.name] ?? t.name,
      pc: index,
      opcode: opcodeOf(s.name),
      instruction_type: typeOf(s.name),
      timestamp,
      duration: Math.round(s.endNs) - timestamp,
      evt_wait_time: Math.max(0, Math.round(s.startNs - end)),
      operands: text(s, "operands"),
      bir_instruction_name: `I-${index}`,
      nki_source_location: text(s, "source"),
    };
    end = s.endNs;
  }
}

/** What the queues moved. */
export function* dmaRows(model: TraceModel): Generator<DmaRow> {
  const tracks = byId(model);
  const queues = queueTracks(model);
  let id = 0;
  for (const s of model.slices) {
    const t = tracks.get(s.track)!;
    if (t.kind !== "queue") continue;
    const timestamp = Math.round(s.startNs);
    yield {
      id: ++id,
      subgraph: subgraph(t),
      dma_queue: String(queues.get(t.id)),
      dma_engine: "all",
      queue_type: queueType(t.name),
      timestamp,
      duration: Math.round(s.endNs) - timestamp,
      transfer_size: number(s, "bytes"),
      instruction: `I-${number(s, "instruction")}`,
      name: s.name,
      trigger: Math.round(number(s, "trigger_ns")),
    };
  }
}

/** Queue numbers by track. */
export function queueTracks(model: TraceModel): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  return new Map(
    model.tracks
      .filter((t) => t.kind === "queue")
      .map((t) => {
        const n = counts.get(t.process) ?? 0;
        counts.set(t.process, n + 1);
        return [t.id, n];
      }),
  );
}

export interface QueueRow {
  readonly subgraph: string;
  readonly q_name: string;
  readonly q_idx: number;
}

export function queueRows(model: TraceModel): QueueRow[] {
  const tracks = byId(model);
  return [...queueTracks(model)].map(([id, q_idx]) => {
    const t = tracks.get(id)!;
    return { subgraph: subgraph(t), q_name: t.name.replace(/^DMA /, ""), q_idx };
  });
}
