import type { RunReport } from "@opentrn/runtime";
import pc from "picocolors";
import { expect, test } from "vitest";
import { renderReport } from "./run-report.ts";

const report: RunReport = {
  kernel: "softmax",
  target: "trn2",
  cores: 2,
  instructions: 12_345,
  fast: 0.75,
  traced_by: "cpython",
  outputs: [
    {
      name: "out",
      shape: [512, 1024],
      dtype: "bfloat16",
      sha256: "0123456789abcdef".repeat(4),
      max_abs_error: 0.0123,
      max_rel_error: "inf",
      check: {
        passed: false,
        rtol: 0.02,
        atol: 0.001,
        elements: 524_288,
        wrong: 3,
        first_wrong: { index: [7, 100], got: "NaN", expected: 0.25 },
      },
    },
    { name: "sums", shape: [512], dtype: "float32", sha256: "fedcba9876543210".repeat(4) },
  ],
  time: {
    total_ns: 100_000,
    range_ns: [93_000, 121_000],
    in_envelope: false,
    outside: ["12 % of the time is in topk on vector 32 bit, which no measured kernel on trn2 has"],
    engines: {
      tensor: { active_ns: 90_000, instructions: 4096 },
      vector: { active_ns: 50_000, instructions: 128 },
      scalar: { active_ns: 1, instructions: 1 },
      gpsimd: { active_ns: 0, instructions: 0 },
      sync: { active_ns: 7_000, instructions: 12 },
    },
    dma: { active_ns: 30_000, bytes: 3 * 2 ** 20, transfers: 24 },
    hbm: { read_bytes: 2 ** 21, write_bytes: 2 ** 20 },
    bottleneck:
      "TensorE is the limit: it works 90 % of the time, and that is a sentence that does not fit on one line",
    critical_path: [
      { file: "/k/softmax.py", line: 20, instruction: "nc_matmul", ns: 60_000 },
      { file: "/k/tiles.py", line: 3, instruction: "dma_copy", ns: 40_000 },
    ],
    stalls: [
      {
        file: "/k/softmax.py",
        line: 22,
        engine: "vector",
        waited_for: "tensor nc_matmul",
        waited_for_line: 20,
        ns: 12_300,
      },
    ],
  },
  memory: {
    sbuf_peak_bytes: 6 * 2 ** 20,
    psum_peak_bytes: 2 ** 20,
    sbuf_bytes: 24 * 2 ** 20,
    psum_bytes: 2 * 2 ** 20,
  },
  mfu: 0.62,
  mbu: 0.081,
  host: { trace_ms: 212.4, execute_ms: 1530, timeline_ms: 4.2 },
  prints: [
    { prefix: "sum", dtype: "float32", shape: [3], values: [1, 0.1 + 0.2, Number.NaN] },
    { prefix: "x", dtype: "int32", shape: [9], values: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
  ],
  warnings: [{ rule: "cost", message: "the time of topk is a guess", file: "/k/a.py", line: 4 }],
};

const plain = pc.createColors(false);

test("the report in a terminal", () => {
  const text = renderReport(report, plain, { files: [["trace", "out.pftrace"]] });
  expect(text).toMatchInlineSnapshot(`
    "
     softmax  softmax.py, trn2, 2 cores, 12 345 instructions

     print    sum float32[3]
                [1 0.3 NaN]
     print    x int32[9]
                [0 1 2 3 4 5 6 7 8]

     output   out bf16[512x1024]  sha256 0123456789ab
              ✗ max error 1.2e-2 abs, inf rel (rtol 2.0e-2, atol 1.0e-3)
                3 of 524 288 elements are wrong, first
                [7, 100] got NaN, expected 0.25
     output   sums f32[512]  sha256 fedcba987654

     time     100 µs predicted, 93.0 µs to 121 µs on the chip
              TensorE is the limit: it works 90 % of the time, and that is a
              sentence that does not fit on one line
              not validated: 12 % of the time is in topk on vector 32 bit, which
              no measured kernel on trn2 has

     tensor   ██████████████████████████████▋      90%   90.0 µs 4 096 instr.
     vector   █████████████████                    50%   50.0 µs 128 instr.
     scalar   ▏                                   0.0%      1 ns 1 instr.
     gpsimd   ·
     sync     ██▍                                 7.0%   7.00 µs 12 instr.
     dma      ██████████▎                          30%   30.0 µs 24 transfers

     HBM      read 2 MiB, wrote 1 MiB    MFU 62%  MBU 8.1%
     memory   SBUF 6 MiB of 24 MiB (25%)   PSUM 1 MiB of 2 MiB (50%)

     path      60.0 µs  60%  :20    nc_matmul
               40.0 µs  40%  tiles.py:3 dma_copy
     waits     12.3 µs       :22    vector for tensor nc_matmul (:20)

     warning  cost: the time of topk is a guess (a.py:4)

     host     trace 212 ms (cpython), execute 1.53 s, timeline 4.2 ms
              25% of the instructions ran on the slow reference path
     trace    out.pftrace

    "
  `);
  for (const l of text.split("\n")) expect(l.length, l).toBeLessThanOrEqual(80);
});

test("without time, values or checks only what is known is shown", () => {
  const { fast: _, ...rest } = report;
  const short = {
    ...rest,
    time: null,
    mfu: null,
    mbu: null,
    outputs: [],
    prints: [],
    warnings: [],
  };
  expect(renderReport(short, plain, { files: [] })).toMatchInlineSnapshot(`
    "
     softmax  trn2, 2 cores, 12 345 instructions

     memory   SBUF 6 MiB of 24 MiB (25%)   PSUM 1 MiB of 2 MiB (50%)

     host     trace 212 ms (cpython)

    "
  `);
});

test("colours add no width and mark what failed", () => {
  const text = renderReport(report, pc.createColors(true), { files: [] });
  expect(text).toContain("\u001b[31m✗\u001b[39m");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours are control characters.
  const bare = text.replace(/\u001b\[\d+m/g, "");
  expect(bare).toBe(renderReport(report, plain, { files: [] }));
});
