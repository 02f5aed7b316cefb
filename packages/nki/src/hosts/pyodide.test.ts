import { saveProgram } from "@opentrn/isa";
import { expect, test } from "vitest";
import { pythonAvailable, traceCPython } from "./cpython.ts";
import { fixture, lineOf } from "./generated.testing.ts";
import type { KernelException } from "./kernel-exception.ts";
import { tracePyodide } from "./pyodide.ts";

const file = fixture("kernels.py");
const a = { name: "a", shape: [128, 4], dtype: "float32" } as const;

test.skipIf(!pythonAvailable())(
  "CPython and Pyodide give the same Program, byte for byte",
  async () => {
    const shape = [256, 16];
    const job = {
      file,
      kernel: "add",
      args: [
        { shape, dtype: "bfloat16" },
        { name: "b", shape, dtype: "bfloat16" },
      ],
    } as const;
    const [c, p] = [await traceCPython(job), await tracePyodide(job)];
    expect(p.host).toBe("pyodide");
    expect(saveProgram(p.program)).toEqual(saveProgram(c.program));
    expect(p.outputs).toEqual(c.outputs);
  },
);

test("prints, literals and broken rules are as with CPython", async () => {
  let printed = "";
  const onPrint = (text: string): void => {
    printed += text;
  };
  await tracePyodide({
    file,
    kernel: "prints",
    args: [a, { name: "scale", literal: "0.5" }],
    onPrint,
  });
  expect(printed).toBe("shape (128, 4) float32 1.5 (0,) x\n");
  const e: KernelException = await tracePyodide({
    file,
    kernel: "moving_too_wide",
    args: [a],
  }).then(
    () => expect.fail("it was traced"),
    (x) => x,
  );
  expect({ rule: e.rule, at: e.at }).toEqual({
    rule: "nc_matmul C2",
    at: { file, line: lineOf("kernels.py", "moving_too_wide") },
  });
});

test("a kernel that hangs is stopped", async () => {
  const e: KernelException = await tracePyodide({
    file,
    kernel: "hangs",
    args: [a],
    signal: AbortSignal.timeout(1500),
  }).then(
    () => expect.fail("it ended"),
    (x) => x,
  );
  expect(e.category).toBe("limit reached");
});
