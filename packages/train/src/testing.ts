/** What tests share: a bigram model small enough to train in a millisecond, and folders of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byteTokenizer, type ModelConfig, parseConfig } from "@opentrn/models";
import { CheckpointFolder } from "./checkpoint/checkpoint-folder.ts";
import type { RunIdentity } from "./checkpoint/record.ts";
import { split } from "./data/split.ts";
import { tokenise } from "./data/token-cache.ts";
import type {
  Batch,
  StepEngine,
  StepResult,
  StepScalars,
  TrainingState,
} from "./engine/step-engine.ts";
import type { TrainPlan, TrainRun } from "./loop/train-loop.ts";

/** A folder that is removed `after` the file's tests; `at` names a path in it. */
export function scratch(after: (clean: () => void) => void): {
  readonly folder: string;
  at(...path: string[]): string;
} {
  const folder = mkdtempSync(join(tmpdir(), "opentrn-train-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, at: (...path) => join(folder, ...path) };
}

const CLASSES = 256;

/** Logits are a row of a table; trained by AdamW without decay. Adding to the loss of a step: `poison`. */
export class BigramEngine implements StepEngine {
  readonly name = "bigram";
  private table = new Float32Array(CLASSES * CLASSES);
  private m = new Float32Array(CLASSES * CLASSES);
  private v = new Float32Array(CLASSES * CLASSES);
  private readonly poison: { readonly step: number; readonly value: number } | undefined;

  constructor(poison?: { readonly step: number; readonly value: number }) {
    this.poison = poison;
  }

  async load({ parameters, optimizer }: TrainingState): Promise<void> {
    this.table = parameters["table"]!.data.slice();
    this.m = optimizer["m.table"]!.data.slice();
    this.v = optimizer["v.table"]!.data.slice();
  }

  async step(batches: readonly Batch[], s: StepScalars): Promise<StepResult> {
    const gradient = new Float32Array(this.table.length);
    let loss = 0;
    for (const b of batches) loss += this.pass(b, gradient, batches.length);
    if (this.poison?.step === s.step)
      return { loss: this.poison.value, gradNorm: 1, firstBad: "table" };
    const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
    const shrink = Math.min(1, 1 / norm);
    const [c1, c2] = [1 - 0.9 ** (s.step + 1), 1 - 0.99 ** (s.step + 1)];
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i]! * shrink;
      this.m[i] = 0.9 * this.m[i]! + 0.1 * g;
      this.v[i] = 0.99 * this.v[i]! + 0.01 * g * g;
      const change = this.m[i]! / c1 / (Math.sqrt(this.v[i]! / c2) + 1e-8);
      this.table[i]! -= s.learningRate * change;
    }
    return { loss: loss / batches.length, gradNorm: norm };
  }

  async evaluate(batch: Batch): Promise<number> {
    return this.pass(batch, new Float32Array(this.table.length), 1);
  }

  async state(): Promise<TrainingState> {
    const shape = [CLASSES, CLASSES];
    return {
      parameters: { table: { shape, data: this.table.slice() } },
      optimizer: {
        "m.table": { shape, data: this.m.slice() },
        "v.table": { shape, data: this.v.slice() },
      },
    };
  }

  async close(): Promise<void> {}

  private pass({ tokens, labels }: Batch, gradient: Float32Array, parts: number): number {
    let loss = 0;
    for (const [i, token] of tokens.entries()) {
      const row = this.table.subarray(token * CLASSES, (token + 1) * CLASSES);
      const e = row.map(Math.exp);
      const total = e.reduce((a, b) => a + b, 0);
      const label = labels[i]!;
      loss -= Math.log(e[label]! / total) / tokens.length;
      for (let c = 0; c < CLASSES; c++)
        gradient[token * CLASSES + c]! +=
          (e[c]! / total - (c === label ? 1 : 0)) / tokens.length / parts;
    }
    return loss;
  }
}

export const poem = "the cat sat on the mat. the dog sat on the log. ".repeat(20);

export const identity: RunIdentity = {
  shape: { batch: 2, sequence: 8, accumulate: 2 },
  seed: 7,
  cores: 1,
  engine: "bigram",
  computeDtype: "float32",
  stochasticRounding: false,
  fp8: false,
  data: "",
  evaluationShare: 0.1,
};

export const plan: TrainPlan = {
  identity,
  schedule: { steps: 6, learningRate: 0.1, minimum: 0.01, warmup: 2 },
  optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clip: 1 },
  evaluateEvery: 2,
  evaluationBatches: 2,
  saveEvery: 2,
  version: "0",
};

/** A run of the bigram model over `poem` in `folder`. */
export function bigramRun(folder: string, more: Partial<TrainRun> = {}): TrainRun {
  writeFileSync(join(folder, "poem.txt"), poem);
  const { tokens } = tokenise([join(folder, "poem.txt")], byteTokenizer, join(folder, "data"));
  return {
    plan,
    engine: new BigramEngine(),
    tokens,
    split: split({ tokens: tokens.length, sequence: 8, share: 0.1, required: true }),
    checkpoints: new CheckpointFolder(join(folder, "checkpoints"), 2),
    beside: { "config.json": new TextEncoder().encode("{}\n") },
    logs: [],
    ...more,
  };
}

/** Fields of a Llama small enough for the interpreter to train in a second. */
export const tinyFields = {
  model_type: "llama",
  vocab_size: 256,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 24,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  initializer_range: 0.1,
  hidden_act: "silu",
  tie_word_embeddings: false,
};
export const tinyConfig = (): ModelConfig => parseConfig(tinyFields);
