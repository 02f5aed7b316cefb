import { expect, test } from "vitest";
import { rankId } from "./rank-id.ts";
import { breaks, build } from "./testing.ts";

test("rank_id writes a register", () => {
  expect(build(rankId, { dst: { register: 3 } }).call.register["dst"]).toBe(3);
  breaks(rankId, "G8", { dst: 1 });
});
