/** What simplify removes, shown before and after. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { simplify } from "./simplify.ts";

const { func, tensor, print } = ir;

const body = (fn: ir.Func): string[] =>
  print(fn)
    .split("\n")
    .slice(1, -2)
    .map((line) => line.trim());

const x = { x: tensor([2, 3]) };

test("moves that cancel go, what they moved stays", () => {
  const fn = func("f", x, (p) =>
    ir.reshape(ir.reshape(ir.transpose(ir.transpose(p.x, [1, 0]), [1, 0]), [6]), [3, 2]),
  );
  expect(body(fn)).toEqual([
    "%0 = transpose %x {permutation = [1, 0]} : tensor<3x2xf32>",
    "%1 = transpose %0 {permutation = [1, 0]} : tensor<2x3xf32>",
    "%2 = reshape %1 : tensor<6xf32>",
    "%3 = reshape %2 : tensor<3x2xf32>",
    "return %3",
  ]);
  expect(body(simplify(fn))).toEqual(["%0 = reshape %x : tensor<3x2xf32>", "return %0"]);
});

test("broadcasts of broadcasts become one", () => {
  const fn = func("f", { x: tensor([3]) }, (p) =>
    ir.broadcastInDim(ir.broadcastInDim(p.x, [2, 3], [1]), [4, 2, 3], [1, 2]),
  );
  expect(body(simplify(fn))).toEqual([
    "%0 = broadcast_in_dim %x {broadcast_dimensions = [2]} : tensor<4x2x3xf32>",
    "return %0",
  ]);
});

test("multiplying and dividing by one, negating twice and stopping gradients change nothing", () => {
  const fn = func("f", x, (p) =>
    ir.stopGradient(ir.negate(ir.negate(ir.divide(ir.multiply(1, p.x), 1)))),
  );
  expect(simplify(fn).body).toHaveLength(0);
});

test("adding zero stays: it turns -0 into 0", () => {
  const fn = func("f", x, (p) => ir.add(p.x, 0));
  expect(simplify(fn).body.map((op) => op.name)).toEqual(["constant", "add"]);
});

test("equal operations are one", () => {
  const fn = func("f", x, (p) => ir.multiply(ir.exponential(p.x), ir.exponential(p.x)));
  expect(simplify(fn).body.map((op) => op.name)).toEqual(["exponential", "multiply"]);
});

test("parameters that come out unchanged stay results", () => {
  const fn = func("f", x, (p) => [ir.transpose(ir.transpose(p.x, [1, 0]), [1, 0]), p.x]);
  expect(simplify(fn).results).toEqual([fn.params[0], fn.params[0]]);
});

test("converting to a type that holds all values and back changes nothing, the other way rounds", () => {
  const back = func("f", { x: tensor([4], "bfloat16") }, (p) =>
    ir.convert(ir.convert(p.x, "float32"), "bfloat16"),
  );
  expect(simplify(back).body).toHaveLength(0);
  const rounds = func("f", { x: tensor([4], "float16") }, (p) =>
    ir.convert(ir.convert(p.x, "bfloat16"), "float16"),
  );
  expect(simplify(rounds).body).toHaveLength(2);
});
