import { printProgram } from "@opentrn/isa";
import { describe, expect, test } from "vitest";
import { pythonAvailable, traceCPython } from "./cpython.ts";
import { fixture, lineOf } from "./generated.testing.ts";
import { KernelException } from "./kernel-exception.ts";
import type { KernelJob } from "./kernel-job.ts";

const file = fixture("kernels.py");
const a = { name: "a", shape: [128, 4], dtype: "float32" } as const;
const trace = (kernel: string, more: Partial<KernelJob> = {}) =>
  traceCPython({ file, kernel, args: [a], ...more });
const failure = async (kernel: string, more: Partial<KernelJob> = {}): Promise<KernelException> =>
  trace(kernel, more).then(
    () => expect.fail(`${kernel} was traced`),
    (e: KernelException) => e,
  );

describe.skipIf(!pythonAvailable())("CPython host", () => {
  test("a kernel becomes a Program", async () => {
    const shape = [256, 16];
    const traced = await traceCPython({
      file,
      kernel: "add",
      args: [
        { shape, dtype: "bfloat16" },
        { name: "b", shape, dtype: "bfloat16" },
      ],
    });
    expect(printProgram(traced.program)).toMatchInlineSnapshot(`
      "program add target=trn2 cores=1
      %0 = hbm bf16[256,16] input "arg0"
      %1 = hbm bf16[256,16] input "b"
      %2 = hbm bf16[256,16] "hbm2"
      %3 = sbuf bf16[128,16] "sbuf3"
      %4 = sbuf bf16[128,16] "sbuf4"
      %5 = sbuf bf16[128,16] "sbuf5"
      %6 = sbuf bf16[128,16] "sbuf6"
      dma_copy dst=%3:bf16[0:128, 1x16], src=%0:bf16[16x128 1x16]  ; kernels.py:14
      dma_copy dst=%4:bf16[0:128, 1x16], src=%1:bf16[16x128 1x16]  ; kernels.py:15
      tensor_tensor dst=%3:bf16[0:128, 1x16], data1=%3:bf16[0:128, 1x16], data2=%4:bf16[0:128, 1x16], op=add  ; kernels.py:16
      dma_copy dst=%2:bf16[16x128 1x16], src=%3:bf16[0:128, 1x16]  ; kernels.py:17
      dma_copy dst=%5:bf16[0:128, 1x16], src=%0:bf16[+2048 16x128 1x16]  ; kernels.py:14
      dma_copy dst=%6:bf16[0:128, 1x16], src=%1:bf16[+2048 16x128 1x16]  ; kernels.py:15
      tensor_tensor dst=%5:bf16[0:128, 1x16], data1=%5:bf16[0:128, 1x16], data2=%6:bf16[0:128, 1x16], op=add  ; kernels.py:16
      dma_copy dst=%2:bf16[+2048 16x128 1x16], src=%5:bf16[0:128, 1x16]  ; kernels.py:17
      return %2
      "
    `);
    expect(traced.outputs).toEqual([
      { name: "out", storage: 2, shape, dtype: "bfloat16", offset: 0 },
    ]);
  });

  test("arguments are tensors, literals, strings and JSON; what the kernel prints comes through", async () => {
    let printed = "";
    await trace("prints", {
      args: [
        a,
        { name: "scale", literal: "0.5" },
        { name: "axes", value: [1, 2] },
        { name: "name", literal: "q" },
      ],
      onPrint: (text) => {
        printed += text;
      },
    });
    expect(printed).toBe("shape (128, 4) float32 1.5 [1, 2] q\n");
  });

  test.each([
    ["too_many_partitions", "ndarray T3"],
    ["moving_too_wide", "nc_matmul C2"],
    ["psum_in_dma", "dma_copy G3"],
    ["start_partition", "tensor_copy G2"],
    ["unwritten", "dma_copy G10"],
    ["outside", "slice"],
    ["wrong_dtype", "nc_matmul G4"],
    ["swallows", "nc_matmul G4", "wrong_dtype"],
  ])("%s breaks %s at the user's line", async (kernel, rule, mark = kernel) => {
    const e = await failure(kernel);
    expect({ rule: e.rule, at: e.at }).toEqual({
      rule,
      at: { file, line: lineOf("kernels.py", mark) },
    });
  });

  test("an exception of the kernel keeps its own traceback", async () => {
    const e = await failure("raises");
    expect(e).toBeInstanceOf(KernelException);
    expect(e.category).toBe("kernel exception");
    const line = lineOf("kernels.py", "raises");
    expect(e.at).toEqual({ file, line });
    const shown = e.traceback.split("\n").map((l) => l.trim());
    expect(shown.filter((l) => !/^[~^]+$/.test(l))).toEqual([
      `File "${file}", line ${line + 2}, in raises`,
      "return inner()",
      `File "${file}", line ${line}, in inner`,
      "return 1 // 0  # here: raises",
      "ZeroDivisionError: integer division or modulo by zero",
      "",
    ]);
    const typed = await failure("wrong_argument");
    expect(typed.message).toContain("tensor_copy: src is 3.0 of type float; pass a tensor");
    expect(typed.at).toEqual({ file, line: lineOf("kernels.py", "wrong_argument") });
  });

  test("a kernel that never ends meets the limit, or the signal", async () => {
    const e = await failure("endless", { maxInstructions: 50_000 });
    expect({ category: e.category, at: e.at }).toEqual({
      category: "limit reached",
      at: { file, line: lineOf("kernels.py", "endless") },
    });
    const stopped = await failure("hangs", { signal: AbortSignal.timeout(300) });
    expect(stopped.category).toBe("limit reached");
  });

  test("what cannot be loaded says so", async () => {
    expect((await failure("absent")).message).toContain("has no function absent");
    expect((await failure("add")).message).toContain("add(a, b): missing a required argument: 'b'");
    const none = await traceCPython({ file: "nowhere.py", kernel: "x", args: [] }).catch((e) => e);
    expect(none.message).toContain("nowhere.py");
    const python = await traceCPython({ file, args: [], python: "python-absent" }).catch((e) => e);
    expect(python.message).toMatch(/python-absent does not start .*pyodide/);
  });
});
