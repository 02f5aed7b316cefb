import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { tensorOf, valuesOf } from "../tensors/tensor.ts";
import { writeTensorFile } from "../tensors/tensor-file.ts";
import { type ArgumentValue, loadArgument, readArgument } from "./argument.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tensor = (v: ArgumentValue) => {
  if (v.kind !== "tensor") throw new Error("no tensor");
  return v.tensor;
};
const load = (text: string, seed = 0) => tensor(loadArgument(readArgument(text), seed));

describe("made-up tensors", () => {
  test("shape, type and distribution", () => {
    expect(readArgument("q=128x1024:bfloat16:normal").source).toEqual({
      kind: "generated",
      shape: [128, 1024],
      dtype: "bfloat16",
      distribution: "normal",
      params: [0, 1],
    });
    expect(readArgument("q=4:bf16:uniform(-1, 1)").source).toMatchObject({ params: [-1, 1] });
    expect(readArgument("i=4:int32").source).toMatchObject({ distribution: "randint" });
  });
  test("values of each distribution", () => {
    expect([...valuesOf(load("x=2x3:float32:iota"))]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...valuesOf(load("x=3:float32:arange(1, 0.5)"))]).toEqual([1, 1.5, 2]);
    expect([...valuesOf(load("x=2x2:float16:eye"))]).toEqual([1, 0, 0, 1]);
    expect([...valuesOf(load("x=3:int8:full(-7)"))]).toEqual([-7, -7, -7]);
    expect([...valuesOf(load("x=2:f32:ones"))]).toEqual([1, 1]);
    expect([...valuesOf(load("x=50:int32:permutation"))].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    const r = valuesOf(load("x=1000:int32:randint(5, 8)"));
    expect(new Set(r)).toEqual(new Set([5, 6, 7]));
    const u = valuesOf(load("x=1000:float32:uniform(2, 3)"));
    expect(Math.min(...u)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...u)).toBeLessThanOrEqual(3);
    const n = valuesOf(load("x=10000:float32:normal(1, 2)"));
    const mean = n.reduce((a, b) => a + b) / n.length;
    expect(mean).toBeCloseTo(1, 1);
    expect(Math.sqrt(n.reduce((a, b) => a + (b - mean) ** 2, 0) / n.length)).toBeCloseTo(2, 1);
  });
  test("rounded as the chip stores them", () => {
    const wide = valuesOf(load("x=64:float32:normal"));
    const narrow = load("x=64:bfloat16:normal");
    expect(valuesOf(narrow)).toEqual(valuesOf(tensorOf("bfloat16", [64], wide)));
  });
  test("seed and name decide the values, other arguments do not", () => {
    expect(load("x=8:float32").bytes).toEqual(load("x=8:float32").bytes);
    expect(load("x=8:float32").bytes).not.toEqual(load("y=8:float32").bytes);
    expect(load("x=8:float32", 1).bytes).not.toEqual(load("x=8:float32", 2).bytes);
  });
});

describe("tensor files", () => {
  const q = tensorOf("bfloat16", [2], [1.5, -2]);
  test("each format, with keys and types", () => {
    writeTensorFile(join(folder, "q.safetensors"), { "layer.0:w": q });
    writeTensorFile(join(folder, "q.npz"), { q, k: q });
    writeTensorFile(join(folder, "q.npy"), { q });
    expect(() => load(`q=@${folder}/q.safetensors#q`)).toThrow("has no tensor");
    expect(load(`q=@${folder}/q.safetensors`)).toEqual(q);
    expect(load(`q=@${folder}/q.safetensors#layer.0:w`)).toEqual(q);
    expect(load(`q=@${folder}/q.npz#k:bfloat16`)).toEqual(q);
    expect([...valuesOf(load(`q=@${folder}/q.npy:bf16`))]).toEqual([1.5, -2]);
    expect(load(`q=@${folder}/q.safetensors:float16`).dtype).toBe("float16");
  });
  test("missing files and scalars", () => {
    expect(() => load(`q=@${folder}/none.npy`)).toThrow("no such file");
    expect(() => load("q=@none.bin")).toThrow("is no tensor file");
    expect(() => load(`q=@${folder}`)).toThrow("is no tensor file");
    writeTensorFile(join(folder, "s.npy"), { s: tensorOf("float32", [], [1]) });
    expect(() => load(`q=@${folder}/s.npy`)).toThrow("at least one dimension".slice(0, 8));
  });
});

describe("compile-time values", () => {
  test("Python literals", () => {
    expect(readArgument("eps=1e-6").source).toEqual({ kind: "literal", value: 1e-6 });
    expect(readArgument("causal=True").source).toEqual({ kind: "literal", value: true });
    expect(readArgument("n=-4").source).toEqual({ kind: "literal", value: -4n });
    expect(readArgument("s='a=b'").source).toEqual({ kind: "literal", value: "a=b" });
  });
});

test("what is wrong with an argument, and the way out", () => {
  for (const [text, message] of [
    ["128x128:float32", "has no name before ="],
    ["=3", "has no name"],
    ["q", "has no name"],
    ["q=0x4:float32", "from 0 to 4; up to 8 of at least 1"],
    ["q=4x4:float64", 'data type "float64" is not one we know'],
    ["q=4:constructor", 'data type "constructor"'],
    ["q=4:float32:gamma", 'distribution "gamma" is not one we know'],
    ["q=4:float32:normal(a)", "takes (mean, deviation) as numbers"],
    ["q=4:float32:normal(1,2,3)", "takes (mean, deviation) as numbers"],
    ["q=4:float32:full", "needs value"],
    ["q=4:int32:randint(5,5)", "must be above low 5"],
    ["q=gelu", "put strings in quotes"],
  ] as const)
    expect(() => load(text), text).toThrow(message);
  expect(() => load("q=1000000x1000000:float32")).toThrow("bytes, at most");
});
