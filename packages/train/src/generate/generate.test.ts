import { byteTokenizer } from "@opentrn/models";
import { expect, test } from "vitest";
import type { DecodeEngine } from "./decode-engine.ts";
import { type GenerateRequest, generate } from "./generate.ts";
import { Sampler } from "./sampler.ts";

const logits = (...x: number[]): Float32Array => Float32Array.from(x);
const counts = (sampler: Sampler, x: Float32Array, n = 4000): number[] => {
  const seen = Array.from(x, () => 0);
  for (let i = 0; i < n; i++) seen[sampler.pick(x)]!++;
  return seen.map((c) => c / n);
};
const all = { temperature: 1, topK: 0, topP: 1, seed: 3 };

test("temperature 0 takes the likeliest, the first of equals", () => {
  const greedy = new Sampler({ ...all, temperature: 0 });
  expect([
    greedy.pick(logits(1, 5, 5, 2)),
    greedy.pick(logits(-9, Number.NEGATIVE_INFINITY)),
  ]).toEqual([1, 0]);
});

test("draws follow the softmax, sharper at a lower temperature", () => {
  const x = logits(Math.log(0.5), Math.log(0.3), Math.log(0.2));
  const seen = counts(new Sampler(all), x);
  [0.5, 0.3, 0.2].forEach((p, i) => {
    expect(Math.abs(seen[i]! - p)).toBeLessThan(0.03);
  });
  const sharp = counts(new Sampler({ ...all, temperature: 0.5 }), x);
  expect(Math.abs(sharp[0]! - 0.25 / 0.38)).toBeLessThan(0.03);
});

test("top-k and top-p leave the rest out; equal logits go by id", () => {
  const x = logits(Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05));
  expect(counts(new Sampler({ ...all, topK: 2 }), x).map((c) => c > 0)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(counts(new Sampler({ ...all, topP: 0.79 }), x).map((c) => c > 0)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(counts(new Sampler({ ...all, topP: 0.81 }), x)[2]).toBeGreaterThan(0);
  expect(counts(new Sampler({ ...all, topP: 1e-9 }), x)).toEqual([1, 0, 0, 0]);
  expect(counts(new Sampler({ ...all, topK: 1 }), logits(2, 2, 2))).toEqual([1, 0, 0]);
  expect(counts(new Sampler({ ...all, topK: 9 }), logits(2, 2))[1]).toBeGreaterThan(0.4);
});

test("the seed decides the draws", () => {
  const x = Float32Array.from({ length: 50 }, () => 0);
  const draw = (seed: number) => {
    const s = new Sampler({ ...all, seed });
    return Array.from({ length: 20 }, () => s.pick(x));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test("logits that are not finite stop with the token", () => {
  const s = new Sampler(all);
  expect(() => s.pick(logits(1, Number.NaN))).toThrow(/logit of token 1 is NaN/);
  expect(() => s.pick(logits(Number.NEGATIVE_INFINITY))).toThrow(/is -Infinity/);
});

/** Says the next letter of the alphabet, for ever. */
class Alphabet implements DecodeEngine {
  readonly name = "alphabet";
  readonly context = 12;
  fed: number[] = [];
  async prefill(prompt: Int32Array): Promise<Float32Array> {
    this.fed = [...prompt];
    return this.next();
  }
  async decode(token: number): Promise<Float32Array> {
    this.fed.push(token);
    return this.next();
  }
  async close(): Promise<void> {}
  private next(): Float32Array {
    const x = new Float32Array(256);
    x[this.fed.at(-1)! + 1] = 9;
    return x;
  }
}
const request = (more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  engine: new Alphabet(),
  tokenizer: byteTokenizer,
  prompt: "ab",
  maxNewTokens: 4,
  sampling: { ...all, temperature: 0 },
  ...more,
});

test("tokens follow each other until there are enough; text is handed over as it comes", async () => {
  const pieces: string[] = [];
  const engine = new Alphabet();
  const made = await generate(request({ engine, onText: (t) => pieces.push(t) }));
  expect(made).toMatchObject({ text: "cdef", ended: "length", promptTokens: 2 });
  expect(pieces).toEqual(["c", "d", "e", "f"]);
  // The last token needs no logits after it.
  expect(String.fromCharCode(...engine.fed)).toBe("abcde");
});

test("generation ends with the text, with the cache, or when asked", async () => {
  const end = await generate(request({ endIds: [101] }));
  expect([end.text, end.ended]).toEqual(["cd", "end of text"]);
  const full = await generate(request({ maxNewTokens: 99 }));
  expect([full.text.length, full.ended]).toEqual([11, "context"]);
  const stopped = await generate(request({ stopRequested: () => true }));
  expect([stopped.text, stopped.ended]).toEqual(["c", "stopped"]);
  expect((await generate(request({ maxNewTokens: 0 }))).tokens).toEqual([]);
});

test("a prompt must have tokens and fit", async () => {
  await expect(generate(request({ prompt: "" }))).rejects.toThrow(/--prompt is empty/);
  await expect(generate(request({ prompt: "x".repeat(13) }))).rejects.toThrow(
    /has 13 tokens, the model's context has 12/,
  );
});
