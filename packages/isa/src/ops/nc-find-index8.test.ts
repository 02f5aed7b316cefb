import { expect, test } from "vitest";
import { ncFindIndex8 } from "./nc-find-index8.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

const data = sbuf([1, 11], "float32", [1, 2, 3, 4, 8, 8, 8, 8, 8, 8, 8]);
const vals = sbuf([1, 8], "float32", [8, 3, 8, 7, 1, 8, 1, 8]);

test("nc_find_index8 pairs equal values with successive positions and marks missing ones", () => {
  const found = (dtype: "uint16" | "uint32") =>
    evaluate(ncFindIndex8, { dst: sbuf([1, 8], dtype), data, vals })["dst"];
  expect(found("uint32")).toEqual([4, 2, 5, 0xffffffff, 0, 6, 0xffffffff, 7]);
  expect(found("uint16")?.[3]).toBe(0xffff);
});

test("nc_find_index8 C1: 8 to 16384 elements", () => {
  breaks(ncFindIndex8, "C1", { dst: sbuf([1, 8], "uint32"), data: sbuf([1, 7]), vals });
});

test("nc_find_index8 C2: 8 values and 8 positions", () => {
  breaks(ncFindIndex8, "C2", { dst: sbuf([1, 8], "uint32"), data, vals: sbuf([1, 4]) });
  breaks(ncFindIndex8, "C2", { dst: sbuf([1, 4], "uint32"), data, vals });
});

test("nc_find_index8 C3: at most three dimensions", () => {
  breaks(ncFindIndex8, "C3", { dst: sbuf([1, 8], "uint32"), data: sbuf([1, 2, 2, 2]), vals });
});
