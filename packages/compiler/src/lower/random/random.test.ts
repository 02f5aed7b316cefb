/** Random bits and the next state are the interpreter's to the bit. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const { func, tensor } = ir;

test.each([
  [[1], [1, 2, 3, 4]],
  [
    [3, 101],
    [0xdeadbeef, 5, 4294967290, 7],
  ],
  [
    [40, 33],
    [1, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
  ],
] as const)("bits of shape %s from state %s", (shape, state) => {
  const fn = func("f", { s: tensor([4], "uint32") }, ({ s }) => {
    const made = ir.rngBitGenerator(s, shape);
    return [made.state, made.bits];
  });
  const { module, results } = compareGroup(fn, { s: state });
  expect(module.template).toBe("random");
  for (const r of results) expect(r.chip).toEqual(r.interpreter);
});
