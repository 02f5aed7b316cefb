import { expect, test } from "vitest";
import { breaks, evaluate, sbuf } from "./testing.ts";
import { topk } from "./topk.ts";

const tiles = (P: number, K: number, width: number, values?: number[]) => ({
  val_dst: sbuf([P, K], "bfloat16", new Array(P * K).fill(-1)),
  idx_dst: sbuf([P, K], "uint32"),
  src: sbuf([P, width], "bfloat16", values),
});

test("topk walks 16 partitions as a snake and writes its results as one", () => {
  // 18 elements in two columns: element e has the value (e * 7) % 18.
  const snake = new Array<number>(32).fill(100);
  for (let e = 0; e < 18; e++) snake[(e % 16) * 2 + Math.floor(e / 16)] = (e * 7) % 18;
  const out = evaluate(topk, tiles(16, 17, 2, snake), { n: 18 });
  const at = (k: number) => (k % 16) * 17 + Math.floor(k / 16);
  // Ascending: values 1 to 17; 7 e = 1 mod 18 gives e = 13.
  expect([0, 1, 15, 16].map((k) => out["val_dst"]![at(k)])).toEqual([1, 2, 16, 17]);
  expect(out["idx_dst"]![at(0)]).toBe(13);
  // Slots beyond K stay.
  expect(out["val_dst"]![1 * 17 + 1]).toBe(-1);
});

test("topk C1: n is 8 to 65535", () => {
  breaks(topk, "C1", tiles(16, 4, 1), { n: 7 });
});

test("topk C2: K is at most n", () => {
  breaks(topk, "C2", tiles(16, 10, 1), { n: 9 });
});

test("topk C3: src holds n elements", () => {
  breaks(topk, "C3", tiles(16, 4, 1), { n: 17 });
});

test("topk C4: partitions in sixteens", () => {
  breaks(topk, "C4", tiles(8, 4, 1), { n: 8 });
});

test("topk C5: values and positions are as many", () => {
  breaks(topk, "C5", { ...tiles(16, 4, 1), idx_dst: sbuf([16, 5], "uint32") }, { n: 16 });
});
