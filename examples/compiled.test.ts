/** What the compiler makes of a layer against the kernel that somebody wrote by hand, by predicted time. */
import { chipNamed } from "@opentrn/chips";
import { compile, timePlan } from "@opentrn/compiler";
import { attentionOp, func, tensor } from "@opentrn/ir";
import { chip, tensor as inputTensor } from "opentrn";
import { expect, test } from "vitest";
import { flashAttention } from "./05-flash-attention.ts";

test("causal flash attention, 2048 x 128, is within 1.25 of the best kernel here", async () => {
  const [seq, d] = [2048, 128];
  const zeros = inputTensor([seq, d], new Float32Array(seq * d), "bfloat16");
  const byHand = await chip("trn2").run(
    flashAttention,
    { q: zeros, k: zeros, v: zeros },
    { values: false },
  );
  const type = tensor([1, seq, 1, d], "bfloat16");
  const fn = func("attention", { q: type, k: type, v: type }, ({ q, k, v }) => [
    attentionOp(q, k, v, { causal: true }).o,
  ]);
  const compiled = timePlan(compile(fn, { chip: chipNamed("trn2") }));
  expect(compiled.totalNs / byHand.time.total).toBeLessThan(1.25);
  // Neither may be so fast that the other measures nothing.
  expect(compiled.totalNs / byHand.time.total).toBeGreaterThan(0.5);
});
