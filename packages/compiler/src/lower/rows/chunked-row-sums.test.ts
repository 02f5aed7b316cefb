/** Sums over rows of what is one value a row, beside work that takes each row in chunks. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const { func, tensor } = ir;

test("a value a row counts once, however many chunks a row is taken in", () => {
  const wide = tensor([4, 24576], "bfloat16");
  const fn = func("f", { x: wide }, ({ x }) => {
    const exps = ir.exponential(ir.convert(x, "float32"));
    const sums = ir.sum(exps, [1]);
    const shares = ir.divide(exps, ir.broadcastOver(sums, wide.shape, [1]));
    return [ir.sum(ir.log(sums)), ir.convert(shares, "bfloat16")];
  });
  const { module, results } = compareGroup(fn);
  expect(module.template).toBe("rows");
  const [total] = results;
  expect(total!.chipError).toBeLessThan(1e-3 * total!.scale);
});
