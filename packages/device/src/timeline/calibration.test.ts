/**
 * What single instructions and transfers take on trn2, against medians of real profiles (docs/time.md). Intervals are start to
 * start of instructions that wait for nothing; shares are what the model may be off.
 */
import type { Operand } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { Sketch, tiledMatmul } from "./sketch.ts";
import { type Timeline, timeline } from "./timeline.ts";

const run = (s: Sketch): Timeline => {
  const program = s.finish();
  return timeline(program, place(program));
};
const ns = (ticks: number): number => ticks / 1000;

interface Case {
  readonly what: string;
  readonly interval?: number;
  readonly latency?: number;
  readonly within: number;
  readonly emit: (s: Sketch) => void;
}

/** Operands of `partitions x n` in their memories; each call declares fresh tensors. */
const tile = (s: Sketch, space: "sbuf" | "psum", n: number, dtype: DType = "float32"): Operand =>
  s.part(s.tile(space, [128, n], dtype, "input"));

const copies = (from: "sbuf" | "psum", n: number, engine: string) => (s: Sketch) => {
  const src = tile(s, from, n);
  for (let i = 0; i < 2; i++) s.emit("tensor_copy", { dst: tile(s, "sbuf", n), src }, { engine });
};
const reduces = (from: "sbuf" | "psum") => (s: Sketch) => {
  const data = tile(s, from, 512);
  for (let i = 0; i < 2; i++)
    s.emit("tensor_reduce", { dst: tile(s, "sbuf", 1), data }, { op: "add", axis: [1] });
};
const scales = (from: "sbuf" | "psum", n: number) => (s: Sketch) => {
  const [data, operand0] = [tile(s, from, n), tile(s, "sbuf", 1)];
  for (let i = 0; i < 2; i++)
    s.emit(
      "tensor_scalar",
      { dst: tile(s, "sbuf", n), data, operand0 },
      { op0: "multiply", engine: "vector" },
    );
};
const exps = (from: "sbuf" | "psum") => (s: Sketch) => {
  const [data, bias] = [tile(s, from, 512), tile(s, "sbuf", 1)];
  for (let i = 0; i < 2; i++)
    s.emit("activation", { dst: tile(s, "sbuf", 512), data, bias }, { op: "exp" });
};

const cases: readonly Case[] = [
  {
    what: "VectorE copy PSUM fp32 512",
    interval: 602,
    latency: 690,
    within: 0.03,
    emit: copies("psum", 512, "vector"),
  },
  {
    what: "VectorE copy PSUM fp32 128",
    latency: 290,
    within: 0.05,
    emit: copies("psum", 128, "vector"),
  },
  {
    what: "VectorE reduce SBUF 512",
    interval: 603,
    latency: 685,
    within: 0.03,
    emit: reduces("sbuf"),
  },
  {
    what: "VectorE reduce PSUM 512",
    interval: 598,
    latency: 680,
    within: 0.03,
    emit: reduces("psum"),
  },
  {
    what: "VectorE tensor_scalar pointer SBUF 512",
    interval: 396,
    latency: 481,
    within: 0.03,
    emit: scales("sbuf", 512),
  },
  {
    what: "VectorE tensor_scalar pointer PSUM 128",
    interval: 268,
    latency: 349.5,
    within: 0.03,
    emit: scales("psum", 128),
  },
  {
    what: "ScalarE copy PSUM 512",
    interval: 477,
    latency: 585,
    within: 0.03,
    emit: copies("psum", 512, "scalar"),
  },
  { what: "ScalarE copy PSUM 128", latency: 265, within: 0.1, emit: copies("psum", 128, "scalar") },
  {
    what: "ScalarE exp with bias SBUF 512",
    interval: 612,
    latency: 707,
    within: 0.04,
    emit: exps("sbuf"),
  },
  {
    what: "ScalarE exp with bias PSUM 512",
    interval: 570,
    latency: 686,
    within: 0.05,
    emit: exps("psum"),
  },
];

describe("instructions of trn2", () => {
  it.each(cases)("$what", ({ interval, latency, within, emit }) => {
    const s = new Sketch();
    emit(s);
    const { schedule } = run(s);
    const [first, second] = schedule.start;
    const near = (predicted: number, measured: number): void =>
      expect(Math.abs(predicted / measured - 1)).toBeLessThan(within);
    if (interval !== undefined) near(ns(second! - first!), interval);
    if (latency !== undefined) near(ns(schedule.end[0]! - first!), latency);
  });

  it.each([
    ["bfloat16", 512, 216.5],
    ["bfloat16", 128, 55.5],
    ["float32", 512, 2 * 429],
    ["float32", 128, 2 * 112],
  ] as const)("a warm matmul of %s, %i columns", (dtype, n, measured) => {
    const s = new Sketch();
    const [stationary, moving] = [tile(s, "sbuf", 128, dtype), tile(s, "sbuf", n, dtype)];
    const banks = [0, 1, 2, 3].map(() => tile(s, "psum", n));
    const count = Math.ceil(20_000 / measured);
    for (let i = 0; i < count; i++)
      s.emit("nc_matmul", { dst: banks[i % 4]!, stationary, moving }, { accumulate: false });
    const { start } = run(s).schedule;
    const predicted = ns(start[count - 1]! - start[count - 2]!);
    expect(Math.abs(predicted / measured - 1)).toBeLessThan(0.05);
  });
});

describe("transfers of trn2", () => {
  const moved = (build: (s: Sketch) => void): { first: number; data: number } => {
    const s = new Sketch();
    build(s);
    const { firstData, end } = run(s).schedule;
    return { first: ns(firstData[0]!), data: ns(end[0]! - firstData[0]!) };
  };
  const rows = (
    s: Sketch,
    bytes: number,
    count: number,
  ): readonly [hbm: Operand, sbuf: Operand] => {
    const h = s.part(s.tile("hbm", [128 * count, bytes / 4], "float32", "input"));
    const b = s.tile("sbuf", [128, (count * bytes) / 4], "float32", "input");
    const p = s.part(b);
    if (h.kind !== "tile" || p.kind !== "tile") throw new Error("tiles expected");
    const words = bytes / 4;
    return [
      {
        kind: "tile",
        pattern: {
          ...h.pattern,
          dims: [
            [words, 128],
            [128 * words, count],
            [1, words],
          ],
        },
      },
      {
        kind: "tile",
        pattern: {
          ...p.pattern,
          dims: [
            [1, 128],
            [words, count],
            [1, words],
          ],
        },
      },
    ];
  };

  it("stores 512 KiB in 2 KiB packets in 1425 to 1438 ns of data time", () => {
    const { first, data } = moved((s) => {
      const [h, b] = rows(s, 2048, 2);
      s.copy(h, b, { dge_mode: "hwdge" });
    });
    expect(first).toBeGreaterThan(1236);
    expect(first).toBeLessThan(1281);
    expect(Math.abs(data / 1432 - 1)).toBeLessThan(0.02);
  });

  it("loads 512 KiB that was stored before in 1783 to 2020 ns", () => {
    const { first, data } = moved((s) => {
      const [h, b] = rows(s, 2048, 2);
      s.copy(b, h, { dge_mode: "hwdge" });
    });
    expect(first).toBeGreaterThan(1328);
    expect(first).toBeLessThan(1395);
    expect(data).toBeGreaterThan(1700);
    expect(data).toBeLessThan(2020);
  });

  it("loads 64 KiB so that its user starts 2.1 to 2.3 us after the trigger", () => {
    const s = new Sketch();
    const x = s.tile("hbm", [128, 128], "float32", "input");
    const t = s.tile("sbuf", [128, 128], "float32");
    s.copy(s.part(t), s.part(x), { dge_mode: "hwdge" });
    s.emit("tensor_copy", { dst: tile(s, "sbuf", 128), src: s.part(t) }, { engine: "vector" });
    const at = ns(run(s).schedule.start[1]!);
    expect(at).toBeGreaterThan(2100);
    expect(at).toBeLessThan(2400);
  });

  it("moves 32 KiB through one engine in 1416 ns, and nearly no slower with fewer partitions", () => {
    const { data } = moved((s) => {
      const h = s.tile("hbm", [4, 4096], "bfloat16", "input");
      s.copy(s.part(s.tile("sbuf", [4, 4096])), s.part(h));
    });
    expect(Math.abs(data / 1416 - 1)).toBeLessThan(0.05);
  });

  it("converts at about half rate: 512 B read as fp32 and 256 B written in 40 ns a packet", () => {
    const cast = moved((s) => {
      const out = s.tile("hbm", [128, 128], "bfloat16", "output");
      s.copy(s.part(out), tile(s, "sbuf", 128));
    });
    // Eight packets an engine, and the last engine starts 15 x 45 ns after the first.
    expect(Math.abs((cast.data - 15 * 45) / 8 / 40 - 1)).toBeLessThan(0.1);
  });
});

describe("whole kernels of trn2", () => {
  it("multiplies fp32 matrices tile by tile as fast as the tutorial's first version: 39.9 ms for 32768 tiles", () => {
    // Every matmul loads both its tiles; one in 64 columns of the full size is enough to see the steady state.
    const program = tiledMatmul(128, 8192, 1024, "trn2", "float32", false);
    const t = timeline(program, place(program));
    const matmuls = 64 * 2;
    const perMatmul = t.totalNs / matmuls;
    expect(Math.abs(perMatmul / (39_890_000 / 32768) - 1)).toBeLessThan(0.1);
  });
});
