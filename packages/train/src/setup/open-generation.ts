/** Makes a model ready to generate: finds its checkpoint and tokenizer, compiles prefill and decode. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Chip, chipNamed } from "@opentrn/chips";
import {
  type ComputeType,
  type ModelConfig,
  readCheckpoint,
  type Tokenizer,
} from "@opentrn/models";
import { CheckpointFolder } from "../checkpoint/checkpoint-folder.ts";
import { type EngineName, engineNamed } from "../engine/engines.ts";
import type { DecodeEngine } from "../generate/decode-engine.ts";
import { checkPrompt } from "../generate/generate.ts";
import { tokenizerFor } from "./load-tokenizer.ts";

export interface GenerationRequest {
  /** The folder of a run, of a checkpoint, or of a model in the form of Hugging Face. */
  readonly model: string;
  readonly tokenizer?: string;
  readonly target: string;
  readonly engine: EngineName;
  readonly computeDtype: ComputeType;
  readonly seed: number;
  readonly prompt: string;
  readonly maxNewTokens: number;
  readonly onProgress?: (what: string) => void;
}

export interface OpenGeneration {
  readonly engine: DecodeEngine;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly chip: Chip;
  /** Where the weights are from. */
  readonly checkpoint: string;
}

/** The folder with the weights: the newest checkpoint of a run, or the folder itself. */
export function modelFolder(path: string): string {
  const checkpoints = join(path, "checkpoints");
  return (existsSync(checkpoints) && new CheckpointFolder(checkpoints, 1).latest()) || path;
}

export async function openGeneration(request: GenerationRequest): Promise<OpenGeneration> {
  const chip = chipNamed(request.target);
  const folder = modelFolder(request.model);
  const { config, parameters } = readCheckpoint(folder);
  const tokenizer = tokenizerFor({ word: request.tokenizer ?? "auto", folder, config });
  const prompt = tokenizer.encode(request.prompt).length;
  checkPrompt(prompt, config.positions);
  const engine = await engineNamed(request.engine).decoding(
    {
      config,
      parameters,
      computeDtype: request.computeDtype,
      context: Math.min(prompt + request.maxNewTokens, config.positions),
    },
    { chip, cores: 1, stochasticRounding: false, fp8: false, seed: request.seed },
    request.onProgress ?? (() => {}),
  );
  return { engine, tokenizer, config, chip, checkpoint: folder };
}
