/** Imports a neuron-profile (or Neuron Explorer) JSON dump. */
import { OpenTrnError } from "@opentrn/base";
import { parseOperands } from "./operands.ts";
import {
  type DutyStretch,
  type Profile,
  type ProfiledEngine,
  type ProfiledInstruction,
  type ProfiledPacket,
  type ProfiledQueue,
  type ProfileMetadata,
  profiledEngines,
  type SemaphoreValue,
} from "./profile.ts";
import { parseRow, type TableRow, TableScanner } from "./tables.ts";

type Row = Readonly<Record<string, unknown>>;

const bad = (message: string): OpenTrnError =>
  new OpenTrnError(`profile: ${message}`, { category: "bad input", rule: "profile JSON" });

function number(row: Row, table: string, key: string): number {
  const value = row[key];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw bad(
    `${key} of a ${table} row is ${JSON.stringify(value)}, must be a number; export the dump again with neuron-profile view`,
  );
}

function text(row: Row, table: string, key: string): string {
  const value = row[key];
  if (typeof value === "string") return value;
  throw bad(
    `${key} of a ${table} row is ${JSON.stringify(value)}, must be a string; export the dump again with neuron-profile view`,
  );
}

/** The engine of a timeline track; `TensorMatrix` belongs to Tensor. */
function engineOf(track: string): ProfiledEngine {
  const engine = profiledEngines.find((e) => track === e || track === `${e}Matrix`);
  if (engine) return engine;
  throw bad(`an instruction ran on ${track}; engines known here are ${profiledEngines.join(", ")}`);
}

function instruction(row: Row): ProfiledInstruction {
  const t = "instruction";
  const track = text(row, t, "label");
  const operands = text(row, t, "operands");
  return {
    id: text(row, t, "id"),
    core: text(row, t, "subgraph"),
    engine: engineOf(track),
    track,
    pc: number(row, t, "pc"),
    opcode: text(row, t, "opcode"),
    kind: text(row, t, "instruction_type"),
    start: number(row, t, "timestamp"),
    duration: number(row, t, "duration"),
    wait: number(row, t, "evt_wait_time"),
    operands: parseOperands(operands),
    text: operands.trim(),
    name: text(row, t, "bir_instruction_name"),
    predecessors: (row["predecessors"] ?? []) as ProfiledInstruction["predecessors"],
  };
}

const packet = (row: Row): ProfiledPacket => ({
  core: text(row, "dma", "subgraph"),
  queue: Number(text(row, "dma", "dma_queue")),
  engine: Number(text(row, "dma", "dma_engine")),
  source: text(row, "dma", "queue_type"),
  start: number(row, "dma", "timestamp"),
  duration: number(row, "dma", "duration"),
  bytes: number(row, "dma", "transfer_size"),
});

const duty = (row: Row): DutyStretch => ({
  core: text(row, "ham", "subgraph"),
  start: number(row, "ham", "timestamp"),
  duration: number(row, "ham", "duration"),
  allowed: number(row, "ham", "k"),
  of: number(row, "ham", "n"),
});

const queue = (row: Row): ProfiledQueue => ({
  core: text(row, "dma_queues_info", "subgraph"),
  name: text(row, "dma_queues_info", "q_name"),
  id: number(row, "dma_queues_info", "q_idx"),
});

/** Identifiers read `S[5] (Tensor)` or `5`. */
const semaphore = (row: Row): SemaphoreValue => ({
  core: text(row, "semaphore_update", "subgraph"),
  semaphore: Number(/\d+/.exec(text(row, "semaphore_update", "id"))?.[0] ?? -1),
  at: number(row, "semaphore_update", "timestamp"),
  value: number(row, "semaphore_update", "value"),
});

/**
 * By core and engine, then as the program has them. Where every position of the instruction memory ran once, that is by position
 * from the one that ran first (the last branch leads back to lower ones; start times are no program order, because a sequencer runs
 * ahead of its engine). Where loops ran some twice, by start time.
 */
function inProgramOrder(all: readonly ProfiledInstruction[]): ProfiledInstruction[] {
  const streams = new Map<string, ProfiledInstruction[]>();
  for (const i of all) {
    const key = `${i.core} ${profiledEngines.indexOf(i.engine)}`;
    const stream = streams.get(key);
    if (stream) stream.push(i);
    else streams.set(key, [i]);
  }
  return [...streams.keys()].sort().flatMap((key) => {
    const stream = streams.get(key)!;
    if (new Set(stream.map((i) => i.pc)).size < stream.length)
      return stream.sort((a, b) => a.start - b.start);
    const first = stream.reduce((a, b) => (b.start < a.start ? b : a)).pc;
    const turn = (i: ProfiledInstruction): number => (i.pc < first ? 1 : 0);
    return stream.sort((a, b) => turn(a) - turn(b) || a.pc - b.pc);
  });
}

/** Collects rows into a Profile. */
class ProfileReader {
  private readonly instructions: ProfiledInstruction[] = [];
  private readonly packets: ProfiledPacket[] = [];
  private readonly queues: ProfiledQueue[] = [];
  private readonly duty: DutyStretch[] = [];
  private readonly semaphores: SemaphoreValue[] = [];
  private readonly unread: Record<string, number> = {};
  private readonly single: Record<string, Row> = {};

  private readonly readers: Readonly<Record<string, (row: Row) => void>> = {
    instruction: (row) => this.instructions.push(instruction(row)),
    dma: (row) => this.packets.push(packet(row)),
    dma_queues_info: (row) => this.queues.push(queue(row)),
    ham: (row) => this.duty.push(duty(row)),
    semaphore_update: (row) => this.semaphores.push(semaphore(row)),
    metadata: (row) => this.keep("metadata", row),
    summary: (row) => this.keep("summary", row),
    profile_info: (row) => this.keep("profile_info", row),
  };

  add(row: TableRow): void {
    const read = this.readers[row.table];
    if (read) read(parseRow(row));
    else this.unread[row.table] = (this.unread[row.table] ?? 0) + 1;
  }

  private keep(table: string, row: Row): void {
    this.single[table] = row;
  }

  result(): Profile {
    if (this.instructions.length === 0)
      throw bad("there is no instruction table; was the dump made with instruction tracing on?");
    return {
      metadata: this.metadata(),
      instructions: inProgramOrder(this.instructions),
      packets: this.packets.sort((a, b) => a.start - b.start),
      queues: this.queues,
      duty: this.duty.sort((a, b) => a.start - b.start),
      semaphores: this.semaphores.sort((a, b) => a.at - b.at),
      summary: (this.single["summary"] ?? {}) as Profile["summary"],
      unread: this.unread,
    };
  }

  private metadata(): ProfileMetadata {
    const row = this.single["metadata"];
    if (row === undefined) throw bad("there is no metadata table");
    const first = number(row, "metadata", "first_hw_timestamp");
    return {
      durationNs: number(row, "metadata", "last_hw_timestamp") - first,
      // Our own predictions, in the same form, do not say.
      tensorClockGHz:
        "pe_clock_freq" in row ? number(row, "metadata", "pe_clock_freq") : Number.NaN,
      physicalCores: number(row, "metadata", "num_physical_cores"),
      isSimulation: row["is_simulation"] === true,
      profilerVersion: String(this.single["profile_info"]?.["profiler_version"] ?? "unknown"),
      compilerVersion: String(this.single["summary"]?.["compiler_version"] ?? "unknown"),
    };
  }
}

/**
 * Reads a dump that is already in memory.
 * @throws OpenTrnError "bad input" when it is no JSON of this form.
 */
export function readProfile(json: string): Profile {
  const scanner = new TableScanner();
  const reader = new ProfileReader();
  for (const row of scanner.push(json)) reader.add(row);
  scanner.end();
  return reader.result();
}

/**
 * Reads a dump piece by piece, such as `createReadStream(path)`; only the rows that are kept stay in memory.
 * @throws OpenTrnError "bad input" when it is no JSON of this form.
 */
export async function readProfileStream(pieces: AsyncIterable<Uint8Array>): Promise<Profile> {
  const scanner = new TableScanner();
  const reader = new ProfileReader();
  const decoder = new TextDecoder();
  for await (const piece of pieces)
    for (const row of scanner.push(decoder.decode(piece, { stream: true }))) reader.add(row);
  for (const row of scanner.push(decoder.decode())) reader.add(row);
  scanner.end();
  return reader.result();
}
