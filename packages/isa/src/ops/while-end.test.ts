import { expect, test } from "vitest";
import { build, coreState } from "./testing.ts";
import { whileEnd } from "./while-end.ts";

test("while_end runs on the sequencers and costs one branch", () => {
  const { call, engine } = build(whileEnd, { condition: { register: 2 } });
  expect(engine).toBe("sync");
  expect(whileEnd.control).toBe(true);
  expect(whileEnd.cost.kind === "engine" && whileEnd.cost.cycles(call as never)).toEqual({
    interval: 150,
    latency: 150,
  });
  expect(() => whileEnd.evaluate({} as never, call as never, coreState())).toThrow(/executor/);
});
