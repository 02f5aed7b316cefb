/**
 * Writes a trace in Perfetto's protobuf format (https://perfetto.dev, protos/perfetto/trace): one process a core, one track an
 * engine and a DMA queue, counters, and arrows from what an instruction waited for. Packets come out in chunks.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { TraceModel, TraceSlice, TraceTrack } from "./schema.ts";

/** Field numbers of the messages used. Source: perfetto/protos/perfetto/trace, stable by its compatibility rules. */
const field = {
  trace: { packet: 1 },
  packet: {
    timestamp: 8,
    sequence: 10,
    event: 11,
    interned: 12,
    sequenceFlags: 13,
    descriptor: 60,
  },
  track: {
    uuid: 1,
    name: 2,
    process: 3,
    parent: 5,
    counter: 8,
    childOrdering: 11,
    rank: 12,
  },
  process: { pid: 1, name: 6 },
  counter: { unit: 3 },
  event: {
    type: 9,
    annotation: 4,
    nameId: 10,
    track: 11,
    counterValue: 30,
    flow: 47,
  },
  annotation: { nameId: 1, integer: 4, double: 5, text: 6, textId: 17 },
  interned: { eventNames: 2, annotationNames: 3, annotationTexts: 29 },
  text: { id: 1, value: 2 },
} as const;

const eventType = { begin: 1, end: 2, counter: 4 } as const;
const unit = { bytes: 3, count: 2 } as const;
/** `SEQ_INCREMENTAL_STATE_CLEARED | SEQ_NEEDS_INCREMENTAL_STATE`, and the second alone. */
const sequence = { clears: 3, needs: 2 } as const;
const EXPLICIT_ORDER = 3;
const SEQUENCE_ID = 1;
const CHUNK_BYTES = 65536;
/** Texts shorter than this and seen often are sent once; operand lists are not worth remembering. */
const REMEMBERED_TEXTS = 65536;

/** The trace as byte chunks of about 64 KiB; concatenated they are the file. */
export function* perfettoChunks(model: TraceModel): Generator<Uint8Array> {
  const out = new PerfettoWriter();
  out.descriptors(model);
  const units = new Map(model.tracks.map((t) => [t.id, t]));
  for (const slice of model.slices) {
    out.slice(slice);
    if (out.size >= CHUNK_BYTES) yield out.take();
  }
  for (const c of model.counters) {
    if (units.has(c.track)) out.counter(c.track, c.ns, c.value);
    if (out.size >= CHUNK_BYTES) yield out.take();
  }
  yield out.take();
}

class PerfettoWriter {
  private w = new BinaryWriter();
  private written = 0;
  private first = true;
  private readonly names = new Interned();
  private readonly keys = new Interned();
  private readonly texts = new Interned();

  /** Packets since the last `take`, counted roughly in bytes. */
  get size(): number {
    return this.written;
  }

  take(): Uint8Array {
    const bytes = this.w.finish();
    this.w = new BinaryWriter();
    this.written = 0;
    return bytes;
  }

  descriptors(model: TraceModel): void {
    for (const p of model.processes)
      this.packet((w) => {
        w.tag(field.packet.descriptor, WireType.LengthDelimited).fork();
        w.tag(field.track.uuid, WireType.Varint).uint64(processUuid(p.id));
        w.tag(field.track.childOrdering, WireType.Varint).int32(EXPLICIT_ORDER);
        w.tag(field.track.process, WireType.LengthDelimited).fork();
        w.tag(field.process.pid, WireType.Varint).int32(p.id + 1);
        w.tag(field.process.name, WireType.LengthDelimited).string(p.name);
        w.join().join();
      });
    model.tracks.forEach((t, rank) => {
      this.track(t, rank);
    });
  }

  private track(t: TraceTrack, rank: number): void {
    this.packet((w) => {
      w.tag(field.packet.descriptor, WireType.LengthDelimited).fork();
      w.tag(field.track.uuid, WireType.Varint).uint64(trackUuid(t.id));
      w.tag(field.track.parent, WireType.Varint).uint64(processUuid(t.process));
      w.tag(field.track.name, WireType.LengthDelimited).string(t.name);
      w.tag(field.track.rank, WireType.Varint).int32(rank);
      if (t.kind === "bytes" || t.kind === "count") {
        w.tag(field.track.counter, WireType.LengthDelimited).fork();
        w.tag(field.counter.unit, WireType.Varint).int32(unit[t.kind]);
        w.join();
      }
      w.join();
    });
  }

  slice(s: TraceSlice): void {
    const names = new Map<number, string>();
    const keys = new Map<number, string>();
    const texts = new Map<number, string>();
    const name = this.names.id(s.name, names);
    const args = Object.entries(s.args).map(
      ([key, value]) =>
        [
          this.keys.id(key, keys),
          value,
          typeof value === "string" && this.texts.size < REMEMBERED_TEXTS
            ? this.texts.id(value, texts)
            : 0,
        ] as const,
    );
    const interned = { names, keys, texts };
    this.event(s.startNs, s.track, eventType.begin, interned, (w) => {
      w.tag(field.event.nameId, WireType.Varint).uint64(name);
      for (const [key, value, id] of args) {
        w.tag(field.event.annotation, WireType.LengthDelimited).fork();
        w.tag(field.annotation.nameId, WireType.Varint).uint64(key);
        if (id > 0) w.tag(field.annotation.textId, WireType.Varint).uint64(id);
        else if (typeof value === "string")
          w.tag(field.annotation.text, WireType.LengthDelimited).string(value);
        else if (Number.isSafeInteger(value))
          w.tag(field.annotation.integer, WireType.Varint).int64(value);
        else w.tag(field.annotation.double, WireType.Bit64).double(value);
        w.join();
      }
      for (const f of s.flows ?? []) w.tag(field.event.flow, WireType.Bit64).fixed64(f);
    });
    this.event(s.endNs, s.track, eventType.end);
  }

  counter(track: number, ns: number, value: number): void {
    this.event(ns, track, eventType.counter, undefined, (w) => {
      w.tag(field.event.counterValue, WireType.Varint).int64(Math.round(value));
    });
  }

  private event(
    ns: number,
    track: number,
    type: number,
    interned?: Readonly<Record<"names" | "keys" | "texts", ReadonlyMap<number, string>>>,
    body?: (w: BinaryWriter) => void,
  ): void {
    this.packet((w) => {
      w.tag(field.packet.timestamp, WireType.Varint).uint64(Math.round(ns));
      if (interned && interned.names.size + interned.keys.size + interned.texts.size > 0) {
        w.tag(field.packet.interned, WireType.LengthDelimited).fork();
        entries(w, field.interned.eventNames, interned.names);
        entries(w, field.interned.annotationNames, interned.keys);
        entries(w, field.interned.annotationTexts, interned.texts);
        w.join();
      }
      w.tag(field.packet.event, WireType.LengthDelimited).fork();
      w.tag(field.event.type, WireType.Varint).int32(type);
      w.tag(field.event.track, WireType.Varint).uint64(trackUuid(track));
      body?.(w);
      w.join();
    });
  }

  private packet(body: (w: BinaryWriter) => void): void {
    const { w } = this;
    w.tag(field.trace.packet, WireType.LengthDelimited).fork();
    w.tag(field.packet.sequence, WireType.Varint).uint32(SEQUENCE_ID);
    const flags = this.first ? sequence.clears : sequence.needs;
    this.first = false;
    w.tag(field.packet.sequenceFlags, WireType.Varint).uint32(flags);
    body(w);
    w.join();
    // A packet with its texts; only used to decide when a chunk is full.
    this.written += 64;
  }
}

/** Strings that are sent once and then named by number. */
class Interned {
  private readonly ids = new Map<string, number>();

  get size(): number {
    return this.ids.size;
  }

  /** The number of `s`; a new one is also put into `added`. */
  id(s: string, added: Map<number, string>): number {
    const known = this.ids.get(s);
    if (known !== undefined) return known;
    const id = this.ids.size + 1;
    this.ids.set(s, id);
    added.set(id, s);
    return id;
  }
}

function entries(w: BinaryWriter, number: number, added: ReadonlyMap<number, string>): void {
  for (const [id, value] of added) {
    w.tag(number, WireType.LengthDelimited).fork();
    w.tag(field.text.id, WireType.Varint).uint64(id);
    w.tag(field.text.value, WireType.LengthDelimited).string(value);
    w.join();
  }
}

const processUuid = (id: number): number => 1 + id;
const trackUuid = (id: number): number => 1_000_000 + id;
