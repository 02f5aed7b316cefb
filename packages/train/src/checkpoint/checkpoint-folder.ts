/**
 * Checkpoints of a run: folders `step-00000120`, each written under another name and renamed when all of it is on the disk, and a file
 * `latest` that names the newest. A process that dies at any point leaves the last whole one in place.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type TensorData, writeSafetensors } from "@opentrn/runtime";
import type { NamedTensors, TrainingState } from "../engine/step-engine.ts";
import { checkpointFault, flushFolder, type WritePiece, writeDurably } from "./durable-file.ts";
import type { CheckpointRecord } from "./record.ts";

export const RECORD_FILE = "trainer.json";
export const MODEL_FILE = "model.safetensors";
export const OPTIMIZER_FILE = "optimizer.safetensors";
const LATEST = "latest";
const PARTIAL = ".partial";
const namePattern = /^step-\d{8,}$/;

const nameOf = (step: number): string => `step-${String(step).padStart(8, "0")}`;

/** Hugging Face's loader asks for the framework that the layout is of. */
const origin = { format: "pt" };

export interface SaveRequest {
  readonly record: Omit<CheckpointRecord, "files">;
  readonly state: TrainingState;
  /** Files that make the folder a model on its own: config.json, the tokenizer's. */
  readonly beside: Readonly<Record<string, Uint8Array>>;
}

export class CheckpointFolder {
  readonly path: string;
  private readonly keep: number;
  private readonly write: WritePiece | undefined;

  /** `keep`: checkpoints that stay, one at least. */
  constructor(path: string, keep: number, write?: WritePiece) {
    this.path = path;
    this.keep = keep;
    this.write = write;
  }

  /** The newest checkpoint's folder: what `latest` names, or the newest that is there when it names nothing. */
  latest(): string | undefined {
    const named = this.readLatest();
    if (named !== undefined && existsSync(join(this.path, named, RECORD_FILE)))
      return join(this.path, named);
    const newest = this.names().at(-1);
    return newest && join(this.path, newest);
  }

  /** Saves and returns the folder. Stops with `limit reached` where the disk does not take it; older ones stay as they are. */
  save(request: SaveRequest): string {
    const name = nameOf(request.record.step);
    const partial = join(this.path, `${name}.${process.pid}${PARTIAL}`);
    const place = join(this.path, name);
    try {
      this.removePartials();
      mkdirSync(partial, { recursive: true });
      this.fill(partial, request);
      // Only a checkpoint that `latest` does not name yet can be in the way.
      if (existsSync(place)) rmSync(place, { recursive: true });
      renameSync(partial, place);
      flushFolder(this.path);
      this.point(name);
    } catch (e) {
      removeQuietly(partial);
      throw checkpointFault(e, this.path, this.latest());
    }
    this.prune(name);
    return place;
  }

  /** True when the newest checkpoint is of that step. */
  has(step: number): boolean {
    return this.readLatest() === nameOf(step) && this.names().includes(nameOf(step));
  }

  private fill(folder: string, { record, state, beside }: SaveRequest): void {
    const contents: Record<string, Uint8Array> = {
      [MODEL_FILE]: writeSafetensors(storedTensors(state.parameters), origin),
      [OPTIMIZER_FILE]: writeSafetensors(storedTensors(state.optimizer)),
      ...beside,
    };
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const [file, bytes] of Object.entries(contents)) {
      writeDurably(join(folder, file), bytes, this.write);
      files[file] = {
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      };
    }
    const text = `${JSON.stringify({ ...record, files }, null, 1)}\n`;
    writeDurably(join(folder, RECORD_FILE), new TextEncoder().encode(text), this.write);
    flushFolder(folder);
  }

  private point(name: string): void {
    const partial = join(this.path, `${LATEST}.${process.pid}${PARTIAL}`);
    writeDurably(partial, new TextEncoder().encode(`${name}\n`), this.write);
    renameSync(partial, join(this.path, LATEST));
    flushFolder(this.path);
  }

  private readLatest(): string | undefined {
    try {
      const name = readFileSync(join(this.path, LATEST), "utf8").trim();
      return namePattern.test(name) ? name : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whole checkpoints, oldest first. */
  private names(): string[] {
    if (!existsSync(this.path)) return [];
    return readdirSync(this.path)
      .filter((n) => namePattern.test(n) && existsSync(join(this.path, n, RECORD_FILE)))
      .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  }

  private prune(newest: string): void {
    const older = this.names().filter((n) => n !== newest);
    for (const name of older.slice(0, Math.max(0, older.length - (this.keep - 1))))
      removeQuietly(join(this.path, name));
  }

  /** What processes that died left behind. */
  private removePartials(): void {
    if (!existsSync(this.path)) return;
    for (const name of readdirSync(this.path))
      if (name.endsWith(PARTIAL)) removeQuietly(join(this.path, name));
  }
}

/** State tensors as the safetensors writer takes them. */
export const storedTensors = (tensors: NamedTensors): Record<string, TensorData> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      {
        dtype: "float32" as const,
        shape,
        bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      },
    ]),
  );

/** Removing is tidiness; what matters has happened or is reported already. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {}
}

/** The newest checkpoint in `path`; `bad input` when there is none. */
export function latestCheckpoint(path: string): string {
  const found = new CheckpointFolder(path, 1).latest();
  if (found) return found;
  throw new OpenTrnError(`${path} holds no checkpoint; start without --resume`, {
    category: "bad input",
    rule: "--resume",
  });
}
