/** Moves on the chip are exactly the interpreter's. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const { func, tensor } = ir;
const cases: Readonly<Record<string, ir.Func>> = {
  transpose: func("f", { x: tensor([3, 5, 7], "bfloat16") }, ({ x }) => ir.transpose(x, [2, 0, 1])),
  slice: func("f", { x: tensor([9, 10]) }, ({ x }) =>
    ir.slice(x, { start: [1, 2], limit: [8, 9], strides: [3, 2] }),
  ),
  broadcast: func("f", { x: tensor([1, 4], "int32") }, ({ x }) =>
    ir.broadcastInDim(x, [3, 2, 4], [1, 2]),
  ),
  "scalar broadcast": func("f", { x: tensor([]) }, ({ x }) => ir.broadcastInDim(x, [3, 2])),
  concatenate: func("f", { x: tensor([2, 3]), y: tensor([2, 4]) }, ({ x, y }) =>
    ir.concatenate([x, ir.slice(y, { start: [0, 1] }), x], 1),
  ),
  pad: func("f", { x: tensor([4, 5]), v: tensor([]) }, ({ x, v }) =>
    ir.pad(x, v, { low: [1, -1], high: [-1, 2], interior: [2, 1] }),
  ),
  "reshape of a transpose": func("f", { x: tensor([6, 4]) }, ({ x }) =>
    ir.reshape(ir.transpose(x, [1, 0]), [3, 8]),
  ),
  "six dimensions": func("f", { x: tensor([2, 1, 3, 2, 2, 3]) }, ({ x }) =>
    ir.transpose(x, [5, 3, 1, 0, 2, 4]),
  ),
};

test.each(Object.entries(cases))("%s", (_, fn) => {
  const { module, results } = compareGroup(fn);
  expect(module.template).toBe("move");
  for (const r of results) expect(r.chip).toEqual(r.interpreter);
});
