/** Reads a checkpoint folder as Hugging Face writes it. Every parameter must be there with its shape, and nothing else. */
import { join } from "node:path";
import { readSafetensors, type StoredTensor, withFile } from "@opentrn/runtime";
import type { ModelConfig } from "../config/model-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { Parameters } from "../parameters/initialise.ts";
import { parameterNames, parameterSpecs } from "../parameters/specs.ts";
import { badCheckpoint, readText, tensorFiles } from "./shards.ts";
import { floatsOf } from "./tensor-values.ts";

export interface Checkpoint {
  readonly config: ModelConfig;
  /** fp32, row-major, by Hugging Face name. */
  readonly parameters: Parameters;
}

/** Tensors that older files hold and that are no parameters: position masks, rotary frequencies. */
const buffers = /(\.rotary_emb\.inv_freq|\bh\.\d+\.attn\.(masked_)?bias)$/;

/** What base models call their tensors: the same names without what stands before them here. */
const bare = (name: string): string => name.replace(/^(model|transformer)\./, "");

const someOf = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");

/** The configuration of a checkpoint folder. */
export const readConfig = (folder: string): ModelConfig => {
  const path = join(folder, "config.json");
  return parseConfig(readText(path, 2 ** 22), path);
};

/**
 * A checkpoint folder: config.json and weights in fp32, bf16 or fp16. `config` replaces the file's. Stops with `bad input` naming tensors
 * that are missing, too many, of the wrong shape or not finite, and files that are cut off or inconsistent.
 */
export function readCheckpoint(
  folder: string,
  config: ModelConfig = readConfig(folder),
): Checkpoint {
  const files = tensorFiles(folder);
  const specs = parameterSpecs(config);
  /** The name under which the files hold a parameter. */
  const held = (name: string): string =>
    !files.has(name) && files.has(bare(name)) ? bare(name) : name;
  const missing = specs.map(({ name }) => name).filter((name) => !files.has(held(name)));
  if (missing.length > 0)
    throw badCheckpoint(
      folder,
      "missing",
      `${missing.length} of ${specs.length} parameters are missing: ${someOf(missing)}; config.json and weights belong to different models`,
    );
  const read = (key: string) => withFile(files.get(key)!, (source) => readSafetensors(source, key));
  const parameters: Parameters = {};
  for (const { name, shape } of specs) {
    const tensor = read(held(name));
    if (tensor.shape.join() !== shape.join())
      throw badCheckpoint(
        folder,
        "shape",
        `${name} is [${tensor.shape.join(", ")}], config.json makes it [${shape.join(", ")}]`,
      );
    const values = floatsOf(tensor, `${folder}: ${name}`);
    const bad = values.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      throw badCheckpoint(folder, "finite", `${name} holds ${values[bad]} at element ${bad}`);
    parameters[name] = values;
  }
  checkExtra(folder, config, files, new Set(specs.map(({ name }) => held(name))), parameters, read);
  return { config, parameters };
}

function checkExtra(
  folder: string,
  config: ModelConfig,
  files: ReadonlyMap<string, string>,
  used: ReadonlySet<string>,
  parameters: Parameters,
  read: (key: string) => StoredTensor,
): void {
  const names = parameterNames(config);
  const extra = [...files.keys()].filter((key) => !used.has(key) && !buffers.test(key));
  // Some files repeat a tied table; it must then be the same.
  const at = config.tied ? extra.indexOf(names.unembedding) : -1;
  if (at >= 0) {
    const [key] = extra.splice(at, 1);
    const other = floatsOf(read(key!), key!);
    const own = parameters[names.embedding]!;
    if (other.length !== own.length || other.some((x, i) => x !== own[i]))
      throw badCheckpoint(
        folder,
        "tied",
        `${key} differs from ${names.embedding}, and config.json says that they are tied (tie_word_embeddings)`,
      );
  }
  if (extra.length > 0)
    throw badCheckpoint(
      folder,
      "extra",
      `${extra.length} tensors are no parameters of this model: ${someOf(extra)}; config.json and weights belong to different models`,
    );
}
