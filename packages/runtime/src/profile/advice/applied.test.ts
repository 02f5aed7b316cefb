/**
 * Advice against the truth: each test profiles a kernel, makes the change that the advice names in the kernel's source, and compares
 * what was foreseen with what the timeline of the changed kernel gains.
 */
import type { Timeline } from "@opentrn/device";
import { kernel, nisa, nl, type Range, type Tensor } from "@opentrn/nki";
import { describe, expect, it } from "vitest";
import type { AdviceReport } from "../profile-report.ts";
import { adviceOf, bf16, f32, foreseen, timed } from "../profiled.fixture.ts";

/**
 * Share of the gain that an advice may be off. These kernels leave memory enough that a change moves no tensor into another's way, so
 * the rerun timeline and the changed kernel's are the same to the picosecond; kernels that fill SBUF may differ.
 */
const TOLERANCE = 1e-6;

/** The change gains something worth it, and the advice foresaw it. */
function expectForeseen(
  before: Timeline,
  after: Timeline,
  advice: AdviceReport | undefined,
  tolerance = TOLERANCE,
): void {
  const { gainedShare, off } = foreseen(before, after, advice);
  expect(gainedShare).toBeGreaterThan(0.005);
  expect(off).toBeLessThan(tolerance);
}

const out = (shape: readonly number[], dtype: Tensor["dtype"]): Tensor =>
  nl.ndarray(shape, { dtype, buffer: "shared_hbm" });

describe("other engine", () => {
  const scaled = (engine: "vector" | "scalar") =>
    kernel("scaled", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      for (const rows of nl.tiles(x.shape[0]!, 128)) {
        const tile = nl.load(x.slice(rows));
        const squares = nl.ndarray(tile.shape, { dtype: "float32" });
        nisa.tensorTensor({ dst: squares, data1: tile, data2: tile, op: nl.multiply });
        nisa.tensorTensor({ dst: squares, data1: squares, data2: tile, op: nl.add });
        nisa.tensorTensor({ dst: squares, data1: squares, data2: tile, op: nl.maximum });
        nisa.tensorScalar({ dst: squares, data: squares, op0: nl.multiply, operand0: 0.5, engine });
        nl.store(y.slice(rows), squares);
      }
      return y;
    });

  it("foresees what moving half of VectorE's work to ScalarE gains", () => {
    const inputs = { x: f32(2048, 512) };
    const before = timed(scaled("vector"), inputs);
    const advice = adviceOf(before, "other engine", (a) =>
      /Run this line on ScalarE/.test(a.change),
    );
    expectForeseen(before, timed(scaled("scalar"), inputs), advice);
  });
});

describe("other queue", () => {
  const hardware = (engine: "sync" | "scalar") => ({ dgeMode: "hwdge", engine }) as const;
  const added = (queue: "sync" | "scalar" | "gpsimd") =>
    kernel("added", (a: Tensor, b: Tensor) => {
      const y = out(a.shape, a.dtype);
      for (const rows of nl.tiles(a.shape[0]!, 128)) {
        const [left, right] = [a, b].map((t) => nl.ndarray([128, t.shape[1]!], { dtype: t.dtype }));
        nisa.dmaCopy({ dst: left!, src: a.slice(rows), ...hardware("sync") });
        const way = queue === "gpsimd" ? ({ dgeMode: "swdge" } as const) : hardware(queue);
        nisa.dmaCopy({ dst: right!, src: b.slice(rows), ...way });
        nisa.tensorTensor({ dst: left!, data1: left!, data2: right!, op: nl.add });
        nl.store(y.slice(rows), left!);
      }
      return y;
    });

  it("foresees what a second queue for one of two inputs gains", () => {
    const inputs = { a: bf16(4096, 128), b: bf16(4096, 128) };
    const before = timed(added("sync"), inputs);
    const advice = adviceOf(before, "other queue", (a) => a.site.tensor === "b");
    const to = /Send them through q(Scalar|GpSimd)/.exec(advice!.change)![1]!;
    const after = timed(added(to.toLowerCase() as "scalar" | "gpsimd"), inputs);
    expectForeseen(before, after, advice);
  });
});

/** c = a.T @ b with operands fetched by `fetchA` and `fetchB`, which may remember tiles. */
const product = (keepA: boolean, keepB: boolean) =>
  kernel("product", (a: Tensor, b: Tensor) => {
    const [K, M, N] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
    const c = out([M, N], a.dtype);
    const kept = new Map<string, Tensor>();
    const fetch = (x: Tensor, rows: Range, columns: Range, keep: boolean) => {
      const key = `${x.name} ${rows} ${columns}`;
      const known = kept.get(key);
      if (keep && known) return known;
      const tile = nl.ndarray([128, columns[1] - columns[0]], { dtype: x.dtype });
      nisa.dmaCopy({ dst: tile, src: x.slice(rows, columns) });
      kept.set(key, tile);
      return tile;
    };
    for (const m of nl.tiles(M, 128))
      for (const n of nl.tiles(N, 512)) {
        const sums = nl.ndarray([128, n[1] - n[0]], { dtype: "float32", buffer: "psum" });
        for (const k of nl.tiles(K, 128))
          nisa.ncMatmul({
            dst: sums,
            stationary: fetch(a, k, m, keepA),
            moving: fetch(b, k, n, keepB),
            accumulate: k[0] > 0,
          });
        const tile = nl.ndarray([128, n[1] - n[0]], { dtype: c.dtype });
        nisa.tensorCopy({ dst: tile, src: sums, engine: "vector" });
        nisa.dmaCopy({ dst: c.slice(m, n), src: tile });
      }
    return c;
  });

describe("keep in SBUF", () => {
  const inputs = { a: bf16(1024, 512), b: bf16(1024, 1024) };
  const before = timed(product(false, false), inputs);

  it("foresees what keeping one operand of a matmul gains", () => {
    const only = (tensor: string) => (x: { site: { tensor: string | null }; change: string }) =>
      x.site.tensor === tensor && !x.change.includes("a and b");
    const keepB = adviceOf(before, "keep in SBUF", only("b"));
    expectForeseen(before, timed(product(false, true), inputs), keepB);
    const keepA = adviceOf(before, "keep in SBUF", only("a"));
    expectForeseen(before, timed(product(true, false), inputs), keepA);
  });

  it("foresees what keeping both gains", () => {
    const both = adviceOf(before, "keep in SBUF", (a) => a.change.includes("a and b"));
    expectForeseen(before, timed(product(true, true), inputs), both);
  });
});

describe("keep in SBUF where not everything fits", () => {
  it("keeps the operand that is wanted again soon, not the one that is too large", () => {
    // b takes 256 KiB of a partition and comes round once for each of two rows of tiles, a tile of a once for each of 32 columns.
    const inputs = { a: bf16(1024, 256), b: bf16(1024, 16_384) };
    const before = timed(product(false, false), inputs);
    const advice = adviceOf(before, "keep in SBUF");
    expect(advice!.site.tensor).toBe("a");
    expect(advice!.change).toContain("(2 KiB of each partition)");
    // This kernel fills SBUF: with other tiles in it, tensors get other places and wait for others.
    expectForeseen(before, timed(product(true, false), inputs), advice, 0.02);
    expect(adviceOf(before, "keep in SBUF", (x) => x.site.tensor === "b")).toBeUndefined();
  });
});

describe("bf16 matmul", () => {
  it("foresees what bf16 inputs gain a matmul whose sums stay fp32", () => {
    const matmul = kernel("matmul", (a: Tensor, b: Tensor) => {
      const c = out([a.shape[1]!, b.shape[1]!], "float32");
      for (const m of nl.tiles(a.shape[1]!, 128)) {
        const sums = nl.ndarray([128, b.shape[1]!], { dtype: "float32", buffer: "psum" });
        for (const k of nl.tiles(a.shape[0]!, 128))
          nisa.ncMatmul({
            dst: sums,
            stationary: nl.load(a.slice(k, m)),
            moving: nl.load(b.slice(k)),
            accumulate: k[0] > 0,
          });
        const tile = nl.ndarray(sums.shape, { dtype: "float32" });
        nisa.tensorCopy({ dst: tile, src: sums, engine: "vector" });
        nl.store(c.slice(m), tile);
      }
      return c;
    });
    const before = timed(matmul, { a: f32(1024, 512), b: f32(1024, 512) });
    const after = timed(matmul, { a: bf16(1024, 512), b: bf16(1024, 512) });
    expectForeseen(before, after, adviceOf(before, "bf16 matmul"));
  });
});

describe("more buffers", () => {
  /** Tiles at fixed addresses, so many for what comes in and for what goes out. */
  const doubled = (inputs: number, outputs: number) =>
    kernel("doubled", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      const width = x.shape[1]!;
      const ring = (n: number, base: number): Tensor[] =>
        Array.from({ length: n }, (_, k) =>
          nl.ndarray([128, width], { dtype: x.dtype, address: [0, base + 4 * width * k] }),
        );
      const [ins, outs] = [ring(inputs, 0), ring(outputs, 100_000)];
      for (const [i, rows] of nl.tiles(x.shape[0]!, 128).entries()) {
        const [a, b] = [ins[i % inputs]!, outs[i % outputs]!];
        nisa.dmaCopy({ dst: a, src: x.slice(rows) });
        nisa.tensorTensor({ dst: b, data1: a, data2: a, op: nl.add });
        nisa.dmaCopy({ dst: y.slice(rows), src: b });
      }
      return y;
    });
  const inputs = { x: f32(2048, 1024) };
  const before = timed(doubled(1, 1), inputs);
  const turns = (a: AdviceReport | undefined): number => Number(/Let (\d)/.exec(a!.change)![1]);
  const lines = (a: AdviceReport): number => a.check.split(";")[0]!.split(".ts:").length - 1;

  it("foresees what taking turns gains, of one buffer and of all", () => {
    const one = adviceOf(before, "more buffers", (a) => lines(a) === 1);
    expectForeseen(before, timed(doubled(turns(one), 1), inputs), one);
    const all = adviceOf(before, "more buffers", (a) => lines(a) === 2);
    expectForeseen(before, timed(doubled(turns(all), turns(all)), inputs), all);
  });
});

describe("merge transfers", () => {
  /** `together` row tiles a load. */
  const summed = (together: number) =>
    kernel("summed", (x: Tensor) => {
      const [rows, width] = x.shape as [number, number];
      const y = out([128, rows / 128], "float32");
      const sums = nl.ndarray([128, rows / 128], { dtype: "float32" });
      const tiles = x.reshape([rows / 128, 128, width]).permute([1, 0, 2]);
      for (const part of nl.tiles(rows / 128, together)) {
        const tile = nl.ndarray([128, together, width], { dtype: x.dtype });
        nisa.dmaCopy({ dst: tile, src: tiles.slice(":", part) });
        for (let i = 0; i < together; i++)
          nisa.tensorReduce({
            dst: sums.slice(":", [part[0] + i, part[0] + i + 1]),
            data: tile.slice(":", i),
            op: nl.add,
            axis: [1],
          });
      }
      nl.store(y, sums);
      return y;
    });

  it("foresees what fewer, larger loads gain", () => {
    const inputs = { x: bf16(8192, 64) };
    const before = timed(summed(1), inputs);
    const advice = adviceOf(before, "merge transfers", (a) => a.site.tensor === "x");
    expect(advice).toBeDefined();
    const together = Number(/Move (\d+)/.exec(advice!.change)![1]);
    expectForeseen(before, timed(summed(together), inputs), advice);
  });
});

describe("batch", () => {
  /** RMSNorm without weights over short rows, `together` rows of a partition an instruction. */
  const rmsNorm = (together: number) =>
    kernel("rms_norm", (x: Tensor) => {
      const [rows, width] = x.shape as [number, number];
      const count = rows / 128;
      const y = out(x.shape, x.dtype);
      const all = nl.ndarray([128, count, width], { dtype: x.dtype });
      nisa.dmaCopy({ dst: all, src: x.reshape([count, 128, width]).permute([1, 0, 2]) });
      const result = nl.ndarray([128, count, width], { dtype: x.dtype });
      for (const part of nl.tiles(count, together)) {
        const tile = all.slice(":", part);
        const squares = nl.ndarray([128, together, width], { dtype: "float32" });
        const sums = nl.ndarray([128, together], { dtype: "float32" });
        const inverse = nl.ndarray([128, together], { dtype: "float32" });
        nisa.tensorTensor({ dst: squares, data1: tile, data2: tile, op: nl.multiply });
        nisa.tensorReduce({ dst: sums, data: squares, op: nl.add, axis: [2] });
        nisa.activation({ dst: inverse, op: nl.rsqrt, data: sums, scale: 1 / width });
        if (together === 1)
          nisa.tensorScalar({
            dst: result.slice(":", part[0]),
            data: all.slice(":", part[0]),
            op0: nl.multiply,
            operand0: inverse,
          });
        else
          nisa.tensorTensor({
            dst: result.slice(":", part),
            data1: tile,
            data2: inverse.reshape([128, together, 1]).broadcast(2, width),
            op: nl.multiply,
          });
      }
      nisa.dmaCopy({ dst: y.reshape([count, 128, width]).permute([1, 0, 2]), src: result });
      return y;
    });

  it("foresees what several rows an instruction gain", () => {
    const inputs = { x: f32(8192, 64) };
    const before = timed(rmsNorm(1), inputs);
    const advice = adviceOf(before, "batch", (a) => a.change.split(", ").length > 4);
    expect(advice).toBeDefined();
    const together = Number(/Work on (\d+)/.exec(advice!.change)![1]);
    expectForeseen(before, timed(rmsNorm(together), inputs), advice);
  });
});

describe("contiguous layout", () => {
  it("foresees what rows of a tile that follow each other in HBM gain", () => {
    /** 64 pieces of 64 elements a partition: one after the other in HBM, or 128 pieces apart. */
    const wide = (tiled: boolean) =>
      kernel("wide", (x: Tensor) => {
        const y = out([128, 4096], x.dtype);
        const tile = nl.ndarray([128, 4096], { dtype: x.dtype });
        const src = tiled ? x : x.reshape([64, 128, 64]).permute([1, 0, 2]);
        nisa.dmaCopy({ dst: tile.reshape([128, 64, 64]), src });
        nl.store(y, tile);
        return y;
      });
    const before = timed(wide(false), { x: bf16(8192, 64) });
    const after = timed(wide(true), { x: bf16(128, 64, 64) });
    expectForeseen(before, after, adviceOf(before, "contiguous layout"));
  });
});

describe("do not spill", () => {
  it("foresees what keeping intermediate rows in SBUF gains", () => {
    const twice = (spills: boolean) =>
      kernel("twice", (x: Tensor) => {
        const y = out(x.shape, x.dtype);
        const scratch = nl.ndarray(x.shape, { dtype: x.dtype, buffer: "private_hbm" });
        const kept: Tensor[] = [];
        const rows = nl.tiles(x.shape[0]!, 128);
        for (const part of rows) {
          const tile = nl.load(x.slice(part));
          nisa.tensorTensor({ dst: tile, data1: tile, data2: tile, op: nl.add });
          if (spills) nisa.dmaCopy({ dst: scratch.slice(part), src: tile });
          kept.push(tile);
        }
        for (const [i, part] of rows.entries()) {
          const tile = spills ? nl.ndarray([128, x.shape[1]!], { dtype: x.dtype }) : kept[i]!;
          if (spills) nisa.dmaCopy({ dst: tile, src: scratch.slice(part) });
          nisa.tensorTensor({ dst: tile, data1: tile, data2: tile, op: nl.multiply });
          nl.store(y.slice(part), tile);
        }
        return y;
      });
    const inputs = { x: f32(1024, 512) };
    const before = timed(twice(true), inputs);
    expectForeseen(before, timed(twice(false), inputs), adviceOf(before, "do not spill"));
  });
});

describe("transpose by DMA", () => {
  it("foresees what loading transposed gains a matmul that transposes its operand", () => {
    const product = (byDma: boolean) =>
      kernel("product", (a: Tensor, b: Tensor) => {
        const [M, K, N] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
        const c = out([M, N], "float32");
        for (const m of nl.tiles(M, 128)) {
          const sums = nl.ndarray([128, N], { dtype: "float32", buffer: "psum" });
          for (const k of nl.tiles(K, 128)) {
            const turned = nl.ndarray([128, 128], { dtype: a.dtype });
            if (byDma) nisa.dmaTranspose({ dst: turned, src: a.slice(m, k) });
            else {
              const tile = nl.load(a.slice(m, k));
              const sideways = nl.ndarray([128, 128], { dtype: a.dtype, buffer: "psum" });
              nisa.ncTranspose({ dst: sideways, data: tile, engine: "tensor" });
              nisa.tensorCopy({ dst: turned, src: sideways, engine: "vector" });
            }
            nisa.ncMatmul({
              dst: sums,
              stationary: turned,
              moving: nl.load(b.slice(k)),
              accumulate: k[0] > 0,
            });
          }
          const tile = nl.ndarray([128, N], { dtype: "float32" });
          nisa.tensorCopy({ dst: tile, src: sums, engine: "vector" });
          nl.store(c.slice(m), tile);
        }
        return c;
      });
    const inputs = { a: bf16(256, 512), b: bf16(512, 512) };
    const before = timed(product(false), inputs);
    expectForeseen(before, timed(product(true), inputs), adviceOf(before, "transpose by DMA"));
  });
});

describe("more partitions", () => {
  it("foresees what spreading a kernel's few rows over all partitions gains", () => {
    const squared = kernel("squared", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      const tile = nl.load(x);
      for (let i = 0; i < 4; i++)
        nisa.tensorTensor({ dst: tile, data1: tile, data2: tile, op: nl.multiply });
      nl.store(y, tile);
      return y;
    });
    const before = timed(squared, { x: f32(32, 4096) });
    const after = timed(squared, { x: f32(128, 1024) });
    expectForeseen(before, after, adviceOf(before, "more partitions"));
  });
});

describe("group functions", () => {
  /** Two functions a tile, tile by tile or function by function. */
  const activated = (grouped: boolean) =>
    kernel("activated", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      const tiles = nl
        .tiles(x.shape[0]!, 128)
        .map((rows) => ({ rows, tile: nl.load(x.slice(rows)) }));
      const apply = (op: typeof nl.exp | typeof nl.tanh, list: typeof tiles): void => {
        for (const { tile } of list) nisa.activation({ dst: tile, op, data: tile });
      };
      for (const list of grouped ? [tiles] : tiles.map((t) => [t])) {
        apply(nl.exp, list);
        apply(nl.tanh, list);
      }
      for (const { rows, tile } of tiles) nl.store(y.slice(rows), tile);
      return y;
    });

  it("says at most what grouping gains, and most of it", () => {
    const inputs = { x: f32(1024, 256) };
    const before = timed(activated(false), inputs);
    const advice = adviceOf(before, "group functions");
    const { gainedShare, off } = foreseen(before, timed(activated(true), inputs), advice);
    expect(gainedShare).toBeGreaterThan(0.2);
    expect(advice!.gain_ns).toBeGreaterThanOrEqual(gainedShare * before.totalNs);
    expect(off).toBeLessThan(0.25);
  });
});
