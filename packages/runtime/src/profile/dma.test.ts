import { expect, it } from "vitest";
import { Sizes, Spans } from "./dma.ts";

it("spans count time once, whatever order they come in", () => {
  const spans = new Spans();
  for (const [from, to] of [
    [10, 20],
    [0, 5],
    [15, 30],
    [16, 18],
    [40, 41],
    [2, 4],
  ] as const)
    spans.add(from, to);
  expect(spans.covered()).toBe(5 + 20 + 1);
  expect(new Spans().covered()).toBe(0);
});

it("sizes fall into classes by their lower border", () => {
  const sizes = new Sizes();
  for (const bytes of [4, 64, 511, 512, 4096, 100_000]) sizes.add(bytes, 2);
  expect(sizes.report()).toEqual([
    { from: 0, to: 64, descriptors: 2, bytes: 8 },
    { from: 64, to: 512, descriptors: 4, bytes: 1150 },
    { from: 512, to: 2048, descriptors: 2, bytes: 1024 },
    { from: 4096, to: null, descriptors: 4, bytes: 208_192 },
  ]);
});
