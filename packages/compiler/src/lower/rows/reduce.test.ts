/**
 * Every reduction in every type over every choice of dimensions. Floats are small whole numbers, whose sums and products are exact in any
 * order; integers are of all sizes and wrap.
 */
import { Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { bytesOf, dtypeInfo } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const [trn2, trn3] = ["trn2", "trn3"].map(chipNamed);
const shape = [5, 140, 6];
const choices = [[], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];
const types = ir.elementTypes.filter((d) => d !== "bool_" && d !== "float8_e8m0fnu");
const isFloat = (d: ir.ElementType): boolean => dtypeInfo[d].kind === "float";

function values(d: ir.ElementType, body: ir.Body): number[] {
  const random = new Random(3);
  const [least, most] = d.startsWith("int")
    ? [-(2 ** (8 * bytesOf(d) - 1)), 2 ** (8 * bytesOf(d) - 1) - 1]
    : [0, 2 ** (8 * bytesOf(d)) - 1];
  return Array.from({ length: ir.sizeOf(shape) }, (_, i) => {
    if (!isFloat(d)) return Math.floor(least + random.uniform() * (most - least));
    if (body === "multiply") return i % 997 === 0 ? 2 : random.uniform() < 0.5 ? 1 : -1;
    return Math.floor(random.uniform() * 5) - 2;
  });
}

const cases = types.flatMap((d) => ir.bodies.map((body) => [d, body] as const));

test.each(cases)("%s %s", (d, body) => {
  const fn = ir.func("f", { x: ir.tensor(shape, d) }, ({ x }) =>
    choices.map((dims) => ir.reduce(x, body, dims)),
  );
  const chip = (dtypeInfo[d].since ?? 2) > 3 ? trn3! : trn2!;
  // One by one: together they have no rows in common.
  for (const [i, v] of fn.results.entries()) {
    const one = ir.functionOf("f", fn.params, [v]);
    const { module, results } = compareGroup(one, { x: values(d, body) }, { chip });
    expect(module.template).toBe("rows");
    expect(results[0]!.chip, `over [${choices[i]}]`).toEqual(results[0]!.interpreter);
  }
});
