import { fileURLToPath } from "node:url";
import { pythonAvailable } from "@opentrn/nki";
import { describe, expect, test } from "vitest";
import { chip, kernel, nisa, nl, OpenTrnError, type Tensor, tensor } from "./index.ts";

const add = kernel("add", (a, b) => {
  const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm" });
  for (const rows of nl.tiles(a.shape[0]!, nl.tileSize.pmax)) {
    const [x, y] = [a, b].map((t) => nl.load(t.slice(rows))) as [Tensor, Tensor];
    nisa.tensorTensor({ dst: x, data1: x, data2: y, op: nl.add });
    nl.store(out.slice(rows), x);
  }
  return out;
});
const scale = kernel("scale", (x: Tensor, factor: number = 2) => {
  const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: "shared_hbm" });
  nl.store(out, nl.multiply(nl.load(x), factor));
  return out;
});

const n = 200 * 64;
const a = tensor(
  [200, 64],
  Float32Array.from({ length: n }, (_, i) => i),
);
const b = tensor(
  [200, 64],
  Float32Array.from({ length: n }, (_, i) => 0.5 * i),
);
const sum = Float64Array.from({ length: n }, (_, i) => 1.5 * i);

describe("chip", () => {
  test("runs a kernel: values, time, and why", async () => {
    const run = await chip("trn2").run(add, { a, b });
    expect(run.outputs[0]!.data).toEqual(Float32Array.from(sum));
    expect(run.outputs[0]).toMatchObject({ dtype: "float32", shape: [200, 64] });
    expect(run.check(sum).passed).toBe(true);
    expect(run.check(sum.map((v) => 1.01 * v)).passed).toBe(false);
    expect(run.time.total).toBeGreaterThan(1000);
    expect(run.explain()).toMatch(/^add on trn2: .* us predicted, .* on the chip\n/);
    expect(run.explain()).toMatch(/opentrn\.test\.ts:\d+/);
    expect(run.profile().total_ns).toBe(run.time.total);
  });

  test("two runs give the same bytes and the same nanoseconds", async () => {
    const [first, second] = [
      await chip("trn2").run(add, { a, b }),
      await chip("trn2").run(add, { a, b }),
    ];
    expect(second.outputs[0]!.bytes).toEqual(first.outputs[0]!.bytes);
    expect(second.time).toEqual(first.time);
  });

  test("compile-time values stand beside tensors", async () => {
    const run = await chip("trn2").run(scale, {
      x: tensor([4, 4], new Float32Array(16).fill(3)),
      factor: 5,
    });
    expect([...run.outputs[0]!.data]).toEqual(Array(16).fill(15));
  });

  test("profile needs no values", async () => {
    const run = await chip("trn2").profile(add, { a, b });
    expect(run.outputs).toEqual([]);
    expect(run.time.total).toBe((await chip("trn2").run(add, { a, b })).time.total);
  });

  test.skipIf(!pythonAvailable())(
    "a Python kernel gives what its TypeScript twin gives",
    async () => {
      const file = fileURLToPath(new URL("../../../examples/01-tensor-add.py", import.meta.url));
      const run = await chip("trn2").run(`${file}:tensor_add`, { a, b });
      expect(run.outputs[0]!.data).toEqual(Float32Array.from(sum));
    },
  );

  test("mistakes stop", async () => {
    await expect(chip("trn2").run(add, { a })).rejects.toThrow("b is missing");
    await expect(
      chip("trn2").run(add, { a, b: tensor([4, 4], new Float32Array(16)) }),
    ).rejects.toThrow(OpenTrnError);
    expect(() => chip("trn9")).toThrow("trn9");
    expect(() => tensor([2, 2], [1, 2, 3])).toThrow("holds 4 elements, 3 are given");
  });
});

test("tensors take the type of typed arrays and round to the one asked for", () => {
  expect(tensor([2], Int32Array.of(1, -2)).dtype).toBe("int32");
  expect(tensor([2], [1, 2]).dtype).toBe("float32");
  expect([...tensor([1], [1.01], "bfloat16").bytes]).toEqual([0x81, 0x3f]);
});
