/** Composites stay where a template takes them, and become primitive operations where none does. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { decomposeUnsupported } from "./decompose.ts";

const { func, tensor } = ir;
const chip = chipNamed("trn2");
const names = (fn: ir.Func): string[] =>
  fn.body.map((op) => ir.compositeName(op) ?? op.name).filter((n) => n !== "constant");

test("attention with a template stays one operation", () => {
  const type = tensor([1, 8, 2, 16], "bfloat16");
  const fn = func("f", { q: type, k: type, v: type }, ({ q, k, v }) => [
    ir.attentionOp(q, k, v, { causal: true }).o,
  ]);
  expect(names(fn)).toEqual(["attention"]);
  expect(names(decomposeUnsupported(fn, chip))).toEqual(["attention"]);
});

test("attention that no template takes becomes its products and softmax, which mean the same", () => {
  // Heads of more than 256 elements.
  const type = tensor([1, 3, 1, 300]);
  const fn = func("f", { q: type, k: type, v: type }, ({ q, k, v }) => [ir.attentionOp(q, k, v).o]);
  const apart = decomposeUnsupported(fn, chip);
  expect(names(fn)).toEqual(["attention"]);
  expect(names(apart).filter((n) => n === "dot_general")).toHaveLength(2);
  expect(names(apart)).toContain("exponential");
  expect(names(apart)).not.toContain("attention");
  const inputs = Object.fromEntries(
    ["q", "k", "v"].map((n, i) => [
      n,
      Float32Array.from({ length: 900 }, (_, k) => Math.sin(k * (i + 2)) / 4),
    ]),
  );
  const values = (f: ir.Func): number[] =>
    Array.from(ir.interpret(f, inputs, { customCalls: ir.compositeCalls })[0]!.data);
  expect(values(apart)).toEqual(values(fn));
});
