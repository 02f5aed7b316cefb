/** Products of one operand side by side, of unequal widths, each with an epilogue of its own. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";

test("queries of two heads and keys of one", () => {
  const signature = {
    x: tensor([5, 16], bf16),
    q: tensor([16, 16], bf16),
    k: tensor([8, 16], bf16),
    scale: tensor([5, 4]),
  };
  const fn = func("f", signature, ({ x, q, k, scale }) => {
    const heads = (weight: ir.Value, n: number) => {
      const product = ir.dotGeneral(x, weight, { contracting: [[1], [1]], dtype: bf16 });
      const y = ir.convert(ir.reshape(product, [5, n, 8]), "float32");
      const half = ir.slice(y, { limit: [5, n, 4] });
      return ir.multiply(half, ir.broadcastInDim(scale, [5, n, 4], [0, 2]));
    };
    return [heads(q, 2), heads(k, 1)];
  });
  const { module, results } = compareGroup(fn);
  expect(module.template).toBe("matmul");
  for (const r of results) expect(r.chipError).toBeLessThan(0.01 * r.scale);
});
