/** NumPy's npz: a zip of npy files. Sizes are checked before anything is inflated, so that a small file cannot fill memory. */
import { OpenTrnError } from "@opentrn/base";
import { unzipSync, zipSync } from "fflate";
import { type ByteSource, badFile, memorySource } from "./byte-source.ts";
import { crc32 } from "./crc32.ts";
import { readNpy, writeNpy } from "./npy.ts";
import type { StoredTensor } from "./tensor.ts";
import { directory } from "./zip-directory.ts";

/** Inflated bytes that one npz may hold. */
export const NPZ_LIMIT = 8 * 2 ** 30;
/** Deflate cannot pack better than about 1032 to 1; a declared size beyond that is a lie. */
const MAX_RATIO = 1040;

/** Names of the arrays, in file order. */
export const npzKeys = (source: ByteSource): string[] =>
  directory(source).map((e) => e.name.replace(/\.npy$/, ""));

/** Reads one array, or the only one where `key` is left out; `bad input` names the keys that exist. */
export function readNpz(source: ByteSource, key?: string, limit = NPZ_LIMIT): StoredTensor {
  const { name } = source;
  const entries = directory(source);
  const keys = entries.map((e) => e.name.replace(/\.npy$/, ""));
  if (key === undefined && entries.length !== 1)
    throw badFile(
      name,
      "npz",
      `holds ${entries.length} arrays; name one: @${name}#KEY with KEY of ${listKeys(keys)}`,
    );
  const found = entries[key === undefined ? 0 : keys.indexOf(key)];
  if (found === undefined)
    throw badFile(name, "npz", `has no array ${JSON.stringify(key)}; it has ${listKeys(keys)}`);
  const total = entries.reduce((n, e) => n + e.size, 0);
  if (total > limit)
    throw badFile(name, "npz size", `inflates to ${total} bytes, at most ${limit} are read`);
  if (found.size > found.packed * MAX_RATIO + 64)
    throw badFile(
      name,
      "npz size",
      `${found.name} claims ${found.size} bytes from ${found.packed}; deflate packs at most ${MAX_RATIO} to 1`,
    );
  const bytes = inflate(source, found.name);
  if (bytes.length !== found.size || crc32(bytes) !== found.crc)
    throw badFile(name, "npz checksum", `${found.name} is damaged: its size or CRC-32 differs`);
  return readNpy(memorySource(`${name}#${found.name}`, bytes));
}

function inflate(source: ByteSource, entry: string): Uint8Array {
  try {
    const files = unzipSync(source.read(0, source.size), { filter: (f) => f.name === entry });
    return files[entry] ?? new Uint8Array(0);
  } catch (e) {
    if (e instanceof OpenTrnError) throw e;
    throw badFile(
      source.name,
      "npz",
      `${entry} cannot be inflated (${(e as Error).message}); the file is damaged`,
    );
  }
}

export const listKeys = (keys: readonly string[]): string => {
  const shown = keys.slice(0, 8).join(", ");
  return keys.length > 8 ? `${shown} and ${keys.length - 8} more` : shown || "none";
};

/** An npz without compression, as `numpy.savez` writes it. Dates are fixed, so equal arrays give equal files. */
export function writeNpz(arrays: Readonly<Record<string, StoredTensor>>): Uint8Array {
  const files = Object.fromEntries(
    Object.entries(arrays).map(([key, t]) => [`${key}.npy`, writeNpy(t)]),
  );
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1, 0, 0, 0) });
}
