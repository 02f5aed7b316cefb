import { expect, test } from "vitest";
import { registerStore } from "./register-store.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const src = { register: 0 };

test("register_store writes HBM or SBUF", () => {
  build(registerStore, { dst: hbm([1, 1], "int32"), src });
  expect(build(registerStore, { dst: sbuf([1, 1], "int32"), src }).engine).toBe("sync");
});

test("register_store C1: dst has exactly one element", () => {
  breaks(registerStore, "C1", { dst: sbuf([2, 1], "int32"), src });
});
