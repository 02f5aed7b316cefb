/** Reads a checkpoint back, and stops when a byte of it is not what was written. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { memorySource, readSafetensors, safetensorsKeys } from "@opentrn/runtime";
import type { NamedTensors, TrainingState } from "../engine/step-engine.ts";
import { MODEL_FILE, OPTIMIZER_FILE, RECORD_FILE } from "./checkpoint-folder.ts";
import { type CheckpointRecord, parseRecord } from "./record.ts";

export interface Checkpoint {
  readonly path: string;
  readonly record: CheckpointRecord;
  readonly state: TrainingState;
  /** The other files of the folder, such as config.json. */
  readonly beside: Readonly<Record<string, Uint8Array>>;
}

/** Stops with `bad input` when a file is missing, cut off or changed. */
export function readCheckpoint(path: string): Checkpoint {
  const recordPath = join(path, RECORD_FILE);
  const record = parseRecord(new TextDecoder().decode(fileBytes(recordPath, path)), recordPath);
  const contents: Record<string, Uint8Array> = {};
  for (const [file, { bytes, sha256 }] of Object.entries(record.files)) {
    if (file !== file.replace(/[^\w.-]/g, "") || file.startsWith("."))
      throw damaged(path, `names a file ${JSON.stringify(file)}`);
    const found = fileBytes(join(path, file), path);
    if (found.length !== bytes)
      throw damaged(path, `${file} has ${found.length} bytes of ${bytes}`);
    if (createHash("sha256").update(found).digest("hex") !== sha256)
      throw damaged(path, `the bytes of ${file} have changed`);
    contents[file] = found;
  }
  const { [MODEL_FILE]: model, [OPTIMIZER_FILE]: optimizer, ...beside } = contents;
  if (!model || !optimizer) throw damaged(path, "it has no tensors");
  return {
    path,
    record,
    state: {
      parameters: tensorsIn(join(path, MODEL_FILE), model),
      optimizer: tensorsIn(join(path, OPTIMIZER_FILE), optimizer),
    },
    beside,
  };
}

function tensorsIn(name: string, bytes: Uint8Array): NamedTensors {
  const source = memorySource(name, bytes);
  const tensors: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const key of safetensorsKeys(source)) {
    const t = readSafetensors(source, key);
    if (t.dtype !== "float32") throw damaged(name, `${key} is ${t.dtype}, not float32`);
    tensors[key] = { shape: t.shape, data: new Float32Array(Uint8Array.from(t.bytes).buffer) };
  }
  return tensors;
}

function fileBytes(path: string, checkpoint: string): Uint8Array {
  try {
    // A Buffer's slices share its memory, and tensors must be their own.
    return new Uint8Array(readFileSync(path));
  } catch (e) {
    throw damaged(checkpoint, `${path} cannot be read (${(e as NodeJS.ErrnoException).code})`);
  }
}

const damaged = (path: string, why: string): OpenTrnError =>
  new OpenTrnError(
    `checkpoint ${path}: ${why}; it is damaged. Take an older step-* folder beside it: put its name into the file "latest"`,
    { category: "bad input", rule: "checkpoint" },
  );
