import { expect, test } from "vitest";
import { registerLoad } from "./register-load.ts";
import { breaks, build, hbm, psum, sbuf } from "./testing.ts";

const dst = { register: 0 };

test("register_load reads HBM, or SBUF at any partition, at the measured time of one word", () => {
  build(registerLoad, { dst, src: hbm([1], "int32") });
  const { call, op } = build(registerLoad, {
    dst,
    src: sbuf([1, 1], "int32", undefined, { start: 5 }),
  });
  expect(op.cost.kind === "engine" && op.cost.cycles(call as never).interval).toBe(690);
});

test("register_load C1: src has exactly one element", () => {
  breaks(registerLoad, "C1", { dst, src: sbuf([1, 2], "int32") });
});

test("register_load G3: src is not in PSUM", () => {
  breaks(registerLoad, "G3", { dst, src: psum([1, 1], "int32") });
});
