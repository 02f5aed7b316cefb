import { expect, test } from "vitest";
import { build, coreState } from "./testing.ts";
import { whileBegin } from "./while-begin.ts";

test("while_begin runs on the sequencers and costs one branch", () => {
  const { call, engine } = build(whileBegin, { condition: { register: 2 } });
  expect(engine).toBe("sync");
  expect(whileBegin.control).toBe(true);
  expect(whileBegin.cost.kind === "engine" && whileBegin.cost.cycles(call as never)).toEqual({
    interval: 150,
    latency: 150,
  });
  expect(() => whileBegin.evaluate({} as never, call as never, coreState())).toThrow(/executor/);
});

test("while_begin G8: the condition is a register", () => {
  expect(() => build(whileBegin, { condition: 1 })).toThrow(/while_begin G8/);
});
