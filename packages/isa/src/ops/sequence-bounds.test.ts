import { expect, test } from "vitest";
import { sequenceBounds } from "./sequence-bounds.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("sequence_bounds gives each element the start and end of its run", () => {
  // The example of the SDK's test.
  const segment_ids = sbuf([1, 9], "int32", [0, 1, 1, 2, 2, 2, 0, 3, 3]);
  expect(evaluate(sequenceBounds, { dst: sbuf([1, 2, 9], "int32"), segment_ids })["dst"]).toEqual([
    9, 1, 1, 3, 3, 3, 9, 7, 7, -1, 3, 3, 6, 6, 6, -1, 9, 9,
  ]);
});

test("sequence_bounds C1: one partition", () => {
  breaks(sequenceBounds, "C1", { dst: sbuf([2, 2, 4]), segment_ids: sbuf([2, 4]) });
});

test("sequence_bounds C2: two values an element", () => {
  breaks(sequenceBounds, "C2", { dst: sbuf([1, 4]), segment_ids: sbuf([1, 4]) });
});
