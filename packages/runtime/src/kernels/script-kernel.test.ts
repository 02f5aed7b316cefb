import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { Kernel } from "@opentrn/nki";
import { afterAll, describe, expect, test } from "vitest";
import { tensorOf } from "../tensors/tensor.ts";
import { readKernelName } from "./kernel-name.ts";
import { buildScriptKernel, loadScriptKernel } from "./script-kernel.ts";
import { stripTypes } from "./typescript-hooks.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("kernel names", () => {
  test("language, file and kernel", () => {
    const path = file("a.py", "");
    expect(readKernelName(`${path}:f`)).toEqual({
      language: "python",
      path,
      file: path,
      kernel: "f",
    });
    expect(readKernelName(path)).not.toHaveProperty("kernel");
  });
  test("what can be wrong", () => {
    expect(() => readKernelName("a.cpp:f")).toThrow("is not FILE.py:KERNEL");
    expect(() => readKernelName("/nowhere/a.py:f")).toThrow("no such file");
    const program = file("p.otrn", "");
    expect(() => readKernelName(`${program}:f`)).toThrow("holds one kernel");
  });
});

describe("kernels in a script", () => {
  const fake = (name: string): string =>
    `{ name: "${name}", parameters: [], build: () => { throw new RangeError("inside"); } }`;
  const one = file("one.mjs", `export const first = ${fake("k1")};\n`);
  const two = file("two.mjs", `export const a = ${fake("k1")};\nexport const b = ${fake("k2")};\n`);
  const load = (text: string) => loadScriptKernel(readKernelName(text));

  test("the only kernel, or the named one by export or kernel name", async () => {
    expect((await load(one)).name).toBe("k1");
    expect((await load(`${two}:b`)).name).toBe("k2");
    expect((await load(`${two}:k2`)).name).toBe("k2");
  });
  test("what can be wrong", async () => {
    await expect(load(two)).rejects.toThrow("has 2 kernels; choose one");
    await expect(load(`${two}:c`)).rejects.toThrow("has no kernel c; it has a, b");
    await expect(load(file("none.mjs", "export const x = 1;"))).rejects.toThrow(
      "exports no kernel",
    );
  });
  test("an exception in the kernel is reported as the kernel's", async () => {
    const kernel = await load(one);
    expect(() =>
      buildScriptKernel(kernel, one, { chip: chipNamed("trn2"), lnc: 1, args: {} }),
    ).toThrow(
      expect.objectContaining({ category: "kernel exception", message: "RangeError: inside" }),
    );
  });
  test("tensors become inputs and literals plain values", () => {
    let seen: unknown;
    const kernel = Object.assign(Object.create(Kernel.prototype), {
      name: "k",
      parameters: [],
      build: (o: { inputs: unknown; args: unknown }) => {
        seen = [o.inputs, o.args];
      },
    }) as Kernel;
    buildScriptKernel(kernel, one, {
      chip: chipNamed("trn2"),
      lnc: 1,
      args: {
        x: { kind: "tensor", tensor: tensorOf("int8", [2], [1, 2]) },
        n: { kind: "literal", value: 3n },
      },
    });
    expect(seen).toEqual([{ x: { shape: [2], dtype: "int8" } }, { n: 3 }]);
  });
});

describe("types are blanked out in place", () => {
  test("lines and columns stay", () => {
    const source = "const x: number = 1;\ntype A = { b: string };\nthrow (x as never);\n";
    const out = stripTypes(source, "a.ts");
    expect(out.length).toBe(source.length);
    expect(out.indexOf("throw")).toBe(source.indexOf("throw"));
    expect(out).not.toContain("number");
  });
  test("a syntax error carries file, line and reason", () => {
    expect(() => stripTypes("let x = 1;\nlet y: = 2;\n", "a.ts")).toThrow(/"file":"a.ts","line":2/);
    expect(() => stripTypes("enum A { B }", "a.ts")).toThrow(/enum/);
  });
});
