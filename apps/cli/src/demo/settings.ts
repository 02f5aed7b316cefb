/** What the demo trains and writes. The figures were found by measuring what lowers the loss most within a minute of two slow cores. */
import type { Sampling, TrainOptions } from "@opentrn/train";
import { mobyDick } from "./moby-dick.ts";

export interface DemoSettings {
  readonly train: Partial<TrainOptions>;
  /** What the text starts with that is made at the end. */
  readonly prompt: string;
  readonly newTokens: number;
  readonly sampling: Sampling;
}

export const demoSettings = (): DemoSettings => ({
  train: {
    config: "demo-llama",
    data: mobyDick(),
    cores: 2,
    steps: 1000,
    batch: 8,
    sequence: 64,
    learningRate: 3e-3,
    evaluationBatches: 16,
  },
  prompt: "The whale",
  newTokens: 120,
  sampling: { temperature: 0.5, topK: 0, topP: 0.9, seed: 3 },
});
