import type { AccessPattern } from "@opentrn/isa";
import { describe, expect, test } from "vitest";
import { prepare } from "../execute/executable.ts";
import { Hand } from "../execute/hand.testing.ts";
import { place } from "../placement/index.ts";
import { elementHistory } from "./element-history.ts";
import { sliceText } from "./slice-text.ts";
import { watch } from "./watch.ts";

const rows = (p: AccessPattern, from: number, to: number): AccessPattern => ({
  ...p,
  partition: from,
  dims: [[1, to - from], ...p.dims.slice(1)],
});

/** Rows of an HBM matrix, at a run-time row number where `register` is given. */
const hbmRows = (p: AccessPattern, from: number, n: number, register?: number): AccessPattern => {
  const [[stride], ...rest] = p.dims as [[number, number], ...[number, number][]];
  return {
    ...p,
    offset: from * stride,
    dims: [[stride, n], ...rest],
    ...(register === undefined
      ? {}
      : { dynamic: { kind: "register", stride, limit: 4, register } as const }),
  };
};

function ready(h: Hand) {
  const program = h.b.finish();
  return { program, executable: prepare(program, place(program)) };
}

describe("watch", () => {
  test("every write, in order, with statistics of what it wrote", () => {
    const h = new Hand();
    const t = h.tensor("sbuf", "float32", [4, 2]);
    const out = h.tensor("hbm", "float32", [4, 2], "output");
    h.op("memset", { dst: t, value: 3 });
    h.op(
      "tensor_scalar",
      { dst: rows(t, 0, 2), data: rows(t, 0, 2), operand0: -200 },
      { op0: "power" },
    );
    h.op("dma_copy", { dst: out, src: t });
    const { program, executable } = ready(h);
    const { observer, log } = watch(program, new Set([t.storage]));
    executable.run([], observer);
    expect(log()).toMatchObject({
      count: 2,
      last: [],
      first: [
        {
          tensor: "internal4,2",
          instruction: "memset",
          file: "hand.py",
          line: 1,
          slice: "internal4,2[0:4, 0:2]",
          shape: [4, 2],
          min: 3,
          max: 3,
          mean: 3,
          nan: 0,
          values: [3, 3, 3, 3, 3, 3, 3, 3],
        },
        { instruction: "tensor_scalar", line: 2, slice: "internal4,2[0:2, 0:2]", min: 0, max: 0 },
      ],
    });
  });

  test("writes of a loop on the device are bounded: the first and the last stay", () => {
    const h = new Hand();
    const t = h.tensor("sbuf", "int32", [1, 1]);
    const out = h.tensor("hbm", "int32", [1, 1], "output");
    const index = { register: 0 };
    h.op("loop_begin", { index, start: 0, stop: 40 });
    h.op("register_store", { dst: t, src: index });
    h.op("loop_end", {});
    h.op("dma_copy", { dst: out, src: t });
    const { program, executable } = ready(h);
    const { observer, log } = watch(program, new Set([t.storage]));
    const { outputs } = executable.run([], observer);
    const { count, first, last } = log();
    expect([count, first.length, last.length]).toEqual([40, 24, 8]);
    expect(first.map((w) => w.values[0])).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(last.map((w) => w.values[0])).toEqual([32, 33, 34, 35, 36, 37, 38, 39]);
    // Watching changes nothing.
    expect(executable.run([]).outputs).toEqual(outputs);
  });

  test("not-a-number is counted and left out of the statistics", () => {
    const h = new Hand();
    const [a, t] = [
      h.tensor("hbm", "float32", [1, 3], "input"),
      h.tensor("sbuf", "float32", [1, 3]),
    ];
    h.op("dma_copy", { dst: t, src: a });
    const { program, executable } = ready(h);
    const { observer, log } = watch(program, new Set([t.storage]));
    const run = (...values: number[]) =>
      executable.run([new Uint8Array(Float32Array.from(values).buffer)], observer);
    run(Number.NaN, 1, -2);
    run(Number.NaN, Number.NaN, Number.NaN);
    expect(log().first).toMatchObject([
      { nan: 1, min: -2, max: 1, mean: -0.5 },
      { nan: 3, min: Number.NaN, max: Number.NaN, mean: Number.NaN },
    ]);
  });
});

describe("the history of an element", () => {
  test("goes back through copies to the instruction that computed it, as of then", () => {
    const h = new Hand();
    const [t, u] = [h.tensor("sbuf", "float32", [4, 2]), h.tensor("sbuf", "float32", [4, 2])];
    const out = h.tensor("hbm", "float32", [4, 2], "output");
    h.op("memset", { dst: t, value: 1 });
    h.op("memset", { dst: rows(t, 0, 2), value: 2 });
    h.op("tensor_copy", { dst: u, src: t });
    h.op("memset", { dst: t, value: 9 });
    h.op("dma_copy", { dst: out, src: u });
    const { executable } = ready(h);
    const lines = (element: number) =>
      elementHistory(executable, [], out.storage, element).map((w) => [w.instruction, w.line]);
    const copies = [
      ["dma_copy", 5],
      ["tensor_copy", 3],
    ];
    expect(lines(3)).toEqual([...copies, ["memset", 2]]);
    expect(lines(4)).toEqual([...copies, ["memset", 1]]);
    expect(elementHistory(executable, [], out.storage, 5)[2]).toEqual({
      instruction: "memset",
      index: 0,
      core: 0,
      file: "hand.py",
      line: 1,
      tensor: "internal4,2",
      space: "sbuf",
      made_at: null,
      slice: "internal4,2[0:4, 0:2]",
      element: 5,
    });
  });

  test("resolves run-time addresses, and ends at an input", () => {
    const h = new Hand();
    const a = h.tensor("hbm", "float32", [4, 2], "input");
    const t = h.tensor("sbuf", "float32", [1, 2]);
    const out = h.tensor("hbm", "float32", [4, 2], "output");
    h.op("loop_begin", { index: { register: 0 }, start: 0, stop: 4 });
    h.op("dma_copy", { dst: t, src: hbmRows(a, 0, 1, 0) });
    h.op("dma_copy", { dst: hbmRows(out, 0, 1, 0), src: t });
    h.op("loop_end", {});
    h.op("memset", { dst: t, value: 7 });
    h.op("dma_copy", { dst: hbmRows(out, 2, 1), src: t });
    const { executable } = ready(h);
    const input = [new Uint8Array(32)];
    const lines = (element: number) =>
      elementHistory(executable, input, out.storage, element).map((w) => w.line);
    expect(lines(2)).toEqual([3, 2]);
    expect(lines(5)).toEqual([6, 5]);
    expect(lines(7)).toEqual([3, 2]);
  });

  test("is empty for what nothing wrote", () => {
    const h = new Hand();
    const t = h.tensor("sbuf", "float32", [1, 2]);
    const out = h.tensor("hbm", "float32", [2, 2], "output");
    h.op("memset", { dst: t, value: 7 });
    h.op("dma_copy", { dst: hbmRows(out, 1, 1), src: t });
    const { executable } = ready(h);
    expect(elementHistory(executable, [], out.storage, 0)).toEqual([]);
    expect(elementHistory(executable, [], out.storage, 2)).toHaveLength(2);
  });
});

test("patterns are shown as slices where they are some", () => {
  const h = new Hand();
  const t = h.tensor("sbuf", "float32", [128, 4, 8]);
  const x = h.tensor("hbm", "bfloat16", [6, 4]);
  const { program } = ready(h);
  const show = (p: AccessPattern, more: Partial<AccessPattern>): string =>
    sliceText(program, { ...p, ...more });
  const p = [1, 64] as const;
  expect(show(t, {})).toBe("internal128,4,8[0:128, 0:4, 0:8]");
  expect(show(t, { partition: 32, dims: [p, [1, 32]] })).toBe("internal128,4,8[32:96, 0:4, 0:8]");
  expect(show(t, { offset: 9, dims: [p, [8, 2], [2, 3]] })).toBe(
    "internal128,4,8[0:64, 1:3, 1:6:2]",
  );
  expect(
    show(x, {
      offset: 8,
      dims: [
        [8, 2],
        [1, 4],
      ],
    }),
  ).toBe("internal6,4[2:5:2, 0:4]");
  // Transposed, repeated, across rows, of another type: the pattern itself.
  for (const dims of [
    [p, [1, 8], [8, 4], [1, 2]],
    [p, [0, 4]],
    [p, [1, 12]],
    [p, [3, 4]],
  ] as const)
    expect(show(t, { dims })).toMatch(/^internal128,4,8 %0:f32\[/);
  expect(show(x, { dtype: "float16" })).toMatch(/ %1:f16\[/);
});
