import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ArgumentValue } from "../inputs/argument.ts";
import { tensorOf } from "../tensors/tensor.ts";
import { expectedOutputs } from "./expected-outputs.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const args: Record<string, ArgumentValue> = {
  x: { kind: "tensor", tensor: tensorOf("bfloat16", [2, 2], [1, 2, 3, 4]) },
  y: { kind: "tensor", tensor: tensorOf("int32", [2, 2], [10, 20, 30, 2 ** 30 + 1]) },
  scale: { kind: "literal", value: 0.5 },
};
const outputs = [{ name: "out", shape: [2, 2] }];

describe("references in TypeScript", () => {
  const path = file(
    "ref.mjs",
    `export const good = (y, x, scale) => ({ shape: x.shape, data: x.data.map((v, i) => v * scale + y.data[i]) });
     export const types = (x, y) => ({ shape: [2, 2], data: [x.dtype, y.dtype].map(t => t.length).concat([0, 0]) });
     export const flat = (x) => x.data;
     export const two = (x) => [x, x];
     export const nothing = () => undefined;
     export const other = (z) => z;
     export const fails = (x) => { throw new TypeError("no such thing"); };
     export const late = async (x) => x;`,
  );
  const run = (fn: string, shapes = outputs) => expectedOutputs(`${path}:${fn}`, args, shapes);

  test("arguments come by name, tensors as doubles", async () => {
    expect([...(await run("good"))[0]!]).toEqual([10.5, 21, 31.5, 2 ** 30 + 3]);
    expect([...(await run("types"))[0]!]).toEqual([8, 5, 0, 0]);
    expect([...(await run("late"))[0]!]).toEqual([1, 2, 3, 4]);
    expect(await run("two", [outputs[0]!, outputs[0]!])).toHaveLength(2);
  });
  test("what can be wrong", async () => {
    await expect(run("missing")).rejects.toThrow(
      "exports no function missing; it exports good, types, flat",
    );
    await expect(run("other")).rejects.toThrow("takes z, which is none of the kernel's arguments");
    await expect(run("nothing")).rejects.toThrow("returns undefined; return { shape, data }");
    await expect(run("two")).rejects.toThrow("returns 2 arrays, the kernel has 1 outputs");
    const wide = [{ name: "out", shape: [2, 3] }];
    await expect(run("flat")).resolves.toHaveLength(1);
    await expect(run("flat", wide)).rejects.toThrow("returns shape (4) for output out, which is");
    await expect(run("good", wide)).rejects.toThrow("returns shape (2, 2) for output out");
    await expect(run("fails")).rejects.toMatchObject({
      message: "TypeError: no such thing",
      at: { line: 7 },
    });
    await expect(expectedOutputs(path, args, outputs)).rejects.toThrow("names no function");
    await expect(expectedOutputs(join(folder, "no.ts:f"), args, outputs)).rejects.toThrow(
      "no such file",
    );
  });
});

const numpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;

describe("references in Python", () => {
  const path = file(
    "ref.py",
    `import numpy as np
print("references may print")
def good(y, x, scale):
    assert x.dtype == np.float32 and y.dtype == np.int32
    return x.astype(np.float64) * scale + y
def pair(x, y):
    return x, y
def any_order(*tensors):
    return tensors[0]
def fails(x):
    raise ValueError("bad value")
def other(z):
    return z
def text(x):
    return "text"
`,
  );
  const run = (fn: string, shapes = outputs) => expectedOutputs(`${path}:${fn}`, args, shapes);

  test.skipIf(!numpy)("arguments come by name as NumPy arrays", async () => {
    expect([...(await run("good"))[0]!]).toEqual([10.5, 21, 31.5, 2 ** 30 + 3]);
    const [x, y] = await run("pair", [outputs[0]!, outputs[0]!]);
    expect([...x!]).toEqual([1, 2, 3, 4]);
    expect([...y!]).toEqual([10, 20, 30, 2 ** 30 + 1]);
    expect([...(await run("any_order"))[0]!]).toEqual([1, 2, 3, 4]);
  });
  test.skipIf(!numpy)("what can be wrong, with the user's line", async () => {
    await expect(run("fails")).rejects.toMatchObject({
      message: expect.stringContaining("ValueError: bad value"),
      at: { file: path, line: 11 },
    });
    await expect(run("missing")).rejects.toThrow("defines no function missing");
    await expect(run("other")).rejects.toThrow("other takes z, which the kernel's arguments");
    await expect(run("text")).rejects.toThrow("returns <U4; return float64 or float32");
    const broken = file("broken.py", "def f(x):\n  return (\n");
    await expect(expectedOutputs(`${broken}:f`, args, outputs)).rejects.toMatchObject({
      message: expect.stringContaining("SyntaxError"),
      at: { line: 2 },
    });
  });
  test("no Python, or one without NumPy, says what to do", async () => {
    await expect(
      expectedOutputs(`${path}:good`, args, outputs, "python-that-is-not-there"),
    ).rejects.toThrow("not on the path; install Python with NumPy, or write the reference in");
    if (!numpy && spawnSync("python3", ["-V"]).status === 0)
      await expect(run("good")).rejects.toThrow("needs NumPy");
  });
});
