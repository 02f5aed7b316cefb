import { OpenTrnError } from "@opentrn/base";
import { expect, test } from "vitest";
import * as ir from "./index.ts";
import { allSamples } from "./ops/samples.fixture.ts";
import { weighted, zip } from "./testing.ts";

const { tensor, func, verify } = ir;
const fn = zip([2], [2], (x, y) => ir.exponential(ir.add(x, y)));
const [first, second] = fn.body as [ir.Operation, ir.Operation];

const breaks = (rule: ir.FunctionRule, broken: ir.Func): string => {
  try {
    verify(broken);
  } catch (e) {
    expect(e).toBeInstanceOf(OpenTrnError);
    expect((e as OpenTrnError).rule).toBe(`function ${rule}`);
    return (e as OpenTrnError).message;
  }
  throw new Error(`${rule} was not broken`);
};

test("every sample and its gradient are well formed", () => {
  for (const [, { fn: sample, customCalls = {} }] of allSamples) {
    verify(sample);
    verify(ir.gradient(weighted(sample), undefined, { customCalls }));
  }
});

test("V1: operands come from above", () => {
  expect(breaks("V1", { ...fn, body: [second, first] })).toMatch(/made by add, which is not above/);
  expect(breaks("V1", { ...fn, params: [fn.params[0]!] })).toMatch(
    /uses %y, a parameter of another/,
  );
});

test("V2: results have their operation's types", () => {
  const wrong: ir.Operation = { ...first, results: [{ type: tensor([3]), op: first, index: 0 }] };
  expect(breaks("V2", { ...fn, body: [wrong], results: [] })).toMatch(/add gives tensor<2xf32>/);
});

test("an operation's own rules are checked too", () => {
  const wrong = { ...first, operands: [fn.params[0]!] };
  expect(() => verify({ ...fn, body: [wrong], results: [] })).toThrow(/add G1/);
});

test("V3: parameters", () => {
  breaks("V3", { ...fn, params: [...fn.params, fn.params[0]!] });
  breaks("V3", { ...fn, params: [first.results[0]!], body: [], results: [] });
});

test("V4: results come from the function", () => {
  breaks("V4", { ...fn, body: [first] });
});

test("V5: an operation stands once", () => {
  breaks("V5", { ...fn, body: [first, first, second] });
  breaks("V5", { ...fn, body: [fn.params[0]!.op, first, second] });
});

test("V6: functions have different names", () => {
  const other = func("same", { x: tensor([2]) }, ({ x }) => ir.negate(x));
  const outer = func("same", { x: tensor([2]) }, ({ x }) => ir.call(other, [x])[0]!);
  expect(breaks("V6", outer)).toMatch(/another function is called @same/);
});
