import { expect, test } from "vitest";
import * as ir from "./index.ts";
import { allSamples, samples } from "./ops/samples.fixture.ts";
import { numbers, randomInputs } from "./testing.ts";

const { tensor, func } = ir;

test("equal operations are shared and unused ones removed", () => {
  const fn = ir.parse(`func @f(%x: tensor<2xf32>) -> (tensor<2xf32>) {
  %0 = constant {value = 2} : tensor<2xf32>
  %1 = constant {value = [2, 2]} : tensor<2xf32>
  %2 = constant {value = 2} : tensor<2xf32>
  %3 = multiply %x, %0 : tensor<2xf32>
  %4 = multiply %x, %2 : tensor<2xf32>
  %5 = log %4 : tensor<2xf32>
  %6 = multiply %x, %1 : tensor<2xf32>
  %7 = add %3, %4 : tensor<2xf32>
  %8 = add %7, %6 : tensor<2xf32>
  return %8
}
`);
  expect(fn.body).toHaveLength(9);
  expect(ir.print(ir.cleanUp(fn))).toMatchInlineSnapshot(`
    "func @f(%x: tensor<2xf32>) -> (tensor<2xf32>) {
      %0 = constant {value = 2} : tensor<2xf32>
      %1 = constant {value = [2, 2]} : tensor<2xf32>
      %2 = multiply %x, %0 : tensor<2xf32>
      %3 = multiply %x, %1 : tensor<2xf32>
      %4 = add %2, %2 : tensor<2xf32>
      %5 = add %4, %3 : tensor<2xf32>
      return %5
    }
    "
  `);
  expect(ir.removeUnused(fn).body).toHaveLength(8);
  expect(numbers(ir.cleanUp(fn), { x: [1, -3] })).toEqual(numbers(fn, { x: [1, -3] }));
});

test("-0 is not 0, NaN is NaN, and attributes tell operations apart", () => {
  const scalar = tensor([]);
  const fn = func("f", { x: tensor([2, 2]) }, ({ x }) => [
    ir.constant(scalar, 0),
    ir.constant(scalar, -0),
    ir.constant(scalar, Number.NaN),
    ir.constant(scalar, Number.NaN),
    ir.constant(scalar, Number.POSITIVE_INFINITY),
    ir.sum(x, [0]),
    ir.sum(x, [1]),
  ]);
  expect(ir.cleanUp(fn).body).toHaveLength(6);
});

test("a large literal is shared with itself only", () => {
  const data = Array.from({ length: 100 }, (_, i) => i);
  const fn = func("f", {}, () => [
    ir.constant(tensor([100]), data),
    ir.constant(tensor([100]), data),
  ]);
  expect(ir.cleanUp(fn).body).toHaveLength(2);
});

test.each(allSamples)(
  "clean-up keeps the bits of %s",
  (_, { fn, given, domain, customCalls = {} }) => {
    const inputs = randomInputs(fn, given, domain);
    expect(numbers(ir.cleanUp(fn), inputs, { customCalls })).toEqual(
      numbers(fn, inputs, { customCalls }),
    );
  },
);

test("a rewrite replaces operations and keeps their source lines", () => {
  const fn = func("f", { x: tensor([2]) }, ({ x }) => ir.exponential(ir.add(x, x)));
  const twice = ir.rewrite(fn, (op, [x]) => (op.name === "add" ? [ir.multiply(x!, 2)] : undefined));
  expect(ir.print(twice)).toMatchInlineSnapshot(`
    "func @f(%x: tensor<2xf32>) -> (tensor<2xf32>) {
      %0 = constant {value = 2} : tensor<2xf32>
      %1 = multiply %x, %0 : tensor<2xf32>
      %2 = exponential %1 : tensor<2xf32>
      return %2
    }
    "
  `);
  const line = fn.body[0]!.site.location?.line;
  expect(line).toBeGreaterThan(0);
  expect(twice.body.map((op) => op.site.location?.line)).toEqual([line, line, line]);
});

test("inlined calls give the same bits, without calls", () => {
  for (const { fn } of samples.call) {
    const flat = ir.inlineCalls(fn);
    expect(flat.body.some((op) => op.name === "call")).toBe(false);
    ir.verify(flat);
    const inputs = randomInputs(fn);
    expect(numbers(flat, inputs)).toEqual(numbers(fn, inputs));
  }
});

test("operations keep their order when some before them change", () => {
  const fn = func("f", { x: tensor([2]), y: tensor([2]) }, ({ x, y }) => [
    ir.exponential(ir.negate(x)),
    ir.log(y),
    ir.sqrt(y),
  ]);
  const names = (f: ir.Func): string[] => f.body.map((op) => op.name);
  const changed = ir.rewrite(fn, (op, [x]) => (op.name === "negate" ? [ir.abs(x!)] : undefined));
  expect(names(changed)).toEqual(["abs", "exponential", "log", "sqrt"]);
  const [first] = fn.body;
  expect(ir.rewrite(fn, () => undefined).body[0]).toBe(first);
  const twice = func("f", { x: tensor([2]), y: tensor([2]) }, ({ x, y }) => [
    ir.exponential(x),
    ir.sqrt(ir.exponential(x)),
    ir.log(y),
  ]);
  expect(names(ir.cleanUp(twice))).toEqual(["exponential", "sqrt", "log"]);
});
