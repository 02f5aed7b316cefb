/** Hugging Face checkpoints of every architecture: logits, loss, gradients and greedy text as PyTorch computes them. */
import { describe, expect, test } from "vitest";
import { forward } from "./build/forward.ts";
import { cacheTypes, decode, prefill } from "./build/generation.ts";
import { gradientName, labelWeight, lossAndGradients } from "./build/loss-and-gradients.ts";
import { readCheckpoint } from "./checkpoint/read-checkpoint.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { elementsOf } from "./parameters/initialise.ts";
import { type Expected, fixtureJson, fixturePath, fixtureTensors } from "./pytorch.fixture.ts";
import { run, tables, worst } from "./testing.ts";

const [batch, seq] = [2, 7];
const largest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
const spread = (x: readonly number[]): number =>
  Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);

/** The token with the largest logit of every sequence. */
const best = (logits: Float32Array, { vocabSize: v }: ModelConfig): number[] =>
  Array.from({ length: batch }, (_, b) => {
    const row = logits.subarray(b * v, (b + 1) * v);
    return row.indexOf(Math.max(...row));
  });

describe.each(["llama", "mistral", "qwen2", "qwen3", "gpt2"])("%s", (name) => {
  const expected = fixtureJson<Expected>(`pytorch/${name}/expected.json`);
  const { config, parameters } = readCheckpoint(fixturePath(`pytorch/${name}`));
  const tokens = expected.tokens.flat();
  const logits = expected.logits.flat(2);

  test("logits", () => {
    const found = run(forward(config, { batch, seq, computeDtype: "float32" }), {
      ...parameters,
      ...tables(config, seq),
      tokens,
    })["logits"]!;
    // Both are fp32 and sum in different orders; logits are of size 1 to 10.
    expect(worst(found, logits)).toBeLessThan(2e-5);
  });

  test("bf16 logits are as near as PyTorch's own", () => {
    const found = run(forward(config, { batch, seq, computeDtype: "bfloat16" }), {
      ...parameters,
      ...tables(config, seq),
      tokens,
    })["logits"]!;
    const own = largest(Array.from(found), logits) / spread(logits);
    const theirs = largest(expected.bfloat16_logits.flat(2), logits) / spread(logits);
    expect(own).toBeGreaterThan(1e-3);
    expect(own).toBeLessThan(1.5 * theirs);
  });

  test("loss and gradients", () => {
    const labels = expected.labels.flat();
    const { [gradientName("")]: _, ...found } = run(
      lossAndGradients(config, { batch, seq, computeDtype: "float32" }),
      {
        ...parameters,
        ...tables(config, seq),
        tokens,
        labels,
        label_weight: [labelWeight(labels)],
      },
    );
    expect(worst(found["loss"]!, [expected.loss])).toBeLessThan(1e-6);
    const gradients = fixtureTensors(`pytorch/${name}/gradients.safetensors`);
    expect(Object.keys(found).length - 1).toBe(Object.keys(gradients).length);
    for (const [parameter, theirs] of Object.entries(gradients)) {
      const own = found[gradientName(parameter)]!;
      expect(own, parameter).toBeDefined();
      expect(worst(own, theirs), parameter).toBeLessThan(2e-5);
    }
  });

  test("greedy tokens by prefill and decode", () => {
    const prompt = expected.prompt[0]!.length;
    const options = { batch, maxLength: 12, computeDtype: "float32" } as const;
    const caches = Object.fromEntries(
      Object.entries(cacheTypes(config, options)).map(([key, t]) => [
        key,
        new Float32Array(elementsOf(t.shape)),
      ]),
    );
    let { logits: next, ...state } = run(prefill(config, { ...options, seq: prompt }), {
      ...parameters,
      ...tables(config, prompt),
      tokens: expected.prompt.flat(),
      last: [prompt - 1],
      ...caches,
    });
    const step = decode(config, options);
    const found: number[][] = [best(next!, config)];
    for (let at = prompt; found.length < expected.greedy[0]!.length; at++) {
      ({ logits: next, ...state } = run(step, {
        ...parameters,
        ...tables(config, options.maxLength),
        tokens: found.at(-1)!,
        start: [at],
        ...state,
      }));
      found.push(best(next!, config));
    }
    const bySequence = expected.greedy.map((_, b) => found.map((row) => row[b]!));
    expect(bySequence).toEqual(expected.greedy);
  });
});
