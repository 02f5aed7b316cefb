/** Where the tensors of a checkpoint lie: one safetensors file, or several and an index. Files are not trusted. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { safetensorsKeys, withFile } from "@opentrn/runtime";

export const singleFile = "model.safetensors";
export const indexFile = "model.safetensors.index.json";

export const badCheckpoint = (folder: string, rule: string, why: string): OpenTrnError =>
  new OpenTrnError(`${folder}: ${why}`, { category: "bad input", rule: `checkpoint ${rule}` });

const maxIndex = 2 ** 26;

/** A whole text file of at most `limit` bytes. */
export function readText(path: string, limit: number): string {
  return withFile(path, ({ size, read }) => {
    if (size > limit)
      throw badCheckpoint(path, "size", `has ${size} bytes; such a file has at most ${limit}`);
    return new TextDecoder().decode(read(0, size));
  });
}

/** The path of the file that holds each tensor. */
export function tensorFiles(folder: string): ReadonlyMap<string, string> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw badCheckpoint(
      folder,
      "folder",
      "no such folder; a checkpoint is a folder with config.json and model.safetensors",
    );
  const index = join(folder, indexFile);
  if (existsSync(index)) return fromIndex(folder, readText(index, maxIndex));
  const path = join(folder, singleFile);
  if (!existsSync(path))
    throw badCheckpoint(
      folder,
      "folder",
      `holds neither ${singleFile} nor ${indexFile}; weights in other formats are converted with save_pretrained(safe_serialization=True)`,
    );
  return new Map(keysOf(path).map((key) => [key, path]));
}

const keysOf = (path: string): readonly string[] => withFile(path, safetensorsKeys);

function fromIndex(folder: string, text: string): ReadonlyMap<string, string> {
  const fail = (why: string): never => {
    throw badCheckpoint(folder, "index", `${indexFile} ${why}`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    fail(`is no JSON (${(e as Error).message})`);
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    fail("has no weight_map object");
  const files = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map as Record<string, unknown>)) {
    // A name alone: nothing outside the folder is read.
    if (typeof file !== "string" || !/^\w[\w.-]*\.safetensors$/.test(file))
      fail(`names ${JSON.stringify(file)} for ${tensor}; shards are safetensors files beside it`);
    files.set(tensor, join(folder, file as string));
  }
  for (const path of new Set(files.values())) {
    if (!existsSync(path)) fail(`names ${path}, which is not there; the checkpoint is incomplete`);
    const held = new Set(keysOf(path));
    for (const [tensor, file] of files)
      if (file === path && !held.has(tensor))
        fail(`says that ${path} holds ${tensor}; it does not`);
    for (const tensor of held)
      if (files.get(tensor) !== path) fail(`does not list ${tensor} of ${path}`);
  }
  return files;
}
