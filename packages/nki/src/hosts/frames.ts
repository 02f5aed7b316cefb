/**
 * The wire between a Python process and the engine: `[kind, length]` (little-endian 32-bit words), then the payload. Kind 1 is a batch
 * of records, 2 a JSON message, 3 raw bytes. python/nki/_link.py is the other end.
 */
import { OpenTrnError } from "@opentrn/base";

export const frameKind = { records: 1, message: 2, bytes: 3 } as const;
const HEADER = 8;
const MAX_FRAME = 2 ** 32 - 1;

export interface FrameHandler {
  records(words: Int32Array): void;
  message(value: Readonly<Record<string, unknown>>): void;
  bytes(data: Uint8Array): void;
}

/** Cuts a byte stream into frames; pieces may arrive in any size. */
export class FrameReader {
  private readonly header = new Uint8Array(HEADER);
  private headerBytes = 0;
  private kind = 0;
  private payload: Uint8Array | undefined;
  private payloadBytes = 0;
  private readonly handler: FrameHandler;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  /** Takes the next piece and hands over every frame that it completes. */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length || this.complete()) {
      if (this.payload === undefined) {
        const take = Math.min(HEADER - this.headerBytes, piece.length - at);
        this.header.set(piece.subarray(at, at + take), this.headerBytes);
        this.headerBytes += take;
        at += take;
        if (this.headerBytes < HEADER) return;
        const view = new DataView(this.header.buffer);
        this.kind = view.getUint32(0, true);
        this.payload = new Uint8Array(view.getUint32(4, true));
        this.payloadBytes = 0;
      }
      const take = Math.min(this.payload.length - this.payloadBytes, piece.length - at);
      this.payload.set(piece.subarray(at, at + take), this.payloadBytes);
      this.payloadBytes += take;
      at += take;
      if (!this.complete()) return;
      const payload = this.payload;
      this.payload = undefined;
      this.headerBytes = 0;
      this.hand(payload);
    }
  }

  private complete(): boolean {
    return this.payload !== undefined && this.payloadBytes === this.payload.length;
  }

  private hand(payload: Uint8Array): void {
    if (this.kind === frameKind.records) {
      if (payload.length % 4 !== 0) throw broken(`a batch of ${payload.length} bytes`);
      this.handler.records(new Int32Array(payload.buffer, 0, payload.length / 4));
    } else if (this.kind === frameKind.message) {
      this.handler.message(parse(payload));
    } else if (this.kind === frameKind.bytes) this.handler.bytes(payload);
    else throw broken(`frame kind ${this.kind}`);
  }
}

const broken = (what: string): OpenTrnError =>
  new OpenTrnError(`the Python process sent ${what}, which is no frame`, { category: "internal" });

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(new TextDecoder().decode(payload));
  if (typeof value !== "object" || value === null) throw broken("a message that is no object");
  return value as Readonly<Record<string, unknown>>;
}

/** A frame as one buffer: header and payload. */
export function frame(kind: number, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_FRAME) throw broken(`${payload.length} bytes at once`);
  const out = new Uint8Array(HEADER + payload.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, payload.length, true);
  out.set(payload, HEADER);
  return out;
}

export const messageFrame = (value: unknown): Uint8Array =>
  frame(frameKind.message, new TextEncoder().encode(JSON.stringify(value)));
