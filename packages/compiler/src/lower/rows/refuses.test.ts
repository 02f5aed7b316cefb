/** What the template does not take, and what it says. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { blockFault } from "./block.ts";
import { rows } from "./rows.ts";

const { func, tensor } = ir;
const trn2 = chipNamed("trn2");
const map = (shape: readonly number[], f: (x: ir.Value) => ir.Value): ir.Func =>
  func("f", { x: tensor(shape) }, ({ x }) => [f(x)]);

const cases: Readonly<Record<string, readonly [ir.Func, RegExp]>> = {
  "an operation of another template": [
    map([4, 4], (x) => ir.matmul(x, x)),
    /^dot_general is not computed row by row$/,
  ],
  "a tensor without elements": [map([0, 4], ir.negate), /^\[0,4\] holds no elements$/],
  "a reshape whose sizes do not nest": [
    map([4, 6], (x) => ir.negate(ir.reshape(ir.negate(x), [3, 8]))),
    /^reshape to \[3,8\] cuts across dimensions$/,
  ],
  "a value beside itself turned": [
    map([5, 5], (x) => ir.add(ir.exponential(x), ir.transpose(ir.exponential(x)))),
    /runs along one axis twice$/,
  ],
  "a total that comes back to every row": [
    map([4096, 512], (x) => ir.divide(x, ir.broadcastInDim(ir.sum(x), [4096, 512]))),
    /us on one partition, many times what its parts take$/,
  ],
};

test.each(Object.entries(cases))("%s", (_, [fn, why]) => {
  expect(rows.refuses(fn, trn2)).toMatch(why);
});

test("blocks need all that they fold", () => {
  const { body: ops, params, results } = map([8, 16], (x) => ir.sum(ir.exponential(x), [0]));
  const root = { value: params[0]!, rows: [0], columns: [1] };
  expect(blockFault({ ops, root, results })).toBe("a reduction folds rows; it needs all blocks");
  const turned = { value: params[0]!, rows: [1], columns: [0] };
  expect(blockFault({ ops, root: turned, results })).toBeUndefined();
});
