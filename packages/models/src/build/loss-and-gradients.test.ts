/** Gradients of every architecture against finite differences in float64, and what batches and options do to them. */
import { inlineCalls, parameterName, parse, print, verify } from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { parameterSpecs } from "../parameters/specs.ts";
import { lively, randomTokens, run, small, smallModels, tables, worst } from "../testing.ts";
import { gradientName, labelWeight, lossAndGradients } from "./loss-and-gradients.ts";

const [batch, seq] = [2, 3];

function batchOf(name: string, seed = 5) {
  const config = small(name);
  const tokens = randomTokens(config, batch * seq, seed);
  const labels = randomTokens(config, batch * seq, seed + 1).with(1, -100);
  return {
    config,
    parameters: lively(config),
    inputs: { ...tables(config, seq), tokens, labels, label_weight: [labelWeight(labels)] },
  };
}

describe.each(Object.keys(smallModels))("%s", (name) => {
  const { config, parameters, inputs } = batchOf(name);
  const fn = lossAndGradients(config, { batch, seq, computeDtype: "float32" });

  test("finite differences in float64", () => {
    const found = run(fn, { ...parameters, ...inputs }, "float64");
    const step = 1e-5;
    for (const { name: parameter } of parameterSpecs(config)) {
      const gradient = found[gradientName(parameter)]!;
      const values = Float64Array.from(parameters[parameter]!);
      // A few elements of each, spread over the tensor; the embedding's first rows may be unused tokens, which is tested too.
      for (let k = 0; k < 3; k++) {
        const i = Math.floor(((k + 0.5) * values.length) / 3);
        const at = (x: number): number => {
          const moved = Float64Array.from(values);
          moved[i] = x;
          const given = { ...parameters, [parameter]: moved, ...inputs };
          return run(fn, given, "float64")["loss"]![0]!;
        };
        const expected = (at(values[i]! + step) - at(values[i]! - step)) / (2 * step);
        expect(Math.abs(gradient[i]! - expected), `${parameter}[${i}]`).toBeLessThan(2e-8);
      }
    }
  });

  test("fp32 stays near float64", () => {
    const given = { ...parameters, ...inputs };
    const [narrow, wide] = [run(fn, given), run(fn, given, "float64")];
    for (const output of fn.outputs)
      expect(worst(narrow[output]!, wide[output]!), output).toBeLessThan(2e-5);
  });

  test("the text form is valid", () => {
    verify(fn.fn);
    const text = print(fn.fn);
    expect(print(parse(text))).toBe(text);
  });
});

describe("llama", () => {
  const name = "llama, grouped, tied";
  const { config, parameters, inputs } = batchOf(name);
  const options = { batch, seq, computeDtype: "float32" } as const;
  const plain = run(lossAndGradients(config, options), { ...parameters, ...inputs }, "float64");

  test("bf16 gradients stay within bf16's rounding", () => {
    const narrow = lossAndGradients(config, { ...options, computeDtype: "bfloat16" });
    const found = run(narrow, { ...parameters, ...inputs });
    for (const output of narrow.outputs) {
      const scale = Math.max(...plain[output]!.map(Math.abs));
      const off = Math.max(...found[output]!.map((x, i) => Math.abs(x - plain[output]![i]!)));
      // Some thirty roundings to 8 bits lie between; measured below 3 %.
      expect(off / scale, output).toBeLessThan(0.06);
    }
  });

  test("layers computed again give the same", () => {
    const again = lossAndGradients(config, { ...options, recompute: true });
    expect(again.outputs).toEqual(lossAndGradients(config, options).outputs);
    const found = run(again, { ...parameters, ...inputs }, "float64");
    for (const output of again.outputs)
      expect(worst(found[output]!, plain[output]!)).toBeLessThan(1e-14);
    const calls = again.fn.body.filter((op) => op.name === "call");
    expect(calls).toHaveLength(2 * config.layers);
    expect(new Set(calls.map((op) => op.attrs["callee"])).size).toBe(2);
    expect(print(inlineCalls(again.fn))).not.toContain(" call ");
  });

  test("layers computed again give the same bits in bf16", () => {
    const narrow = { ...options, computeDtype: "bfloat16" } as const;
    const given = { ...parameters, ...inputs };
    expect(run(lossAndGradients(config, { ...narrow, recompute: true }), given)).toEqual(
      run(lossAndGradients(config, narrow), given),
    );
  });

  test("batches add up to the whole", () => {
    const part = lossAndGradients(config, {
      batch: 1,
      seq,
      computeDtype: "float32",
      accumulate: true,
    });
    const half = (x: readonly number[], i: number) => x.slice(i * seq, (i + 1) * seq);
    let sums: Record<string, ArrayLike<number>> = { loss: [0] };
    for (const { name: parameter } of parameterSpecs(config))
      sums[gradientName(parameter)] = new Float32Array(parameters[parameter]!.length);
    for (const i of [0, 1])
      sums = run(
        part,
        {
          ...parameters,
          ...inputs,
          tokens: half(inputs.tokens, i),
          labels: half(inputs.labels, i),
          ...sums,
        },
        "float64",
      );
    for (const output of part.outputs)
      expect(worst(sums[output]!, plain[output]!)).toBeLessThan(1e-13);
  });

  test("nothing of vocabulary size is gathered, scattered or padded, and weight gradients stay fp32", () => {
    const { fn } = lossAndGradients(config, { ...options, computeDtype: "bfloat16" });
    const shapes = (op: string) =>
      fn.body.filter((o) => o.name === op).map((o) => o.results[0]!.type.shape);
    expect(shapes("pad")).toEqual([]);
    expect(shapes("scatter")).toEqual([[config.vocabSize, config.width]]);
    const products = fn.results.slice(1).map((v) => v.op);
    for (const op of products.filter((o) => o.name === "dot_general"))
      expect(op.results[0]!.type.dtype).toBe("float32");
    expect(fn.results.slice(1).map((v) => v.op.name)).not.toContain("convert");
    // Forward products are as narrow as what is kept of them: seven a layer, and the logits.
    const wide = fn.body.filter(
      (o) => o.name === "dot_general" && o.results[0]!.type.dtype === "float32",
    );
    expect(wide).toHaveLength(7 * config.layers + 1);
    expect(fn.params.map(parameterName).slice(-3)).toEqual(["tokens", "labels", "label_weight"]);
  });

  test("a batch without labels has no loss", () => {
    const labels = inputs.labels.map(() => -100);
    expect(labelWeight(labels)).toBe(0);
    const found = run(lossAndGradients(config, options), {
      ...parameters,
      ...inputs,
      labels,
      label_weight: [0],
    });
    expect(found["loss"]![0]).toBe(0);
    expect(found[gradientName("model.norm.weight")]!.every((x) => x === 0)).toBe(true);
  });
});

test("shapes that the model cannot take are refused", () => {
  const config = small("gpt2");
  const build = (o: object) => () =>
    lossAndGradients(config, { batch, seq, computeDtype: "float32", ...o });
  expect(build({ seq: 17 })).toThrow("longer than the model's 16 positions");
  expect(build({ seq: 0 })).toThrow("seq is 0");
  expect(build({ batch: 1.5 })).toThrow("batch is 1.5");
  expect(build({ computeDtype: "int8" })).toThrow("known are bfloat16, float16, float32");
});
