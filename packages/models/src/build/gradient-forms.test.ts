/** Each form, before and after, and that the numbers stay. */
import * as ir from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { randomTokens, small, worst } from "../testing.ts";
import { chipForms } from "./gradient-forms.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";

/** The operations of a function by name, in order. */
const names = (fn: ir.Func): readonly string[] => fn.body.map((op) => op.name);
const values = (fn: ir.Func, seed = 1): readonly ArrayLike<number>[] => {
  const config = small("gpt2");
  const inputs = fn.params.map((p, i) => {
    const numbers = randomTokens(config, ir.sizeOf(p.type.shape), seed + i);
    return [ir.parameterName(p), ir.isFloatType(p.type) ? numbers.map((x) => x / 7 - 1) : numbers];
  });
  return ir.interpret(fn, Object.fromEntries(inputs), { arithmetic: "float64" }).map((t) => t.data);
};
const same = (a: ir.Func, b: ir.Func): void => {
  const [x, y] = [values(a), values(b)];
  x.forEach((row, i) => {
    expect(worst(row, y[i]!)).toBeLessThan(1e-14);
  });
};

describe("weight gradients", () => {
  const signature = { x: tensor([4, 3], bf16), g: tensor([4, 2], bf16) };
  const product = (x: ir.Value, g: ir.Value) => ir.dotGeneral(g, x, { contracting: [[0], [0]] });

  test("keep the fp32 sum", () => {
    const fn = func("f", signature, ({ x, g }) => ir.convert(product(x, g), "float32"));
    const made = chipForms(fn, [0]);
    expect(names(fn)).toEqual(["dot_general", "convert"]);
    expect(names(made)).toEqual(["dot_general"]);
    expect(made.results[0]!.type).toEqual(tensor([2, 3]));
    same(fn, made);
  });

  test("that something else reads narrow, and results that are no gradients, stay", () => {
    const both = func("f", signature, ({ x, g }) => {
      const narrow = product(x, g);
      return [ir.convert(narrow, "float32"), ir.negate(narrow)];
    });
    expect(names(chipForms(both, [0]))).toEqual(["dot_general", "convert", "negate"]);
    const other = func("f", signature, ({ x, g }) => ir.convert(product(x, g), "float32"));
    expect(names(chipForms(other, []))).toEqual(["dot_general", "convert"]);
  });

  test("of called functions do so too", () => {
    const layer = func("layer", signature, ({ x, g }) => [
      ir.convert(product(x, g), "float32"),
      ir.convert(ir.negate(x), "float32"),
    ]);
    const fn = func("f", signature, ({ x, g }) => {
      const [dw] = ir.call(layer, [x, g]);
      const [again] = ir.call(layer, [x, g]);
      return ir.add(dw!, ir.negate(again!));
    });
    const made = chipForms(fn, [0]);
    const callee = made.body[0]!.attrs["callee"] as ir.Func;
    expect(names(callee)).toEqual(["dot_general", "negate", "convert"]);
    same(fn, made);
  });
});

describe("padded pieces", () => {
  const thirds = { a: tensor([2, 3]), b: tensor([2, 4]), c: tensor([2, 1]) };
  const at = (x: ir.Value, low: number): ir.Value =>
    ir.pad(x, 0, { low: [0, low], high: [0, 8 - low - x.type.shape[1]!] });

  test("that cover a dimension stand side by side, in whatever order they are added", () => {
    const fn = func("f", thirds, ({ a, b, c }) => ir.add(ir.add(at(c, 7), at(a, 0)), at(b, 3)));
    const made = chipForms(fn, []);
    expect(names(made)).toEqual(["concatenate"]);
    same(fn, made);
  });

  test("that overlap, leave a gap or are padded with something else are added", () => {
    const add = (f: (p: { a: ir.Value; b: ir.Value; c: ir.Value }) => ir.Value) =>
      names(chipForms(func("f", thirds, f), [])).includes("concatenate");
    expect(add(({ a, b }) => ir.add(at(a, 0), at(b, 2)))).toBe(false);
    expect(add(({ a, b }) => ir.add(at(a, 0), at(b, 4)))).toBe(false);
    expect(add(({ a, b }) => ir.add(ir.add(at(a, 0), at(b, 3)), at(a, 5)))).toBe(false);
    const ones = (x: ir.Value, low: number) =>
      ir.pad(x, 1, { low: [0, low], high: [0, 7 - low - x.type.shape[1]!] });
    expect(add(({ a, b }) => ir.add(ones(a, 0), ones(b, 3)))).toBe(false);
  });
});

test("rows scattered into zeros are scattered into what they are added to", () => {
  const signature = { x: tensor([20, 3]), ids: tensor([4], "int32"), rows: tensor([4, 3]) };
  const fn = func("f", signature, ({ x, ids, rows }) =>
    ir.add(x, ir.addRows(ir.constant(tensor([20, 3]), 0), ids, rows)),
  );
  const made = chipForms(fn, []);
  expect(names(made)).toEqual(["scatter"]);
  same(fn, made);
});

test("a norm's derivative has each term once", () => {
  const fn = func("f", { x: tensor([4, 3]), g: tensor([4, 3]) }, ({ x, g }) => {
    const squares = ir.sum(ir.multiply(x, x), [1]);
    const y = ir.multiply(x, ir.broadcastInDim(squares, [4, 3], [0]));
    return ir.pullback([y], [g], [x]);
  });
  const adds = (f: ir.Func) => names(f).filter((name) => name === "add").length;
  const made = chipForms(fn, []);
  expect([adds(fn), adds(made)]).toEqual([2, 1]);
  same(fn, made);
});
