import { expect, test } from "vitest";
import { loopEnd } from "./loop-end.ts";
import { build, coreState } from "./testing.ts";

test("loop_end runs on the sequencers and costs one branch", () => {
  const { call, engine } = build(loopEnd, {});
  expect(engine).toBe("sync");
  expect(loopEnd.control).toBe(true);
  expect(loopEnd.cost.kind === "engine" && loopEnd.cost.cycles(call as never)).toEqual({
    interval: 150,
    latency: 150,
  });
  expect(() => loopEnd.evaluate({} as never, call as never, coreState())).toThrow(/executor/);
});
