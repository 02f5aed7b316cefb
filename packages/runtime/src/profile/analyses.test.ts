/** Each analysis on kernels small enough to know the answer. */
import { kernel, nisa, nl, type Tensor } from "@opentrn/nki";
import { describe, expect, it } from "vitest";
import { timeReport } from "../report/time-report.ts";
import { profileOf } from "./profile.ts";
import { bf16, f32, timed } from "./profiled.fixture.ts";

const out = (shape: readonly number[], dtype: Tensor["dtype"]): Tensor =>
  nl.ndarray(shape, { dtype, buffer: "shared_hbm" });
const noAdvice = { budget: 0 };

/** c = a.T @ b for one stationary tile [K, M] and one moving tile [K, N], with a transpose of a before it. */
const product = kernel("product", (a: Tensor, b: Tensor) => {
  const [K, M, N] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
  const c = out([M, N], "float32");
  const [left, right] = [nl.load(a), nl.load(b)];
  const turned = nl.ndarray([M, K], { dtype: a.dtype, buffer: "psum" });
  nisa.ncTranspose({ dst: turned, data: left, engine: "tensor" });
  const sums = nl.ndarray([M, N], { dtype: "float32", buffer: "psum" });
  nisa.ncMatmul({ dst: sums, stationary: left, moving: right });
  const tile = nl.ndarray([M, N], { dtype: "float32" });
  nisa.tensorCopy({ dst: tile, src: sums, engine: "vector" });
  nl.store(c, tile);
  return c;
});

describe("a matmul on part of the array", () => {
  const t = timed(product, { a: bf16(64, 32), b: bf16(64, 512) });
  const r = profileOf(t, noAdvice);
  const engine = (name: string) => r.engines.find((e) => e.engine === name)!;

  it("has a critical path that sums to the total, in both forms", () => {
    const sum = (list: readonly { ns: number; share: number }[]) => ({
      ns: list.reduce((n, x) => n + x.ns, 0),
      share: list.reduce((n, x) => n + x.share, 0),
    });
    expect(sum(r.critical_path.kinds).ns).toBeCloseTo(r.total_ns, 3);
    expect(sum(r.critical_path.parts).ns).toBeCloseTo(r.total_ns, 3);
    expect(sum(r.critical_path.kinds).share).toBeCloseTo(1, 9);
    const store = r.critical_path.parts.filter((p) => p.tensor === "out").map((p) => p.kind);
    expect(store).toContain("dma data");
    expect(store).toContain("dma start-up");
  });

  it("fills half of the rows and a quarter of the columns", () => {
    const tensor = engine("tensor");
    expect(tensor.instructions).toBe(2);
    expect(tensor.partitions_share).toBeCloseTo(0.5, 9);
    // The matmul holds 32 columns, the transpose passes 32 elements a partition through.
    expect(tensor.columns_share).toBeCloseTo(0.25, 9);
    expect(tensor.array_share).toBeCloseTo(0.125, 9);
    // Nothing warmed the duty window up: everything runs at half rate.
    expect(tensor.cold_ns).toBeGreaterThan(0.4 * tensor.busy_ns);
    expect(engine("vector").partitions_share).toBeCloseTo(32 / 128, 9);
  });

  it("knows the transpose and its share of TensorE", () => {
    expect(r.transposes.count).toBe(1);
    // 64 columns a cycle each, at least the minimum of 64, against 512.
    expect(r.transposes.tensor_share).toBeGreaterThan(0.1);
    expect(r.transposes.tensor_share).toBeLessThan(0.2);
    expect(r.transposes.lines[0]).toMatchObject({ instruction: "nc_transpose", count: 1 });
  });

  it("carries the range that a run's report carries", () => {
    const { range_ns, outside } = timeReport(t);
    expect([r.range_ns, r.outside]).toEqual([range_ns, outside]);
  });

  it("stands where the roofline says", () => {
    const f = r.roofline;
    expect(f.flops).toBe(2 * 64 * 32 * 512);
    expect(f.hbm_bytes).toBe(64 * 32 * 2 + 64 * 512 * 2 + 32 * 512 * 4);
    expect(f.intensity).toBeCloseTo(f.flops / f.hbm_bytes, 9);
    expect(f.bound).toBe("memory");
    expect(f.ridge).toBeCloseTo((f.peak_tflops * 1000) / f.hbm_bytes_per_ns, 9);
    expect(f.attainable_tflops).toBeCloseTo((f.intensity! * f.hbm_bytes_per_ns) / 1000, 9);
    expect(f.achieved_tflops).toBeCloseTo(f.flops / r.total_ns / 1000, 9);
  });

  it("names who waited for whom and why", () => {
    const copy = r.stalls.find((s) => s.waiter.instruction === "tensor_copy")!;
    expect(copy.cause.instruction).toBe("nc_matmul");
    expect([copy.why, copy.count]).toEqual(["data", 1]);
    const matmul = r.stalls.find((s) => s.waiter.instruction === "nc_transpose")!;
    expect(matmul.cause).toMatchObject({ tensor: "a", instruction: "dma_copy" });
  });

  it("counts descriptors, bytes and queues", () => {
    const d = r.dma;
    expect([d.transfers, d.bytes]).toEqual([3, r.roofline.hbm_bytes]);
    // Rows of 64 B, 1 KiB and 2 KiB.
    expect(d.sizes.map((s) => [s.from, s.descriptors])).toEqual([
      [64, 64],
      [512, 64],
      [2048, 32],
    ]);
    expect(d.descriptors).toBe(160);
    expect(d.queues.map((q) => q.transfers)).toEqual([2, 1]);
    // The store begins long after both loads.
    expect(d.queues.reduce((n, q) => n + q.active_ns, 0)).toBeCloseTo(d.active_ns, 6);
    expect(d.efficiency).toBeCloseTo(d.bytes_per_ns / d.peak_bytes_per_ns, 9);
    expect(d.efficiency).toBeLessThan(1);
  });
});

describe("fixed overhead", () => {
  it("is what more elements would not lengthen", () => {
    const short = kernel("short", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      const tile = nl.load(x);
      nisa.tensorCopy({ dst: tile, src: tile, engine: "vector" });
      nl.store(y, tile);
      return y;
    });
    const copy = (width: number) =>
      profileOf(timed(short, { x: f32(128, width) }), noAdvice).instruction_kinds.find(
        (k) => k.instruction === "tensor_copy",
      )!;
    // On VectorE of trn2 an fp32 copy takes its elements and 58 cycles more.
    expect(copy(58).fixed_share).toBeCloseTo(0.5, 6);
    expect(copy(58 * 9).fixed_share).toBeCloseTo(0.1, 6);
    expect([copy(58).elements, copy(58).partitions]).toEqual([58, 128]);
  });
});

describe("HBM traffic", () => {
  it("tells bytes loaded again from bytes read once by many partitions", () => {
    const twice = kernel("twice", (x: Tensor, w: Tensor) => {
      const y = out(x.shape, x.dtype);
      const scale = nl.ndarray([128, w.shape[1]!], { dtype: w.dtype });
      nisa.dmaCopy({ dst: scale, src: w.broadcast(0, 128) });
      const tiles = [nl.load(x), nl.load(x), nl.load(x.slice([0, 64]))];
      nisa.tensorTensor({ dst: tiles[0]!, data1: tiles[0]!, data2: tiles[1]!, op: nl.add });
      nisa.tensorTensor({ dst: tiles[0]!, data1: tiles[0]!, data2: scale, op: nl.multiply });
      nl.store(y, tiles[0]!);
      return y;
    });
    const { hbm } = profileOf(timed(twice, { x: f32(128, 256), w: f32(1, 256) }), noAdvice);
    const [x, w] = [128 * 1024, 1024];
    expect(hbm.reloads).toMatchObject([
      { tensor: "x", loaded_bytes: 2.5 * x, distinct_bytes: x, broadcast_bytes: 0 },
      { tensor: "w", loaded_bytes: 128 * w, distinct_bytes: w, broadcast_bytes: 127 * w },
    ]);
    expect(hbm.reloaded_bytes).toBe(1.5 * x + 127 * w);
    expect([hbm.spilled_bytes, hbm.read_bytes]).toEqual([0, 2.5 * x + 128 * w]);
  });

  it("finds data that leave SBUF and come back", () => {
    const spilled = kernel("spilled", (x: Tensor) => {
      const y = out(x.shape, x.dtype);
      const scratch = nl.ndarray(x.shape, {
        dtype: x.dtype,
        buffer: "private_hbm",
        name: "scratch",
      });
      const [tile, back] = [nl.load(x), nl.ndarray(x.shape, { dtype: x.dtype })];
      nisa.dmaCopy({ dst: scratch, src: tile });
      nisa.dmaCopy({ dst: back, src: scratch });
      nl.store(y, back);
      return y;
    });
    const { hbm } = profileOf(timed(spilled, { x: f32(128, 256) }), noAdvice);
    const bytes = 128 * 1024;
    expect(hbm.spills).toMatchObject([
      { tensor: "scratch", stored_bytes: bytes, reloaded_bytes: bytes },
    ]);
    expect(hbm.spilled_bytes).toBe(2 * bytes);
    expect(hbm.spills![0]!.stores[0]!.line).not.toBe(hbm.spills![0]!.reloads[0]!.line);
    expect(hbm.reloads).toEqual([]);
  });
});

describe("loops at run time", () => {
  const rows = kernel("rows", (x: Tensor) => {
    const y = out(x.shape, x.dtype);
    nl.foriLoop(0, 8, (i) => nl.store(y.slice(nl.ds(i, 1)), nl.load(x.slice(nl.ds(i, 1)))));
    return y;
  });

  it("are profiled, with traffic counted by execution and no guess at what is loaded twice", () => {
    const r = profileOf(timed(rows, { x: f32(8, 64) }));
    expect(r.hbm.read_bytes).toBe(8 * 256);
    expect(r.dma.transfers).toBe(16);
    expect(r.hbm.reloads).toEqual([]);
    for (const a of r.advice)
      expect(["keep in SBUF", "merge transfers", "batch"]).not.toContain(a.kind);
  });
});

describe("two cores", () => {
  const halves = kernel("halves", (x: Tensor) => {
    const y = out(x.shape, x.dtype);
    const half = x.shape[0]! / nl.numPrograms();
    const first = nl.programId() * half;
    for (let row = first; row < first + half; row += 128) {
      const tile = nl.load(x.slice([row, row + 128]));
      nisa.tensorTensor({ dst: tile, data1: tile, data2: tile, op: nl.add });
      nl.store(y.slice([row, row + 128]), tile);
    }
    return y;
  });

  it("show the mean of an engine's time, the sum of its instructions and of the traffic", () => {
    const inputs = { x: f32(2048, 512) };
    const [one, two] = [1, 2].map((lnc) => profileOf(timed(halves, inputs, lnc))) as [
      ReturnType<typeof profileOf>,
      ReturnType<typeof profileOf>,
    ];
    const vector = (r: typeof one) => r.engines.find((e) => e.engine === "vector")!;
    expect([vector(one).instructions, vector(two).instructions]).toEqual([16, 16]);
    expect(vector(two).busy_ns).toBeCloseTo(vector(one).busy_ns / 2, 6);
    expect(two.dma.bytes).toBe(one.dma.bytes);
    expect(two.dma.peak_bytes_per_ns).toBe(2 * one.dma.peak_bytes_per_ns);
    expect(two.hbm.reloaded_bytes).toBe(0);
    const sum = two.critical_path.kinds.reduce((n, k) => n + k.ns, 0);
    expect(sum).toBeCloseTo(two.total_ns, 3);
    for (const a of two.advice) expect(a.total_ns).toBeGreaterThan(0);
  });
});
