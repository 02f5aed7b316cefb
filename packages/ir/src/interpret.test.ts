import type { OpenTrnError } from "@opentrn/base";
import { expect, test } from "vitest";
import * as ir from "./index.ts";
import { firstOutside, Site } from "./site.ts";
import { map, numbers, zip } from "./testing.ts";

const { tensor, func, interpret } = ir;
const double = map([2], (x) => ir.add(x, x));

test("inputs are arrays or tensors, and round to their type", () => {
  expect(numbers(double, { x: [0.1, 2] })).toEqual([[Math.fround(0.2), 4]]);
  expect(numbers(double, { x: ir.tensorOf(tensor([2]), [1, 2]) })).toEqual([[2, 4]]);
  const half = func("f", { x: tensor([1], "bfloat16") }, ({ x }) => x);
  expect(numbers(half, { x: [1 + 2 ** -9] })).toEqual([[1]]);
  expect(numbers(half, { x: [1 + 2 ** -9] }, { arithmetic: "float64" })).toEqual([[1 + 2 ** -9]]);
});

test("wrong inputs are named", () => {
  const fails = (inputs: ir.Inputs) => () => interpret(double, inputs);
  expect(fails({})).toThrow("@map: x is missing; its parameters are x: tensor<2xf32>");
  expect(fails({ x: [1, 2], y: [1] })).toThrow("there is no parameter y");
  expect(fails({ x: [1] })).toThrow("tensor<2xf32> has 2 elements, 1 were given");
  expect(fails({ x: ir.tensorOf(tensor([2], "int8"), [1, 2]) })).toThrow("x is tensor<2xi8>");
  const ints = func("f", { x: tensor([1], "uint8") }, ({ x }) => x);
  expect(() => interpret(ints, { x: [256] })).toThrow("256 is no uint8");
  const truth = func("f", { x: tensor([1], "bool_") }, ({ x }) => x);
  expect(() => interpret(truth, { x: [2] })).toThrow("2 is no bool_");
});

test("inputs and results are not shared with the caller's arrays", () => {
  const x = new Float32Array([1, 2]);
  const [y] = interpret(
    map([2], (v) => v),
    { x },
  );
  x[0] = 9;
  expect(Array.from(y!.data)).toEqual([1, 2]);
});

test("several results, one of them twice", () => {
  const fn = func("f", { x: tensor([]) }, ({ x }) => {
    const y = ir.exponential(x);
    return [y, x, y];
  });
  expect(numbers(fn, { x: [0] })).toEqual([[1], [0], [1]]);
});

test("observe sees every operation, so that the first NaN can be found", () => {
  const fn = map([1], (x) => ir.add(ir.log(ir.negate(x)), 1));
  const bad: string[] = [];
  interpret(
    fn,
    { x: [1] },
    {
      observe: (op, [t]) => {
        if (Number.isNaN(t!.data[0])) bad.push(op.name);
      },
    },
  );
  expect(bad).toEqual(["log", "add"]);
});

test("a custom call without meaning, with the wrong one, and without a gradient", () => {
  const fn = zip([2], [2], (x, y) =>
    ir.sum(ir.add(x, ir.customCall("k", [y], { results: [y.type] })[0]!)),
  );
  const inputs = { x: [1, 2], y: [3, 4] };
  expect(() => interpret(fn, inputs)).toThrow("custom_call k has no interpretation");
  expect(() => interpret(fn, inputs, { customCalls: { k: { interpret: () => [] } } })).toThrow(
    "gave 0 results, 1 are declared",
  );
  expect(() => ir.gradient(fn)).toThrow(/custom_call k lies between .* has no gradient/);
  // What does not depend on it needs no gradient of it.
  expect(ir.gradient(fn, ["x"]).results).toHaveLength(2);
});

test("gradient R1: the result is a float scalar", () => {
  const rule = (build: () => unknown) => {
    try {
      build();
    } catch (e) {
      return (e as OpenTrnError).rule;
    }
    return "none";
  };
  expect(rule(() => ir.gradient(double))).toBe("gradient R1");
  expect(rule(() => ir.gradient(func("f", { x: tensor([], "int32") }, ({ x }) => x)))).toBe(
    "gradient R1",
  );
  expect(rule(() => ir.gradient(func("f", { x: tensor([]) }, () => [])))).toBe("gradient R1");
});

test("gradient R2 and R3: by float parameters that exist", () => {
  const fn = func("f", { x: tensor([]), i: tensor([], "int32") }, ({ x, i }) => [x, i]);
  expect(() => ir.gradient(fn, ["i"])).toThrow(/gradient R2: one of wrt is tensor<i32>/);
  expect(() => ir.gradient(fn, ["z"])).toThrow(/gradient R3: @f has no parameter z; it has x, i/);
});

test("scatter that writes twice has no gradient", () => {
  const fn = func("f", { x: tensor([3]), i: tensor([2], "int32") }, ({ x, i }) =>
    ir.sum(
      ir.scatter(x, i, ir.slice(x, { limit: [2] }), {
        insertedWindowDims: [0],
        scatterDimsToOperandDims: [0],
        indexVectorDim: 1,
        body: "update",
      }),
    ),
  );
  expect(() => ir.gradient(fn)).toThrow(/set uniqueIndices if that is so/);
});

test("derivatives by values inside a function, and zeros where nothing depends", () => {
  const step = func("step", { w: tensor([2]), unused: tensor([2]), rate: tensor([]) }, (p) => {
    const inner = ir.multiply(p.w, 3);
    const loss = ir.sum(ir.multiply(inner, inner));
    const [dw, du, di] = ir.gradients(loss, [p.w, p.unused, inner]) as [
      ir.Value,
      ir.Value,
      ir.Value,
    ];
    return [ir.subtract(p.w, ir.multiply(ir.broadcastInDim(p.rate, [2]), dw)), du, di];
  });
  expect(numbers(step, { w: [1, 2], unused: [5, 5], rate: [0.5] })).toEqual([
    [1 - 9, 2 - 18],
    [0, 0],
    [6, 12],
  ]);
});

test("operations of a gradient stand at the line of the operation they come from", () => {
  const fn = func("f", { x: tensor([2]) }, ({ x }) => ir.sum(ir.sine(x)));
  const sineLine = fn.body.find((op) => op.name === "sine")!.site.location!.line;
  const cosine = ir.gradient(fn).body.find((op) => op.name === "cosine")!;
  expect(cosine.site.location).toMatchObject({ line: sineLine });
});

test("the first frame outside is found in every form of stack line", () => {
  const ours = (file: string) => file.startsWith("/ir/");
  const stack = (frame: string) =>
    `Error\n    at emit (/ir/graph.ts:1:2)\n    at add (file:///ir/x.ts:3:4)\n${frame}`;
  const found = (frame: string) => firstOutside(stack(frame), ours);
  expect(found("    at model (/home/me/a.ts:5:6)")).toEqual({ file: "/home/me/a.ts", line: 5 });
  expect(found("    at file:///home/me/b%20c.ts:7:8")).toEqual({
    file: "/home/me/b c.ts",
    line: 7,
  });
  expect(found("    at async /home/me/d.ts:9:1")).toEqual({ file: "/home/me/d.ts", line: 9 });
  expect(found("    at native")).toBeUndefined();
  expect(new Site({ file: "m.ir", line: 3 }).location).toEqual({ file: "m.ir", line: 3 });
  expect(new Site(undefined).location).toBeUndefined();
});
