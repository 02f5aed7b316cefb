/** Writes a checkpoint folder that Hugging Face's libraries read: config.json, and safetensors in one file or in shards. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { tensorOf, writeFileAtomic, writeSafetensors } from "@opentrn/runtime";
import type { ArchitectureName, ModelConfig } from "../config/model-config.ts";
import { elementsOf } from "../parameters/initialise.ts";
import { type ParameterSpec, parameterSpecs } from "../parameters/specs.ts";
import { badCheckpoint, indexFile, singleFile } from "./shards.ts";

/** Types weights are stored in. */
export const storedTypes = ["float32", "bfloat16", "float16"] as const;
export type StoredWeights = (typeof storedTypes)[number];

export interface WriteCheckpointOptions {
  /** fp32 unless said otherwise; narrower types round to nearest even. */
  readonly dtype?: StoredWeights;
  /** Bytes of tensors in one file at most; a larger tensor gets a file of its own. 2 GiB unless said otherwise. */
  readonly shardBytes?: number;
}

const classes: Readonly<Record<ArchitectureName, string>> = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  gpt2: "GPT2LMHeadModel",
};

/** The text of config.json: the fields that were read, with the class and the type of the weights. */
export function configText(config: ModelConfig, dtype: StoredWeights = "float32"): string {
  const { architectures = [classes[config.architecture]], ...fields } = config.source;
  const { dtype: _, torch_dtype: __, ...rest } = fields;
  return `${JSON.stringify({ architectures, ...rest, torch_dtype: dtype }, null, 2)}\n`;
}

const width: Readonly<Record<StoredWeights, number>> = { float32: 4, bfloat16: 2, float16: 2 };

/** Hugging Face's loader asks for the framework that the layout is of. */
const origin = { format: "pt" };

/** Parameters in order, as many to a shard as fit. */
function shardsOf(specs: readonly ParameterSpec[], bytes: number, limit: number) {
  const shards: ParameterSpec[][] = [];
  let room = 0;
  for (const spec of specs) {
    const size = bytes * elementsOf(spec.shape);
    if (size > room || shards.length === 0) {
      shards.push([]);
      room = limit;
    }
    shards.at(-1)!.push(spec);
    room -= size;
  }
  return shards;
}

const number = (n: number): string => String(n).padStart(5, "0");

/**
 * Writes config.json and the weights into `folder`; each file appears whole or not at all, config.json last. Weights of an earlier
 * checkpoint there are removed. Stops with `bad input` when a parameter is missing or has the wrong number of elements.
 */
export function writeCheckpoint(
  folder: string,
  config: ModelConfig,
  parameters: Readonly<Record<string, ArrayLike<number>>>,
  { dtype = "float32", shardBytes = 2 ** 31 }: WriteCheckpointOptions = {},
): void {
  if (!storedTypes.includes(dtype))
    throw new OpenTrnError(`dtype is ${dtype}; weights are stored as ${storedTypes.join(", ")}`, {
      category: "bad input",
      rule: "checkpoint type",
    });
  const specs = parameterSpecs(config);
  for (const { name, shape } of specs)
    if (parameters[name]?.length !== elementsOf(shape))
      throw badCheckpoint(
        folder,
        "shape",
        `${name} has ${parameters[name]?.length ?? "no"} elements, its shape [${shape.join(", ")}] takes ${elementsOf(shape)}`,
      );
  mkdirSync(folder, { recursive: true });
  const shards = shardsOf(specs, width[dtype], shardBytes);
  const place: Record<string, string> = {};
  const written = shards.map((shard, i) => {
    const file =
      shards.length === 1
        ? singleFile
        : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    const tensors = shard.map(({ name, shape }) => {
      place[name] = file;
      return [name, tensorOf(dtype, shape, parameters[name]!)] as const;
    });
    writeFileAtomic(join(folder, file), writeSafetensors(Object.fromEntries(tensors), origin));
    return file;
  });
  if (shards.length > 1) {
    const bytes = specs.reduce((n, { shape }) => n + width[dtype] * elementsOf(shape), 0);
    const index = { metadata: { total_size: bytes }, weight_map: place };
    writeFileAtomic(join(folder, indexFile), `${JSON.stringify(index, null, 2)}\n`);
  }
  for (const file of readdirSync(folder))
    if (/^model(-\d+-of-\d+)?\.safetensors$/.test(file) && !written.includes(file))
      rmSync(join(folder, file));
  if (shards.length === 1) rmSync(join(folder, indexFile), { force: true });
  writeFileAtomic(join(folder, "config.json"), configText(config, dtype));
}
