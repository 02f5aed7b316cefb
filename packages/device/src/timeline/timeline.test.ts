import { OpenTrnError } from "@opentrn/base";
import { chipNamed, fact } from "@opentrn/chips";
import type { Operand } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { listing } from "./listing.ts";
import { Sketch } from "./sketch.ts";
import { type Timeline, type TimelineOptions, timeline } from "./timeline.ts";

const run = (s: Sketch, options?: TimelineOptions): Timeline => {
  const program = s.finish();
  return timeline(program, place(program), options);
};
const show = (s: Sketch, options?: TimelineOptions): string => `\n${listing(run(s, options))}`;
const lanes = [0, 128] as const;
const copy = (s: Sketch, dst: Operand, src: Operand, engine = "vector"): number =>
  s.emit("tensor_copy", { dst, src }, { engine });
const zero = (s: Sketch, dst: Operand, engine = "vector"): number =>
  s.emit("memset", { dst, value: { kind: "float", value: 0 } }, { engine });
const register = (r: number): Operand => ({ kind: "register", register: r });
const number = (value: number): Operand => ({ kind: "int", value });

describe("timeline of trn2", () => {
  it("a load, a copy and a store", () => {
    const s = new Sketch();
    const x = s.tile("hbm", [128, 512], "bfloat16", "input");
    const y = s.tile("hbm", [128, 512], "bfloat16", "output");
    const [a, b] = [s.tile("sbuf", [128, 512]), s.tile("sbuf", [128, 512])];
    s.copy(s.part(a), s.part(x));
    copy(s, s.part(b), s.part(a));
    s.copy(s.part(y), s.part(b));
    // Load: 1360 start-up, the last engine 15 x 23 later, 8 rows of (4.7 + 1024 / 24.5), semaphore 4.7 + 4 / 27.2.
    // Copy: 400 for the semaphore, then (512 / 4 + 58 + 79) cycles at 0.96 GHz. Store: 36 to the trigger, 1258 to the data,
    // the last engine 15 x 10 later, 8 rows of (4.7 + 1024 / 27.2), semaphore.
    expect(show(s)).toBe(`
qSyncDynamicHW dma_copy 0.0 data 1360.0 → 2081.8
vector tensor_copy 2481.8 → 2757.9 (waited 2482 ns for DMA qSyncDynamicHW at kernel.py:100)
qScalarDynamicHW dma_copy 2793.9 data 4051.9 → 4545.5 (waited 2794 ns for vector tensor_copy at kernel.py:101)
`);
  });

  it("an engine overlaps independent instructions and waits for its own results", () => {
    const s = new Sketch();
    const [a, b, c] = [0, 1, 2].map(() => s.tile("sbuf", [128, 512], "float32"));
    zero(s, s.part(a!));
    copy(s, s.part(b!), s.part(a!));
    zero(s, s.part(c!));
    // fp32 runs at one element a cycle: interval 570 cycles = 593.75, result 79 cycles = 82.29 later. The copy waits for the
    // result and its semaphore (36); the second memset waits for the engine only.
    expect(show(s)).toBe(`
vector memset 0.0 → 676.0
vector tensor_copy 712.0 → 1388.1 (waited 118 ns for vector memset at kernel.py:100)
vector memset 1305.8 → 1981.8
`);
  });

  it("waits for a reused buffer until its last reader is done", () => {
    const s = new Sketch();
    const x = s.tile("hbm", [128, 512], "bfloat16", "input");
    const first = s.pinned([128, 512], 0);
    s.copy(s.part(first), s.part(x));
    const kept = s.tile("sbuf", [128, 512]);
    copy(s, s.part(kept), s.part(first), "gpsimd");
    const second = s.pinned([128, 512], 0);
    s.copy(s.part(second), s.part(x));
    // GpSimd: (512 + 150 + 100) cycles at 1.2 GHz = 635. The second load's trigger waits for it and its semaphore.
    expect(show(s)).toBe(`
qSyncDynamicHW dma_copy 0.0 data 1360.0 → 2081.8
gpsimd tensor_copy 2481.8 → 3116.8 (waited 2482 ns for DMA qSyncDynamicHW at kernel.py:100)
qSyncDynamicHW dma_copy 3152.8 data 4512.8 → 5234.6 (waited 2498 ns for gpsimd tensor_copy at kernel.py:101)
`);
  });

  it("does not tie neighbouring columns or rows of one tensor together", () => {
    const s = new Sketch();
    const out = s.tile("hbm", [256, 1024], "bfloat16", "output");
    const a = s.tile("sbuf", [128, 1024]);
    for (const half of [0, 1]) {
      const columns = [512 * half, 512 * half + 512] as const;
      zero(s, s.part(a, lanes, columns), half === 0 ? "vector" : "gpsimd");
    }
    const stores = [0, 1].map((half) => {
      const columns = [512 * half, 512 * half + 512] as const;
      return s.copy(s.part(out, lanes, columns), s.part(a, lanes, columns), {
        dge_mode: "hwdge",
        engine: half === 0 ? "sync" : "scalar",
      });
    });
    const t = run(s);
    const { edgeStart, producer } = t.graph;
    const producers = (i: number): number[] => [...producer.slice(edgeStart[i], edgeStart[i + 1])];
    expect(stores.map(producers)).toEqual([[0], [1]]);
  });

  it("runs matmuls at half rate until a window has seen enough work", () => {
    const s = new Sketch();
    const [w, x] = [s.tile("sbuf", [128, 128]), s.tile("sbuf", [128, 512])];
    zero(s, s.part(w));
    zero(s, s.part(x));
    for (let i = 0; i < 24; i++) {
      const sum = s.tile("psum", [128, 512], "float32");
      s.emit("nc_matmul", { dst: s.part(sum), stationary: s.part(w), moving: s.part(x) });
    }
    const t = run(s);
    const starts = [...t.schedule.start].slice(2);
    const gaps = starts.slice(1).map((x, i) => Math.round((x - starts[i]!) / 1000));
    // Cold: 512 cycles at 2.4 GHz and half rate = 426.7. The first window ends at 3413.3 ns with more than 3/8 of its cycles
    // used, so the stream it cuts and all later ones run at full rate: 213.3 and a gap of 2.5.
    const warm = 24 - 1 - 7;
    expect(gaps).toEqual([...Array(6).fill(427), 342, ...Array(warm).fill(216)]);
  });

  it("loads an activation table when the function changes, before it waits for data", () => {
    const s = new Sketch();
    const [a, b] = [s.tile("sbuf", [128, 512]), s.tile("sbuf", [128, 512])];
    zero(s, s.part(a));
    for (const op of ["exp", "copy", "exp", "tanh", "exp"])
      s.emit("activation", { dst: s.part(b), data: s.part(a) }, { op });
    const t = run(s);
    // exp at once, while the data is not there yet; copy is in every table; tanh and exp again when ScalarE is free.
    expect(t.schedule.tableLoads.map(([i, at]) => [i, Math.round(at / 1000)])).toEqual([
      [1, 0],
      [4, 2713],
      [5, 4473],
    ]);
  });

  it("honours depends_on", () => {
    const s = new Sketch();
    const [a, b] = [s.tile("sbuf", [128, 512]), s.tile("sbuf", [128, 512])];
    const first = zero(s, s.part(a), "vector");
    const second = zero(s, s.part(b), "gpsimd");
    s.builder.addDependency(second, first);
    expect(show(s)).toBe(`
vector memset 0.0 → 409.4
gpsimd memset 445.4 → 867.0 (waited 445 ns for vector memset at kernel.py:100)
`);
  });

  it("shares the engines of a core between queues", () => {
    const s = new Sketch();
    const x = s.tile("hbm", [128, 16384], "bfloat16", "input");
    const [big, small] = [s.tile("sbuf", [128, 16384]), s.tile("sbuf", [128, 64])];
    s.copy(s.part(big), s.part(x), { dge_mode: "hwdge", engine: "scalar" });
    s.copy(s.part(small), s.part(x, lanes, [0, 64]), { dge_mode: "hwdge", engine: "sync" });
    // The small load needs 8 x (4.7 + 128 / 24.5) + 4.85 = 84.24 on each engine and takes turns with the big one: 168.5.
    expect(show(s)).toBe(`
qScalarDynamicHW dma_copy 0.0 data 1360.0 → 12710.4
qSyncDynamicHW dma_copy 0.0 data 1360.0 → 1873.5
`);
  });
});

describe("HBM", () => {
  const both = (core1: boolean, bytesPerNs: number): Timeline => {
    const chip = chipNamed("trn2");
    const hbm = { ...chip.hbm, bytesPerNs: fact(bytesPerNs, "assumed", "for this test") };
    const s = new Sketch({ ...chip, hbm }, 2);
    const x = s.tile("hbm", [128, 65536], "bfloat16", "input");
    for (const core of core1 ? [0, 1] : [0]) {
      s.builder.setCore(core);
      for (let i = 0; i < 4; i++)
        s.copy(
          s.part(s.tile("sbuf", [128, 16384])),
          s.part(x, lanes, [16384 * i, 16384 * i + 16384]),
        );
    }
    return run(s);
  };

  it("is shared by the cores of a launch, and two cores of trn2 leave each other alone", () => {
    // Each core loads 382 B/ns.
    expect(both(true, 2900).totalNs).toBe(both(false, 2900).totalNs);
    const ratio = both(true, 700).totalNs / both(false, 700).totalNs;
    expect(ratio).toBeGreaterThan(1.06);
    expect(ratio).toBeLessThan(1.15);
  });

  it("copies inside HBM as fast as its DMA engines do", () => {
    const s = new Sketch();
    const x = s.tile("hbm", [4096, 4096], "bfloat16", "input");
    const y = s.tile("hbm", [4096, 4096], "bfloat16", "output");
    s.copy(s.part(y), s.part(x));
    const t = run(s);
    const moved = t.hbm.readBytes + t.hbm.writeBytes;
    expect(moved).toBe(2 * 4096 * 4096 * 2);
    expect(moved / t.totalNs).toBeLessThan(2 * 16 * 24.5);
    expect(moved / t.totalNs).toBeGreaterThan(0.95 * 2 * 16 * 24.5);
  });
});

describe("loops", () => {
  const loop = (iterations: number, body: (s: Sketch) => void): Sketch => {
    const s = new Sketch();
    s.emit("loop_begin", { index: register(0), start: number(0), stop: number(iterations) });
    body(s);
    s.emit("loop_end", {});
    return s;
  };

  it("repeats the body and charges a branch to every engine in it", () => {
    const s = loop(3, (k) => zero(k, k.part(k.tile("sbuf", [128, 512]))));
    const t = run(s);
    expect(t.engines.vector.instructions).toBe(3 + 4);
    // A branch takes the sequencers 150 ns; the memsets run on beside it, one every (256 + 58) cycles at 0.96 GHz = 327.1.
    expect(`\n${listing(t)}`).toBe(`
vector loop_begin 0.0 → 150.0
sync loop_begin 0.0 → 150.0
vector memset 150.0 → 559.4
vector loop_end 150.0 → 300.0
sync loop_end 150.0 → 300.0
vector memset 477.1 → 886.5
vector loop_end 477.1 → 627.1
sync loop_end 300.0 → 450.0
vector memset 804.2 → 1213.5
vector loop_end 804.2 → 954.2
sync loop_end 450.0 → 600.0
`);
  });

  it("keeps iterations apart that write different rows", () => {
    const s = new Sketch();
    const out = s.tile("hbm", [512, 128], "bfloat16", "output");
    const a = s.tile("sbuf", [128, 128]);
    zero(s, s.part(a));
    s.emit("loop_begin", { index: register(0), start: number(0), stop: number(4) });
    const to = s.part(out, lanes);
    if (to.kind !== "tile") throw new Error("tile expected");
    const dynamic = { kind: "register", register: 0, stride: 128 * 128, limit: 4 } as const;
    s.copy({ kind: "tile", pattern: { ...to.pattern, dynamic } }, s.part(a));
    s.emit("loop_end", {});
    const t = run(s);
    const transfers = [...t.graph.queue].flatMap((q, i) => (q === 255 ? [] : [i]));
    const edges = transfers.map((i) => t.graph.edgeStart[i + 1]! - t.graph.edgeStart[i]!);
    expect(edges).toEqual([1, 0, 0, 0]);
  });

  it("needs a run with values when memory decides how often", () => {
    const s = new Sketch();
    const bound = s.tile("hbm", [1, 1], "int32", "input");
    s.emit("register_load", { dst: register(1), src: s.part(bound) });
    s.emit("loop_begin", { index: register(0), start: number(0), stop: register(1) });
    zero(s, s.part(s.tile("sbuf", [128, 64])));
    s.emit("loop_end", {});
    const program = s.finish();
    const placement = place(program);
    expect(() => timeline(program, placement)).toThrow(OpenTrnError);
    expect(() => timeline(program, placement)).toThrow(/Run with values/);
    const traced = timeline(program, placement, { executed: [Uint32Array.of(0, 1, 2, 3, 2, 3)] });
    const counted = timeline(program, placement, { trips: new Map([[1, 2]]) });
    expect(listing(traced)).toBe(listing(counted));
    expect(traced.engines.vector.instructions).toBe(5);
  });

  it("stops a loop that never ends", () => {
    const s = loop(1e9, (k) => zero(k, k.part(k.tile("sbuf", [128, 64]))));
    expect(() => run(s, { maxInstructions: 1000 })).toThrow(/more than 1000 instructions/);
  });
});
