/** Prefill and decode against whole sequences: the same logits, whatever is padding or comes later. */
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "../config/model-config.ts";
import { lively, randomTokens, run, small, smallModels, tables, worst } from "../testing.ts";
import { forward } from "./forward.ts";
import { cacheTypes, decode, prefill } from "./generation.ts";

const [batch, maxLength, prompt, padded] = [2, 8, 4, 5];
const computeDtype = "float32";

/** Logits of token `at` of every sequence. */
function logitsAt(config: ModelConfig, logits: ArrayLike<number>, seq: number, at: number) {
  const v = config.vocabSize;
  return Array.from({ length: batch }, (_, b) =>
    Array.from({ length: v }, (_, i) => logits[(b * seq + at) * v + i]!),
  ).flat();
}

const columns = (tokens: readonly number[], from: number, to: number): number[] =>
  Array.from({ length: batch }, (_, b) =>
    tokens.slice(b * maxLength + from, b * maxLength + to),
  ).flat();

const emptyCaches = (config: ModelConfig) =>
  Object.fromEntries(
    Object.entries(cacheTypes(config, { batch, maxLength, computeDtype })).map(([name, t]) => [
      name,
      new Float32Array(t.shape.reduce((n, d) => n * d, 1)),
    ]),
  );

const cachesOf = (outputs: Readonly<Record<string, Float32Array>>) =>
  Object.fromEntries(Object.entries(outputs).filter(([name]) => name.startsWith("cache.")));

describe.each(Object.keys(smallModels))("%s", (name) => {
  const config = small(name);
  const parameters = lively(config);
  const tokens = randomTokens(config, batch * maxLength);
  const whole = run(
    forward(config, { batch, seq: maxLength, computeDtype }),
    { ...parameters, ...tables(config, maxLength), tokens },
    "float64",
  )["logits"]!;
  const options = { batch, maxLength, computeDtype } as const;
  const first = run(
    prefill(config, { ...options, seq: padded }),
    {
      ...parameters,
      ...tables(config, padded),
      tokens: columns(tokens, 0, padded),
      last: [prompt - 1],
      ...emptyCaches(config),
    },
    "float64",
  );

  test("prefill gives the logits of the last token that is no padding", () => {
    const expected = logitsAt(config, whole, maxLength, prompt - 1);
    expect(worst(first["logits"]!, expected)).toBeLessThan(1e-13);
  });

  test("decode goes on from there, token by token", () => {
    const one = decode(config, options);
    let caches = cachesOf(first);
    for (let at = prompt; at < maxLength; at++) {
      const next = run(
        one,
        {
          ...parameters,
          ...tables(config, maxLength),
          tokens: columns(tokens, at, at + 1),
          start: [at],
          ...caches,
        },
        "float64",
      );
      caches = cachesOf(next);
      expect(worst(next["logits"]!, logitsAt(config, whole, maxLength, at))).toBeLessThan(1e-13);
    }
  });

  test("several tokens at once do the same", () => {
    const next = run(
      decode(config, { ...options, seq: 3 }),
      {
        ...parameters,
        ...tables(config, maxLength),
        tokens: columns(tokens, prompt, prompt + 3),
        start: [prompt],
        ...cachesOf(first),
      },
      "float64",
    );
    const expected = logitsAt(config, whole, maxLength, prompt + 2);
    expect(worst(next["logits"]!, expected)).toBeLessThan(1e-13);
  });
});

test("a prompt longer than the caches is refused", () => {
  const config = small("gpt2");
  const options = { batch, maxLength: 4, computeDtype, seq: 5 } as const;
  expect(() => prefill(config, options)).toThrow("5 tokens do not fit caches of 4");
  expect(() => decode(config, { ...options, maxLength: 17 })).toThrow("16 positions");
});

test("weights may be given in the compute type", () => {
  const config = small("llama, grouped, tied");
  const { fn } = decode(config, { batch, maxLength, computeDtype: "bfloat16" });
  const [table] = fn.params;
  expect(table!.type.dtype).toBe("bfloat16");
  const converted = fn.body.filter((op) => op.name === "convert" && op.operands[0] === table);
  expect(converted).toEqual([]);
});
