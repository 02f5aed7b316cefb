import { expect, test } from "vitest";
import { localGather } from "./local-gather.ts";
import { breaks, evaluate, sbuf, upTo } from "./testing.ts";

const src_buffer = sbuf([32, 8], "float32", upTo(256));
const index = (values: number[], columns = 1) => sbuf([32, columns], "uint16", values);
/** Index 0 to 15 of both cores; the second core starts at 1. */
const positions = [...upTo(16).map((i) => i % 8), ...upTo(16).map((i) => (i + 1) % 8)];

test("local_gather reads each core's indices partition first", () => {
  const { dst } = evaluate(localGather, {
    dst: sbuf([32, 16]),
    src_buffer,
    index: index(positions),
  });
  expect(dst!.slice(0, 16)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
  expect(dst!.slice(31 * 16, 31 * 16 + 4)).toEqual([249, 250, 251, 252]);
});

test("local_gather reads several elements an index and stops after the valid ones", () => {
  const attrs = { num_elem_per_idx: 2, num_valid_indices: 17 };
  // two columns: partition i of core 0 holds indices i % 4 * 2 and 6
  const two = upTo(32).flatMap((p) => [(p % 4) * 2, 6]);
  const { dst } = evaluate(
    localGather,
    { dst: sbuf([32, 34]), src_buffer, index: index(two, 2) },
    attrs,
  );
  expect(dst!.slice(0, 4)).toEqual([0, 1, 2, 3]);
  expect(dst!.slice(32, 34)).toEqual([6, 7]);
});

test("local_gather stops at an index out of bounds", () => {
  const far = { dst: sbuf([32, 16]), src_buffer, index: index(positions.map(() => 8)) };
  expect(() => evaluate(localGather, far)).toThrow(/index 8 .* src_buffer has 8/);
});

const call = { dst: sbuf([32, 16]), src_buffer, index: index(positions) };

test("local_gather C1: partitions in sixteens", () => {
  breaks(localGather, "C1", {
    dst: sbuf([8, 16]),
    src_buffer: sbuf([8, 8]),
    index: sbuf([8, 1], "uint16"),
  });
});

test("local_gather C2: elements per index", () => {
  breaks(localGather, "C2", { ...call, dst: sbuf([32, 48]) }, { num_elem_per_idx: 3 });
});

test("local_gather C3: indices per core", () => {
  breaks(localGather, "C3", { ...call, dst: sbuf([32, 17]) }, { num_valid_indices: 17 });
  breaks(localGather, "C3", { ...call, dst: sbuf([32, 4112]), index: sbuf([32, 257], "uint16") });
});

test("local_gather C4: one data type", () => {
  breaks(localGather, "C4", { ...call, dst: sbuf([32, 16], "int32") });
});

test("local_gather C5: dst holds what is gathered", () => {
  breaks(localGather, "C5", { ...call, dst: sbuf([32, 8]) });
});
