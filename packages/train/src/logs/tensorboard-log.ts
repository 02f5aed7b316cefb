/**
 * TensorBoard event files: TFRecord framing around `Event` messages with one scalar summary a field. Sources: tensorflow
 * core/util/event.proto, core/framework/summary.proto, and the TFRecord format of its guide.
 */
import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AppendFile } from "./append-file.ts";
import { maskedCrc32c } from "./crc32c.ts";
import { logFields, type RunLog, type StepRecord } from "./step-record.ts";

/** Field numbers of the messages used. */
const field = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5 },
  summary: { value: 1 },
  value: { tag: 1, simple: 2 },
} as const;

/** Tags as TensorBoard groups them: by what is before the slash. */
const tags = {
  epoch: "data/epoch",
  tokens: "data/tokens",
  loss: "train/loss",
  gradNorm: "train/grad_norm",
  learningRate: "train/learning_rate",
  evaluationLoss: "eval/loss",
  hostMs: "host/step_ms",
  hostTokensPerSecond: "host/tokens_per_second",
  chipMs: "chip/step_ms",
} as const satisfies Record<Exclude<(typeof logFields)[number][0], "step">, string>;

const HEADER = 12;
const FOOTER = 4;

/** A record: length, its masked CRC, the data, its masked CRC. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER + data.length + FOOTER);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(data, HEADER);
  view.setUint32(HEADER + data.length, maskedCrc32c(data), true);
  return out;
}

/** The whole records at the start of a file, with where each ends; stops before one that is cut off or damaged. */
export function* tfRecords(bytes: Uint8Array): Generator<{ data: Uint8Array; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + HEADER + FOOTER <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + HEADER + length + FOOTER;
    if (end > bytes.length) return;
    if (view.getUint32(at + 8, true) !== maskedCrc32c(bytes.subarray(at, at + 8))) return;
    const data = bytes.subarray(at + HEADER, at + HEADER + length);
    if (view.getUint32(end - FOOTER, true) !== maskedCrc32c(data)) return;
    yield { data, end };
    at = end;
  }
}

/** Seconds since 1970 of an event. */
type Clock = () => number;

function versionEvent(clock: Clock): Uint8Array {
  const out = new BinaryWriter();
  out.tag(field.event.wallTime, WireType.Bit64).double(clock());
  out.tag(field.event.fileVersion, WireType.LengthDelimited).string("brain.Event:2");
  return out.finish();
}

function stepEvent(record: StepRecord, clock: Clock): Uint8Array {
  const out = new BinaryWriter();
  out.tag(field.event.wallTime, WireType.Bit64).double(clock());
  out.tag(field.event.step, WireType.Varint).int64(record.step);
  out.tag(field.event.summary, WireType.LengthDelimited).fork();
  for (const [key] of logFields) {
    const value = record[key];
    if (key === "step" || value === undefined) continue;
    out.tag(field.summary.value, WireType.LengthDelimited).fork();
    out.tag(field.value.tag, WireType.LengthDelimited).string(tags[key]);
    out.tag(field.value.simple, WireType.Bit32).float(Math.fround(value));
    out.join();
  }
  return out.join().finish();
}

/** The step of an event; 0 where it has none. */
export function eventStep(data: Uint8Array): number {
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === field.event.step) return Number(reader.int64());
    reader.skip(wire);
  }
  return 0;
}

/** Bytes of the records up to step `from`. */
function recordsUpTo(bytes: Uint8Array, from: number): number {
  let kept = 0;
  for (const { data, end } of tfRecords(bytes)) {
    if (eventStep(data) > from) return kept;
    kept = end;
  }
  return kept;
}

/**
 * Events in `folder`, in the file that a run before left there (cut after step `from`), else in a new one. TensorBoard knows event
 * files by their name and orders them by the time in it.
 */
export function tensorboardLog(
  folder: string,
  from?: number,
  clock: Clock = () => Date.now() / 1000,
): RunLog {
  const before = from === undefined ? undefined : eventFiles(folder).at(-1);
  const name = before ?? `events.out.tfevents.${Math.floor(clock())}.${hostname()}`;
  const keep = from === undefined ? undefined : (b: Uint8Array) => recordsUpTo(b, from);
  const file = new AppendFile(join(folder, name), keep);
  if (file.fresh) file.append(tfRecord(versionEvent(clock)));
  return {
    add: (record) => file.append(tfRecord(stepEvent(record, clock))),
    close: () => file.close(),
  };
}

function eventFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((n) => n.startsWith("events.out.tfevents."))
      .sort();
  } catch {
    return [];
  }
}
