/** Attention between views: parts of one fused projection, results in other layouts, and groups that are none. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { templateFor } from "../lower-group.ts";
import { attention } from "./attention.ts";
import { attentionBackward } from "./attention-backward.ts";
import { attentionCached } from "./attention-cached.ts";
import { cachedOf, forwardOf, tooFar } from "./cases.fixture.ts";

const { func, tensor } = ir;
const [b, n, h, d] = [2, 70, 2, 16];
const config = { causal: true, scale: 0.25 };

/** Heads of one part of [b n, 3 h d]. */
const part = (fused: ir.Value, i: number): ir.Value =>
  ir.reshape(ir.slice(fused, { start: [0, i * h * d], limit: [b * n, (i + 1) * h * d] }), [
    b,
    n,
    h,
    d,
  ]);

describe("views", () => {
  test("q, k and v of one fused projection, o as tokens by features", () => {
    const fn = func("f", { x: tensor([b * n, 3 * h * d], "bfloat16") }, ({ x }) => {
      const { o, lse } = ir.attentionOp(part(x, 0), part(x, 1), part(x, 2), config);
      return [ir.reshape(o, [b * n, h * d]), lse];
    });
    const { module, results } = compareGroup(fn);
    expect(module.template).toBe("attention");
    expect(tooFar(results)).toEqual([]);
  });

  test("head-major operands and result", () => {
    const major = tensor([b, h, n, d], "bfloat16");
    const turn = (x: ir.Value): ir.Value => ir.transpose(x, [0, 2, 1, 3]);
    const fn = func("f", { q: major, k: major, v: major }, ({ q, k, v }) => {
      const { o, lse } = ir.attentionOp(turn(q), turn(k), turn(v), config);
      return [turn(o), ir.transpose(lse, [2, 0, 1])];
    });
    const { module, results } = compareGroup(fn);
    expect(module.template).toBe("attention");
    expect(tooFar(results)).toEqual([]);
  });

  test("gradients side by side in one tensor, and one of them alone as well", () => {
    const like = tensor([b, n, h, d], "bfloat16");
    const params = { x: tensor([b * n, 3 * h * d], "bfloat16"), o: like, cotangent: like };
    const fn = func("f", { ...params, lse: tensor([b, h, n]) }, ({ x, o, lse, cotangent }) => {
      const [q, k, v] = [part(x, 0), part(x, 1), part(x, 2)];
      const { dq, dk, dv } = ir.attentionBackwardOp({ q, k, v, o, lse, cotangent }, config);
      const flat = [dq, dk, dv].map((g) => ir.reshape(g, [b * n, h * d]));
      return [ir.concatenate(flat, 1), dk];
    });
    const lse = new Float64Array(b * h * n).fill(4);
    const { module, results } = compareGroup(fn, { lse });
    expect(module.template).toBe("attention_backward");
    expect(tooFar(results)).toEqual([]);
  });

  test("only part of a cache", () => {
    const cache = tensor([1, 300, 2, 16], "bfloat16");
    const q = tensor([1, 1, 4, 16], "bfloat16");
    const head = (x: ir.Value): ir.Value =>
      ir.slice(x, { start: [0, 0, 0, 0], limit: [1, 128, 2, 16] });
    const params = { q, k: cache, v: cache, start: tensor([], "int32") };
    const fn = func("f", params, ({ q, k, v, start }) => [
      ir.cachedAttention(q, head(k), head(v), start),
    ]);
    const { module, results } = compareGroup(fn, { start: [100] });
    expect(module.template).toBe("attention_cached");
    expect(tooFar(results)).toEqual([]);
  });

  test("o alone", () => {
    const fn = forwardOf({ n: 20 });
    const alone: ir.Func = { ...fn, results: [fn.results[0]!] };
    expect(tooFar(compareGroup(alone).results)).toEqual([]);
  });
});

describe("groups that are refused", () => {
  const chip = chipNamed("trn2");
  const q = tensor([1, 8, 1, 16], "bfloat16");
  const of = (make: (q: ir.Value, k: ir.Value, v: ir.Value) => ir.Value, type = q): ir.Func =>
    func("f", { q: type, k: type, v: type }, ({ q, k, v }) => [make(q, k, v)]);
  const groups: Readonly<Record<string, ir.Func>> = {
    "multiply before the call is no view of a parameter": of(
      (q, k, v) => ir.attentionOp(ir.multiply(q, 2), k, v).o,
    ),
    "negate after the call is no view": of((q, k, v) => ir.negate(ir.attentionOp(q, k, v).o)),
    "slice after the call is no view": of((q, k, v) =>
      ir.slice(ir.attentionOp(q, k, v).o, { start: [0, 1, 0, 0] }),
    ),
    "it is not one call of attention": of((q, k, v) => {
      const { o } = ir.attentionOp(q, k, v);
      return ir.attentionOp(o, k, v).o;
    }),
    "attention of float8_e4m3": of(
      (q, k, v) => ir.attentionOp(q, k, v).o,
      tensor([1, 8, 1, 16], "float8_e4m3"),
    ),
    "attention of 300 features a head": of(
      (q, k, v) => ir.attentionOp(q, k, v).o,
      tensor([1, 8, 1, 300], "bfloat16"),
    ),
    "attention with scale -1": of((q, k, v) => ir.attentionOp(q, k, v, { scale: -1 }).o),
  };
  test.each(Object.entries(groups))("%s", (why, group) => {
    expect(attention.refuses(group, chip)).toContain(why);
  });

  test("each template takes its own composite only", () => {
    const cached = cachedOf({ n: 1, m: 8, start: 0 });
    expect(templateFor(cached, chip)).toBe(attentionCached);
    expect(attention.refuses(cached, chip)).toBe("it is not one call of attention");
    expect(attentionBackward.refuses(cached, chip)).toBe(
      "it is not one call of attention_backward",
    );
  });
});
