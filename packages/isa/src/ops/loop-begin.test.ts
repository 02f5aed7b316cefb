import { expect, test } from "vitest";
import { loopBegin } from "./loop-begin.ts";
import { breaks, build, coreState } from "./testing.ts";

const index = { register: 0 };

test("loop_begin takes numbers and registers as bounds", () => {
  const { call, op } = build(loopBegin, { index, start: 0, stop: { register: 4 } }, { step: 2 });
  expect(call.register["stop"]).toBe(4);
  expect(call.attr["step"]).toBe(2);
  expect(op.control).toBe(true);
});

test("loop_begin C1: step is a positive integer", () => {
  breaks(loopBegin, "C1", { index, start: 4, stop: 0 }, { step: -1 });
  breaks(loopBegin, "C1", { index, start: 0, stop: 4 }, { step: 0 });
});

test("loop_begin C2: start and stop are 32-bit integers", () => {
  breaks(loopBegin, "C2", { index, start: 0, stop: 2.5 });
  breaks(loopBegin, "C2", { index, start: -0.25, stop: 2 });
});

test("loop_begin has no dense meaning", () => {
  const { call } = build(loopBegin, { index, start: 0, stop: 1 });
  expect(() => loopBegin.evaluate({} as never, call as never, coreState())).toThrow(/executor/);
});
