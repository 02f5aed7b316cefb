import { expect, test } from "vitest";
import { tensorPartitionReduce } from "./tensor-partition-reduce.ts";
import { breaks, evaluate, psum, sbuf } from "./testing.ts";

const data = sbuf([3, 2], "float32", [1, 2, 3, 4, 8, -6]);
const dst = sbuf([1, 2]);

test("tensor_partition_reduce folds partitions in ascending order", () => {
  const run = (op: string) => evaluate(tensorPartitionReduce, { dst, data }, { op })["dst"];
  expect(run("add")).toEqual([12, 0]);
  expect(run("average")).toEqual([4, 0]);
  expect(run("maximum")).toEqual([8, 4]);
  const bits = {
    dst: sbuf([1, 1], "uint32"),
    data: sbuf([2, 1], "uint32", [0xf0000001, 0x0f000001]),
  };
  expect(evaluate(tensorPartitionReduce, bits, { op: "bitwise_or" })["dst"]).toEqual([0xff000001]);
  expect(evaluate(tensorPartitionReduce, bits, { op: "bitwise_and" })["dst"]).toEqual([1]);
});

test("tensor_partition_reduce C1: dst has one partition", () => {
  breaks(tensorPartitionReduce, "C1", { dst: sbuf([3, 2]), data }, { op: "add" });
});

test("tensor_partition_reduce C2: bitwise operations take integer tiles", () => {
  breaks(tensorPartitionReduce, "C2", { dst, data }, { op: "bitwise_and" });
});

test("tensor_partition_reduce G3: GpSimd does not reach PSUM", () => {
  breaks(tensorPartitionReduce, "G3", { dst, data: psum([3, 2]) }, { op: "add" });
});
