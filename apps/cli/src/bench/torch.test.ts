import { spawnSync } from "node:child_process";
import { pythonAvailable, pythonCommand } from "@opentrn/nki";
import { expect, test } from "vitest";
import { trn } from "../testing.ts";
import { torchTraining } from "./torch.ts";

const hasTorch =
  pythonAvailable() && spawnSync(pythonCommand(), ["-c", "import torch"]).status === 0;
const small = { config: "bench/llama_10m.json", batch: 1, seq: 8, threads: 1, steps: 1, tokens: 5 };

test.skipIf(!pythonAvailable() || hasTorch)("without PyTorch there is no peer, and why", () => {
  expect(torchTraining(small)).toEqual({ missing: "no peer: this Python has no PyTorch" });
});

test.skipIf(!hasTorch)("PyTorch trains and decodes the same model", () => {
  const peer = torchTraining(small);
  if (!("figures" in peer)) throw new Error(peer.missing);
  const { parameters, train, decode } = peer.figures;
  expect(parameters).toBe(10_059_840);
  // Untrained, the loss is that of a guess among 8192 tokens: ln 8192 = 9.01.
  expect(Math.abs(train.float32.firstLoss - 9.01)).toBeLessThan(0.5);
  expect(train.bfloat16.tokensPerSecond).toBeGreaterThan(0);
  expect(decode.float32.tokensPerSecond).toBeGreaterThan(0);
});

test("trn bench --train has the rows of training and decoding alone", async () => {
  const run = await trn(["bench", "--train", "--filter", "no such row"]);
  expect(run.code).toBe(2);
  expect(run.err).toContain("training of a 10 M Llama in bfloat16 against PyTorch");
  expect(run.err).not.toContain("nc_matmul");
});
