import { place, timeline } from "@opentrn/device";
import { expect, test } from "vitest";
import { nanosecondsEach, streamOf } from "./timeline-growth.ts";

test("what the timeline looks at grows with the number of instructions", () => {
  const [small, large] = [7_000, 70_000].map((n) => {
    const program = streamOf(n);
    const { graph, dma } = timeline(program, place(program));
    return [graph.count, graph.edgeStart[graph.count]!, dma.transfers];
  }) as [number[], number[]];
  const growth = large.map((n, i) => n / small[i]!);
  expect(growth[0]).toBe(10);
  // The first 64 turns write rows that nothing wrote before; all others wait for the same.
  for (const g of growth) expect(Math.abs(g - 10)).toBeLessThan(0.5);
});

test("an instruction costs the host about as much in a Program ten times as long", () => {
  // Ratios in one process, the best of several tries: other work on the machine only ever adds to one of them.
  const ratio = (): number => nanosecondsEach(20_000, 0, 1) / nanosecondsEach(2_000, 0, 3);
  expect(Math.min(ratio(), ratio(), ratio())).toBeLessThan(2);
});
