import { instructions } from "@opentrn/isa";
import { expect, it } from "vitest";
import { carriedOut } from "./carried-out.ts";

it("every instruction has a meaning: its record's own, or the executor's", () => {
  const control = instructions.filter((op) => op.control).map((op) => op.name);
  expect([...carriedOut].sort()).toEqual(control.sort());
});
