import { expect, test } from "vitest";
import { ncStreamShuffle } from "./nc-stream-shuffle.ts";
import { breaks, build, evaluate, sbuf, upTo } from "./testing.ts";

const reversed = { shuffle_mask: upTo(32).map((i) => 31 - i) };
const zeros = { shuffle_mask: upTo(32).map(() => 0) };

test("nc_stream_shuffle permutes partitions inside every quadrant", () => {
  const call = { dst: sbuf([64, 1]), src: sbuf([64, 1], "float32", upTo(64)) };
  const { dst } = evaluate(ncStreamShuffle, call, reversed);
  expect(dst!.slice(0, 3)).toEqual([31, 30, 29]);
  expect(dst!.slice(32, 35)).toEqual([63, 62, 61]);
});

test("nc_stream_shuffle broadcasts one partition and leaves those masked with 255", () => {
  const shuffle_mask = upTo(32).map((i) => (i === 1 ? 255 : 0));
  const call = {
    dst: sbuf([3, 2], "int8", [1, 2, 3, 4, 5, 6]),
    src: sbuf([1, 2], "int8", [-7, -8]),
  };
  expect(evaluate(ncStreamShuffle, call, { shuffle_mask })["dst"]).toEqual([-7, -8, 3, 4, -7, -8]);
});

test("nc_stream_shuffle C1: one data type", () => {
  breaks(ncStreamShuffle, "C1", { dst: sbuf([32, 1], "int32"), src: sbuf([32, 1]) }, reversed);
});

test("nc_stream_shuffle C2: the same elements per partition", () => {
  breaks(ncStreamShuffle, "C2", { dst: sbuf([32, 1]), src: sbuf([32, 2]) }, reversed);
});

test("nc_stream_shuffle C3: the mask has 32 entries", () => {
  breaks(ncStreamShuffle, "C3", { dst: sbuf([2, 1]), src: sbuf([2, 1]) }, { shuffle_mask: [1, 0] });
  const far = { shuffle_mask: [...upTo(31), 32] };
  breaks(ncStreamShuffle, "C3", { dst: sbuf([2, 1]), src: sbuf([2, 1]) }, far);
});

test("nc_stream_shuffle C4: start partitions follow the larger size", () => {
  const src = sbuf([64, 1]);
  const dst = sbuf([32, 1], "float32", undefined, { start: 32 });
  breaks(ncStreamShuffle, "C4", { dst, src }, reversed);
  build(ncStreamShuffle, { dst, src: sbuf([32, 1]) }, reversed);
});

test("nc_stream_shuffle C5: filled partitions come from src", () => {
  breaks(ncStreamShuffle, "C5", { dst: sbuf([32, 1]), src: sbuf([16, 1]) }, reversed);
  build(ncStreamShuffle, { dst: sbuf([32, 1]), src: sbuf([1, 1]) }, zeros);
  breaks(ncStreamShuffle, "C5", { dst: sbuf([64, 1]), src: sbuf([1, 1]) }, zeros);
});
