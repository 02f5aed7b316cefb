/** HBM of a plan by the live ranges of its buffers. */
import { chipNamed } from "@opentrn/chips";
import { place } from "@opentrn/device";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compile } from "../compile.ts";
import { link } from "./link.ts";
import { checkMemory, memoryOf } from "./memory.ts";
import type { Buffers } from "./plan.ts";

const chip = chipNamed("trn2");
const type = ir.tensor([256, 256]);
const w = ir.tensor([256, 256]);
const fn = ir.func("f", { x: type, a: w, b: w, c: w }, ({ x, a, b, c }) =>
  ir.matmul(ir.matmul(ir.matmul(x, a), b), c),
);
const bytes = 256 * 256 * 4;

test("inputs, the result, and two tensors between products at a time", () => {
  const plan = compile(fn, { chip });
  const memory = memoryOf(plan);
  expect(memory.inputBytes).toBe(4 * bytes);
  expect(memory.peakBytes).toBe(6 * bytes);
  expect(memory.tenants).toHaveLength(6);
  // The allocator places the linked Program in no more than that.
  expect(place(link(plan)).hbmPeakBytes).toBeLessThanOrEqual(6 * bytes);
});

test("what does not fit stops before anything is lowered, naming tensors and a way out", () => {
  let lowered = 0;
  const tooSmall = (): unknown =>
    compile(fn, {
      chip,
      onBuffers: (buffers: Buffers) => checkMemory(buffers, 5 * bytes, "Use a smaller --batch."),
      onModule: () => lowered++,
    });
  expect(tooSmall).toThrow(/needs 0\.00 GiB of HBM.*x float32\[256,256\].*Use a smaller --batch/);
  expect(lowered).toBe(0);
});
