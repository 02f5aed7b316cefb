/** Tensor files by their ending: npy, npz and safetensors. */
import { extname } from "node:path";
import { writeFileAtomic } from "./atomic-write.ts";
import { type ByteSource, badFile, withFile } from "./byte-source.ts";
import { readNpy, writeNpy } from "./npy.ts";
import { readNpz, writeNpz } from "./npz.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import type { StoredTensor, TensorData } from "./tensor.ts";

interface Format {
  readonly read: (source: ByteSource, key?: string) => StoredTensor;
  readonly write: (tensors: Readonly<Record<string, TensorData>>, path: string) => Uint8Array;
}

const formats: Readonly<Record<string, Format>> = {
  ".npy": {
    read: (source, key) => {
      if (key === undefined) return readNpy(source);
      throw badFile(source.name, "npy", `holds one array and no key ${JSON.stringify(key)}`);
    },
    write: (tensors, path) => {
      const all = Object.values(tensors);
      if (all.length === 1) return writeNpy(all[0]!);
      throw badFile(path, "npy", `cannot hold ${all.length} arrays; write .npz or .safetensors`);
    },
  },
  ".npz": { read: readNpz, write: writeNpz },
  ".safetensors": { read: readSafetensors, write: (tensors) => writeSafetensors(tensors) },
};

function formatOf(path: string): Format {
  const found = formats[extname(path).toLowerCase()];
  if (found) return found;
  throw badFile(path, "file", `is not one of ${Object.keys(formats).join(", ")}`);
}

/** Reads the tensor of a file; `key` names it in npz and safetensors. */
export function readTensorFile(path: string, key?: string): StoredTensor {
  const format = formatOf(path);
  return withFile(path, (source) => format.read(source, key));
}

/** Writes tensors, whole or not at all. */
export function writeTensorFile(path: string, tensors: Readonly<Record<string, TensorData>>): void {
  writeFileAtomic(path, formatOf(path).write(tensors, path));
}
