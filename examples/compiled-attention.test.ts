/** What the compiler makes of attention is predicted to be as fast as the best kernel written by hand. */
import { chipNamed } from "@opentrn/chips";
import { lowerGroup } from "@opentrn/compiler";
import { place, timeline } from "@opentrn/device";
import { attentionOp, func, tensor } from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import { expect, test } from "vitest";
import { flashAttention } from "./05-flash-attention.ts";

const chip = chipNamed("trn2");
const [n, d] = [2048, 128];
const time = (program: Program): number => timeline(program, place(program)).totalNs;

test("causal attention of one head, 2048 x 128 bfloat16", () => {
  const head = { shape: [n, d], dtype: "bfloat16", bytes: new Uint8Array(2 * n * d) } as const;
  const byHand = flashAttention.build({ chip, inputs: { q: head, k: head, v: head } });
  const like = tensor([1, n, 1, d], "bfloat16");
  const group = func("attention", { q: like, k: like, v: like }, ({ q, k, v }) => {
    const { o, lse } = attentionOp(q, k, v, { causal: true });
    return [o, lse];
  });
  const { program } = lowerGroup(group, chip);
  // lse too, which the kernel does not return.
  expect(time(program) / time(byHand)).toBeLessThan(1);
});
