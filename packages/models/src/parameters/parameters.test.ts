/** Parameters: names and shapes of Hugging Face's own files, and fresh values that depend on name and seed alone. */
import { expect, test } from "vitest";
import { readConfig } from "../checkpoint/read-checkpoint.ts";
import { architectures } from "../config/model-config.ts";
import { presetConfig } from "../config/presets.ts";
import { fixturePath, fixtureTensors } from "../pytorch.fixture.ts";
import { small } from "../testing.ts";
import { forwardFlops, parameterCount } from "./counts.ts";
import { elementsOf, initialise, initialiseOne } from "./initialise.ts";
import { parameterSpecs } from "./specs.ts";

test.each(architectures)("%s has the parameters that PyTorch has", (name) => {
  const specs = parameterSpecs(readConfig(fixturePath(`pytorch/${name}`)));
  const theirs = fixtureTensors(`pytorch/${name}/gradients.safetensors`);
  expect(specs.map((s) => s.name).sort()).toEqual(Object.keys(theirs).sort());
  for (const { name: parameter, shape } of specs)
    expect(elementsOf(shape), parameter).toBe(theirs[parameter]!.length);
});

test("fresh values have the deviation of the configuration, and norms begin at one", () => {
  const config = presetConfig("tiny-gpt2");
  const fresh = initialise(config, 3);
  const deviation = (name: string): number => {
    const x = fresh[name]!;
    return Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);
  };
  expect(deviation("transformer.wte.weight")).toBeCloseTo(0.02, 3);
  // Four layers write into the residual stream eight times.
  expect(deviation("transformer.h.0.attn.c_proj.weight")).toBeCloseTo(0.02 / Math.sqrt(8), 3);
  expect(fresh["transformer.ln_f.weight"]!.every((x) => x === 1)).toBe(true);
  expect(fresh["transformer.ln_f.bias"]!.every((x) => x === 0)).toBe(true);
});

test("the same seed gives the same values, another one others, each tensor its own", () => {
  const config = small("llama, grouped, tied");
  const [a, b] = [initialise(config, 1), initialise(config, 2)];
  expect(initialise(config, 1)).toEqual(a);
  const [q, k] = ["q", "k"].map((x) => `model.layers.0.self_attn.${x}_proj.weight`);
  expect(b[q!]).not.toEqual(a[q!]);
  expect(a[k!]).not.toEqual(a[q!]!.subarray(0, a[k!]!.length));
  const spec = parameterSpecs(config).find((s) => s.name === q)!;
  expect(initialiseOne(spec, 1)).toEqual(a[q!]);
  // Checkpoints of a demo name a seed; these numbers may not change.
  expect([...a[q!]!.subarray(0, 3)]).toMatchInlineSnapshot(`
    [
      -0.25368818640708923,
      -0.11243008822202682,
      0.02467275969684124,
    ]
  `);
});

test("operations of a forward pass, counted by hand", () => {
  const config = small("llama, grouped, tied");
  const [tokens, seq] = [6, 3];
  const matrices = 8 * 16 + 2 * 8 * 8 + 16 * 8 + 3 * 8 * 12;
  const flops = forwardFlops(config, { batch: 2, seq });
  expect(flops.layers).toBe(2 * tokens * matrices * 2);
  // Scores and sums of the six pairs that two sequences' four heads of four see.
  expect(flops.attention).toBe(2 * 2 * (2 * 6) * 4 * 4 * 2);
  expect(flops.unembedding).toBe(2 * tokens * 11 * 8);
  expect(flops.total).toBe(flops.layers + flops.attention + flops.unembedding);
  expect(parameterCount(config)).toBe(2 * (matrices + 2 * 8) + 11 * 8 + 8);
});
