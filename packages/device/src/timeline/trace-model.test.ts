import { perfettoChunks } from "@opentrn/trace";
import { expect, test } from "vitest";
import { place } from "../placement/index.ts";
import { Sketch, tiledMatmul } from "./sketch.ts";
import { timeline } from "./timeline.ts";
import { traceOf } from "./trace-model.ts";

const traced = (program: ReturnType<Sketch["finish"]>) =>
  traceOf(timeline(program, place(program)));

test("a trace shows engines, queues, memory and what was waited for", () => {
  const s = new Sketch();
  const x = s.tile("hbm", [128, 512], "bfloat16", "input");
  const [a, b] = [s.tile("sbuf", [128, 512]), s.tile("sbuf", [128, 512])];
  s.copy(s.part(a), s.part(x));
  s.emit("tensor_copy", { dst: s.part(b), src: s.part(a) }, { engine: "vector" });
  const m = traced(s.finish());
  expect(m.tracks.map((t) => `${t.id} ${t.kind} ${t.name}`)).toEqual([
    "1 engine VectorE",
    "4 engine SyncE",
    "5 queue DMA qSyncDynamicHW",
    "22 bytes SBUF in use",
    "23 bytes PSUM in use",
    "12 count semaphore of VectorE",
    "15 count semaphore of SyncE",
    "16 count semaphore of DMA qSyncDynamicHW",
    "24 bytes HBM in use",
  ]);
  const slices = [...m.slices].map(({ track, name, startNs, endNs, flows }) => ({
    track,
    name,
    from: Math.round(startNs),
    to: Math.round(endNs),
    flows,
  }));
  expect(slices).toEqual([
    { track: 1, name: "tensor_copy", from: 2482, to: 2758, flows: [1] },
    { track: 4, name: "dma_copy (trigger)", from: 0, to: 615, flows: undefined },
    { track: 5, name: "dma_copy", from: 1360, to: 2082, flows: [1] },
  ]);
  expect([...m.slices][0]!.args).toEqual({
    instruction: 1,
    operands: "dst=%2:bf16[0:128, 1x512] src=%1:bf16[0:128, 1x512]",
    source: "kernel.py:101",
    stall: "waited 2482 ns for DMA qSyncDynamicHW at kernel.py:100",
    end_ns: expect.closeTo(2757.857, 2),
  });
  const sbuf = [...m.counters].filter((c) => c.track === 22);
  expect(sbuf.map((c) => [Math.round(c.ns), c.value / 1024])).toEqual([
    [0, 128],
    [2482, 256],
    [2758, 0],
  ]);
});

test("slices of one track never overlap, and every chunk can be written", () => {
  const m = traced(tiledMatmul(256, 512, 1024));
  const until = new Map<number, number>();
  let count = 0;
  for (const s of m.slices) {
    expect(s.startNs).toBeGreaterThanOrEqual(until.get(s.track) ?? 0);
    expect(s.endNs).toBeGreaterThanOrEqual(s.startNs);
    until.set(s.track, s.endNs);
    count++;
  }
  // 48 instructions, 28 of them transfers with a slice for the trigger and one for the data.
  expect(count).toBe(76);
  expect([...perfettoChunks(m)].reduce((n, c) => n + c.length, 0)).toBeGreaterThan(5000);
});
