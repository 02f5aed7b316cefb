/** What fuse makes of functions: the groups, and that they mean what the function meant. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { link } from "../plan/link.ts";
import { makePlan } from "../plan/make-plan.ts";
import { compareProgram } from "../testing.ts";
import { fuse } from "./fuse.ts";

const { func, tensor } = ir;
const chip = chipNamed("trn2");
const bf16 = "bfloat16";

/** Names of the operations of every group, in order of the calls. */
const groupsOf = (fn: ir.Func): string[] =>
  fuse(fn, chip).body.map((op) =>
    (op.attrs["callee"] as ir.Func).body.map((o) => o.name).join(" "),
  );

const linear = (x: ir.Value, w: ir.Value): ir.Value =>
  ir.dotGeneral(x, w, { contracting: [[1], [1]], dtype: "float32" });

test("a product takes in what follows it", () => {
  const fn = func(
    "f",
    { x: tensor([256, 128], bf16), w: tensor([384, 128], bf16), b: tensor([384]) },
    ({ x, w, b }) =>
      ir.convert(ir.geluTanhOp(ir.add(linear(x, w), ir.broadcastInDim(b, [256, 384]))), bf16),
  );
  expect(fn.body.map((op) => op.name)).toEqual([
    "dot_general",
    "broadcast_in_dim",
    "add",
    "custom_call",
    "convert",
  ]);
  expect(groupsOf(fn)).toEqual(["dot_general broadcast_in_dim add custom_call convert"]);
});

test("elementwise work and the reductions of rows stay together", () => {
  const fn = func("f", { x: tensor([300, 96], bf16), w: tensor([96]) }, ({ x, w }) =>
    ir.convert(ir.rmsNorm(ir.convert(x, "float32"), w), bf16),
  );
  expect(groupsOf(fn)).toHaveLength(1);
});

test("groups that meet in one number only stay apart", () => {
  const big = tensor([1024, 512]);
  const fn = func("f", { g: big, p: big }, ({ g, p }) => {
    const norm = ir.sqrt(ir.sum(ir.multiply(g, g)));
    return ir.subtract(p, ir.multiply(g, ir.broadcastInDim(norm, big.shape)));
  });
  const groups = groupsOf(fn);
  expect(groups).toHaveLength(2);
  expect(groups[0]).toContain("reduce");
  expect(groups[1]).not.toContain("reduce");
});

test("a cheap value that is large is made again where it is read", () => {
  // The exponential is kept for a second reader behind a product; reading x again moves fewer bytes than fp32 values.
  const fn = func("f", { x: tensor([512, 512], bf16), w: tensor([512, 512], bf16) }, ({ x, w }) => {
    const e = ir.exponential(ir.convert(x, "float32"));
    const y = linear(ir.convert(e, bf16), w);
    return ir.convert(ir.multiply(y, e), bf16);
  });
  const fused = fuse(fn, chip);
  const types = fused.body.flatMap((op) => op.results.map((v) => ir.printType(v.type)));
  expect(types).not.toContain("tensor<512x512xf32>");
});

test("no group waits for what it makes itself", () => {
  // b needs a through the scatter, which cannot join them: merging a and b would be a circle.
  const fn = func(
    "f",
    { x: tensor([64, 8]), i: tensor([64], "int32"), t: tensor([64, 8]) },
    ({ x, i, t }) => {
      const a = ir.exponential(x);
      const moved = ir.addRows(t, i, a);
      return ir.multiply(ir.add(a, 1), moved);
    },
  );
  const plan = makePlan(fuse(fn, chip), chip);
  expect(plan.calls.length).toBeGreaterThanOrEqual(3);
  for (const r of compareProgram(fn, link(plan), {
    i: Array.from({ length: 64 }, (_, k) => 63 - k),
  }))
    expect(r.chipError).toBeLessThanOrEqual(4 * r.interpreterError + r.scale * 2 ** -20);
});

test("layers that are alike are lowered once", () => {
  const layer = (x: ir.Value, w: ir.Value): ir.Value => ir.convert(ir.siluOp(linear(x, w)), bf16);
  const w = tensor([128, 128], bf16);
  const fn = func("f", { x: tensor([128, 128], bf16), a: w, b: w, c: w }, (p) =>
    layer(layer(layer(p.x, p.a), p.b), p.c),
  );
  const plan = makePlan(fuse(fn, chip), chip);
  expect([plan.calls.length, plan.modules.length]).toEqual([3, 1]);
});

test("one operation a group computes the same", () => {
  const fn = func(
    "f",
    { x: tensor([70, 40], bf16), w: tensor([90, 40], bf16), n: tensor([90]) },
    ({ x, w, n }) => ir.softmax(ir.rmsNorm(linear(x, w), n)),
  );
  const apart = fuse(fn, chip, { mostOps: 1 });
  expect(apart.body.length).toBeGreaterThan(fuse(fn, chip).body.length);
  for (const fused of [apart, fuse(fn, chip)])
    for (const r of compareProgram(fn, link(makePlan(fused, chip))))
      expect(r.chipError).toBeLessThanOrEqual(4 * r.interpreterError + r.scale * 2 ** -18);
});
