/** How well models use the virtual trn2, timing only. Floors are the project's targets; docs/compiler.md has the figures. */
import { chipNamed } from "@opentrn/chips";
import { type ModelConfig, presetConfig } from "@opentrn/models";
import { expect, test } from "vitest";
import { costModel, type ModelCost } from "./cost-model.ts";

const chip = chipNamed("trn2");
const computeDtype = "bfloat16";

test("a training step of GPT-2 small, 8 x 1024 tokens: at least 45 % MFU", () => {
  const cost = costModel(presetConfig("gpt2"), "train", {
    chip,
    batch: 8,
    seq: 1024,
    computeDtype,
  });
  expect(cost.mfu).toBeGreaterThan(0.45);
  expect(cost.boundNs).toBeLessThan(cost.stepNs);
  // Repeated layers are one module each.
  expect(cost.plan.modules.length).toBeLessThan(cost.plan.calls.length / 5);
}, 240_000);

test("a layer of Llama 3 8B, forward over 4096 tokens: at least 60 % MFU", () => {
  const config = presetConfig("llama-3-8b");
  const [one, two] = [1, 2].map((layers): ModelCost => {
    // What embeds and unembeds is the same in both.
    const some: ModelConfig = { ...config, layers, vocabSize: 256 };
    return costModel(some, "forward", { chip, batch: 1, seq: 4096, computeDtype });
  }) as [ModelCost, ModelCost];
  const peak = chip.peakTflops.bf16.value * 1e3;
  const mfu = (two.modelFlops - one.modelFlops) / (two.stepNs - one.stepNs) / peak;
  expect(mfu).toBeGreaterThan(0.6);
  expect(mfu).toBeLessThan(1);
}, 240_000);
