/** Rotary frequencies of every scaling as Hugging Face computes them, and what the tables hold. */
import { expect, test } from "vitest";
import { parseConfig } from "../config/parse-config.ts";
import { fixtureJson } from "../pytorch.fixture.ts";
import { small, worst } from "../testing.ts";
import { ropeFrequencies, ropeTables } from "./tables.ts";

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly length: number;
  readonly frequencies: readonly number[];
  readonly factor: number;
}
const { cases } = fixtureJson<{ cases: readonly Case[] }>("pytorch/rope.json");

test.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
  const config = parseConfig(c.config);
  const { rope, headSize, positions } = config;
  const found = ropeFrequencies(rope!, headSize, positions, c.length);
  expect(found).toHaveLength(c.frequencies.length);
  // fp32 powers of PyTorch against powers in double.
  const off = found.map((f, i) => Math.abs(f / c.frequencies[i]! - 1));
  expect(Math.max(...off)).toBeLessThan(1e-6);
  const { cos, sin } = ropeTables(config, c.length);
  const half = headSize / 2;
  const at = 37;
  const angle = (i: number): number => at * c.frequencies[i]!;
  const row = (t: Float32Array) => t.subarray(at * half, (at + 1) * half);
  expect(
    worst(
      row(cos),
      found.map((_, i) => c.factor * Math.cos(angle(i))),
    ),
  ).toBeLessThan(1e-5);
  expect(
    worst(
      row(sin),
      found.map((_, i) => c.factor * Math.sin(angle(i))),
    ),
  ).toBeLessThan(1e-5);
});

test("every scaling is among them", () => {
  expect(new Set(cases.map((c) => parseConfig(c.config).rope!.scaling.type)).size).toBe(5);
});

test("learned positions have no tables", () => {
  expect(() => ropeTables(small("gpt2"), 4)).toThrow("gpt2 has learned positions");
});
