/** Prompt and tokens on the chip against the interpreter. */
import { chipNamed } from "@opentrn/chips";
import { initialise } from "@opentrn/models";
import { expect, test } from "vitest";
import { tinyConfig } from "../../testing.ts";
import { InterpreterDecoder } from "../interpreter-decoder.ts";
import { ChipDecoder } from "./chip-decoder.ts";

const config = tinyConfig();
const request = {
  config,
  parameters: initialise(config, 4),
  computeDtype: "bfloat16" as const,
  context: 12,
};
const placement = {
  chip: chipNamed("trn2"),
  cores: 1,
  stochasticRounding: false,
  fp8: false,
  seed: 0,
};

test("logits follow the interpreter's through a prompt and the tokens after it", async () => {
  const chip = await ChipDecoder.of(request, placement);
  const reference = new InterpreterDecoder(request);
  expect(chip.predicted).toBeUndefined();
  const near = (a: Float32Array, b: Float32Array) => {
    const scale = Math.max(...b.map(Math.abs));
    expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(0.02 * scale);
  };
  const prompt = Int32Array.of(7, 200, 31, 4, 99);
  near(await chip.prefill(prompt), await reference.prefill(prompt));
  for (const token of [12, 255, 0]) near(await chip.decode(token), await reference.decode(token));
  const first = await chip.prefill(prompt);
  expect(await chip.prefill(prompt)).toEqual(first);
  const { ttftNs, tokenNs, cores } = chip.predicted!;
  expect(ttftNs).toBeGreaterThan(1e4);
  expect(tokenNs).toBeGreaterThan(1e4);
  expect(cores).toBe(1);
  await chip.close();
}, 60_000);
