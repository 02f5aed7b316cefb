/** The kernels that stand for published rows compute what their names say, at small sizes. */
import { describe, expect, test } from "vitest";
import { cases as bmmSoftmax } from "../../../validation/kernels/bmm-softmax.ts";
import type { Case } from "../../../validation/kernels/case.ts";
import { cases as conv } from "../../../validation/kernels/conv2d.ts";
import { cases as gqa } from "../../../validation/kernels/gqa.ts";
import { cases as lora } from "../../../validation/kernels/lora.ts";
import { cases as bench } from "../../../validation/kernels/nki-bench.ts";
import { cases as samples } from "../../../validation/kernels/nki-samples.ts";
import { cases as norm } from "../../../validation/kernels/rmsnorm-matmul.ts";
import { cases as rope } from "../../../validation/kernels/rope.ts";
import { cases as silu } from "../../../validation/kernels/silu.ts";
import { cases as swiglu } from "../../../validation/kernels/swiglu.ts";
import { cases as transpose } from "../../../validation/kernels/transpose.ts";
import { cases as transposed } from "../../../validation/kernels/transpose-matmul.ts";
import { chip, tensor } from "./index.ts";

type Matrix = {
  readonly rows: number;
  readonly columns: number;
  readonly at: (i: number, j: number) => number;
};
type Given = Readonly<Record<string, Float32Array>>;

let state = 1;
const random = (): number => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647 - 0.5;
};

const matrix = (rows: number, columns: number, at: Matrix["at"]): Matrix => {
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) values[i * columns + j] = at(i, j);
  return { rows, columns, at: (i, j) => values[i * columns + j]! };
};
const view = (
  data: Float32Array,
  rows: number,
  columns: number,
  offset = 0,
  stride = columns,
): Matrix => ({
  rows,
  columns,
  at: (i, j) => data[offset + i * stride + j]!,
});
const flip = (m: Matrix): Matrix => ({
  rows: m.columns,
  columns: m.rows,
  at: (i, j) => m.at(j, i),
});
function flat({ rows, columns, at }: Matrix): Float64Array {
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) values[i * columns + j] = at(i, j);
  return values;
}
const times = (a: Matrix, b: Matrix): Matrix => {
  const [left, right] = [flat(a), flat(b)];
  const [n, m] = [a.columns, b.columns];
  const sums = new Float64Array(a.rows * m);
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < n; k++) {
      const x = left[i * n + k]!;
      for (let j = 0; j < m; j++) sums[i * m + j] = sums[i * m + j]! + x * right[k * m + j]!;
    }
  return { rows: a.rows, columns: m, at: (i, j) => sums[i * m + j]! };
};
const plus = (a: Matrix, b: Matrix): Matrix =>
  matrix(a.rows, a.columns, (i, j) => a.at(i, j) + b.at(i, j));
const eachRow = (m: Matrix, f: (row: number[]) => number[]): Matrix => {
  const rows = Array.from({ length: m.rows }, (_, i) =>
    f(Array.from({ length: m.columns }, (_, j) => m.at(i, j))),
  );
  return matrix(m.rows, m.columns, (i, j) => rows[i]![j]!);
};
const softmax = (m: Matrix): Matrix =>
  eachRow(m, (row) => {
    const most = Math.max(...row);
    const e = row.map((x) => Math.exp(x - most));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((x) => x / sum);
  });
const rmsNorm = (m: Matrix, epsilon: number, gain?: Float32Array): Matrix =>
  eachRow(m, (row) => {
    const rms = Math.sqrt(row.reduce((a, x) => a + x * x, 0) / row.length + epsilon);
    return row.map((x, j) => (x / rms) * (gain ? gain[j]! : 1));
  });
const siluOf = (x: number): number => x / (1 + Math.exp(-x));
/** Runs a case on random inputs and compares; `tolerance` is of the largest value. */
async function holds(
  make: Case,
  shapes: Readonly<Record<string, number>>,
  settings: Readonly<Record<string, string | number>>,
  reference: (given: Given) => Float64Array,
  tolerance: number,
  least = -0.5,
): Promise<void> {
  const [launch] = make({ shapes, dtype: "float32", settings });
  const given: Record<string, Float32Array> = {};
  const inputs = Object.entries(launch!.inputs).map(([name, { shape }]) => {
    const n = shape.reduce((a, b) => a * b, 1);
    const [rows, columns] = [shape[0]!, n / shape[0]!];
    const value = (i: number, j: number): number => {
      if (name === "identity") return i === j ? 1 : 0;
      if (name !== "permutation") return random() + 0.5 + least;
      return i === j - rows / 2 ? 1 : i === j + rows / 2 ? -1 : 0;
    };
    given[name] = Float32Array.from({ length: n }, (_, k) =>
      value(Math.floor(k / columns), k % columns),
    );
    return [name, tensor(shape, given[name])] as const;
  });
  const values = { ...Object.fromEntries(inputs), ...launch!.args } as never;
  const run = await chip("trn2").run(launch!.kernel as never, values);
  const want = reference(given);
  const got = run.outputs[0]!.data as Float32Array;
  expect(got.length).toBe(want.length);
  const most = want.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  let off = 0;
  for (const [i, x] of want.entries()) off = Math.max(off, Math.abs(got[i]! - x));
  expect(off / most).toBeLessThan(tolerance);
}

const [EXACT, HALVES] = [2e-4, 5e-4];

describe("kernels behind published rows", () => {
  test.each([{}, { group: 2 }, { pieces: 2 }])("silu %j", (settings) =>
    holds(silu.silu, { M: 512, N: 64 }, settings, ({ x }) => Float64Array.from(x!, siluOf), EXACT),
  );

  test.each(["halves", "packed", "turned"])("rope %s", (layout) =>
    holds(
      rope.rope,
      { D: 128, B: 1, H: 2, N: 64 },
      { layout, width: 64 },
      ({ x, cos, sin }) => {
        const [a, c, s] = [view(x!, 128, 128), view(cos!, 64, 128), view(sin!, 64, 128)];
        return flat(
          matrix(128, 128, (i, j) =>
            i < 64
              ? a.at(i, j) * c.at(i, j) - a.at(i + 64, j) * s.at(i, j)
              : a.at(i - 64, j) * s.at(i - 64, j) + a.at(i, j) * c.at(i - 64, j),
          ),
        );
      },
      EXACT,
    ),
  );

  test.each([
    ["no", 1],
    ["down", 2],
    ["all", 1],
  ] as const)("swiglu, split %s, %d row tiles", (split, rowTiles) =>
    holds(
      swiglu.swiglu,
      { M: 256, K: 512, N: 512 },
      { split, rowTiles },
      ({ x, up, gate, down }) => {
        const rows = view(x!, 256, 512);
        const [u, g] = [times(rows, view(up!, 512, 512)), times(rows, view(gate!, 512, 512))];
        const hidden = matrix(256, 512, (i, j) => siluOf(g.at(i, j)) * u.at(i, j));
        return flat(times(hidden, view(down!, 512, 512)));
      },
      HALVES,
    ),
  );

  test.each([
    { split: "no", rowTiles: 1, chunk: 96 },
    { split: "residual", rowTiles: 2, chunk: 96, part: 48 },
    { split: "direct", rowTiles: 1, chunk: 128 },
  ])("transposed matmul %j", (settings) =>
    holds(
      transposed.transposeMatmul,
      { M: 256, K: 256, N: 192 },
      settings,
      ({ lhs, rhs }) => flat(times(flip(view(lhs!, 256, 256)), view(rhs!, 256, 192))),
      HALVES,
    ),
  );

  test.each([
    {},
    { norm: "after", split: "sbuf" },
    { norm: "after", split: "psum", products: 4, together: 2 },
  ])("norm and matmul %j", async (settings) => {
    const sizes = { M: 128, K: 256, N: 1024 };
    const [x, w] = [(g: Given) => view(g["x"]!, 128, 256), (g: Given) => view(g["w"]!, 256, 1024)];
    await holds(
      norm.rmsnormMatmul,
      sizes,
      settings,
      (g) => flat(times(rmsNorm(x(g), 0), w(g))),
      HALVES,
    );
    await holds(
      norm.addRmsnormMatmul,
      sizes,
      settings,
      (g) => flat(times(rmsNorm(plus(x(g), view(g["z"]!, 128, 256)), 1e-5, g["gain"]), w(g))),
      HALVES,
    );
    await holds(
      norm.matmulAddRmsnorm,
      sizes,
      settings,
      (g) => flat(rmsNorm(plus(times(x(g), w(g)), view(g["z"]!, 128, 1024)), 1e-5, g["gain"])),
      HALVES,
    );
  });

  test.each([
    { rowTiles: 1, chunk: 128 },
    { rowTiles: 2, split: "yes", chunk: 256 },
    { rowTiles: 2, split: "yes", fold: "yes", chunk: 256 },
  ])("lora %j", (settings) =>
    holds(
      lora.lora,
      { M: 256, K: 256, N: 256, R: 64 },
      settings,
      ({ x, w, a, b }) => {
        const rows = view(x!, 256, 256);
        const low = times(times(rows, view(a!, 256, 64)), view(b!, 64, 256));
        return flat(plus(times(rows, view(w!, 256, 256)), low));
      },
      HALVES,
    ),
  );

  test.each([
    { interleaved: "yes" },
    { foldScale: "yes", rowTiles: 2 },
    { foldScale: "yes", normLast: "yes", split: "scores", scores: "no maximum" },
    { foldScale: "yes", normLast: "yes", split: "both", scores: "psum", rowTiles: 2 },
    { foldScale: "yes", normLast: "yes", split: "scores", scores: "psum sum" },
  ])("grouped-query attention %j", (settings) =>
    holds(
      gqa.gqa,
      { N: 512, QH: 2, KH: 1, D: 128 },
      settings,
      ({ q, k, v }) => {
        const [keys, values] = [view(k!, 512, 128), view(v!, 512, 128)];
        const heads = [0, 1].map((h) => {
          const scores = times(view(q!, 512, 128, h * 128, 256), flip(keys));
          const scaled = matrix(512, 512, (i, j) => scores.at(i, j) / Math.sqrt(128));
          return flat(times(softmax(scaled), values));
        });
        return Float64Array.from(heads.flatMap((h) => [...h]));
      },
      HALVES,
    ),
  );

  test.each([{}, { norm: "scalar", copies: "vector" }, { fusedSum: "yes", rowTiles: 2 }])(
    "batched matmul and softmax %j",
    (settings) =>
      holds(
        bmmSoftmax.softmax,
        { B: 1, M: 256, K: 64, N: 512 },
        settings,
        ({ lhs, rhs }) => flat(softmax(times(view(lhs!, 256, 64), view(rhs!, 64, 512)))),
        EXACT,
      ),
  );

  test("batched matmul of the benchmark, with and without softmax", async () => {
    const sizes = { B: 1, M: 1024, K: 64, N: 1024 };
    const product = ({ lhs, rhs }: Given): Matrix =>
      times(view(lhs!, 1024, 64), view(rhs!, 64, 1024));
    await holds(bench.bmm, sizes, {}, (g) => flat(product(g)), EXACT);
    await holds(bench.bmmSoftmax, sizes, {}, (g) => flat(softmax(product(g))), EXACT);
  });

  test("matmul of the benchmark", () =>
    holds(
      bench.matmul,
      { M: 128, K: 1024, N: 1024 },
      {},
      ({ lhs, rhs }) => flat(times(view(lhs!, 128, 1024), view(rhs!, 1024, 1024))),
      EXACT,
    ));

  test("AdamW of the benchmark", () =>
    holds(
      bench.adamw,
      { M: 192, N: 1024 },
      {},
      ({ theta, g, m, v }) =>
        Float64Array.from(theta!, (t, i) => {
          const mean = 0.9 * m![i]! + 0.1 * g![i]!;
          const variance = 0.999 * v![i]! + 0.001 * g![i]! * g![i]!;
          return t * (1 - 1e-5) - (0.01 * mean) / (Math.sqrt(1000 * variance) + 1e-8);
        }),
      EXACT,
      0.1,
    ));

  test("convolution, with and without pooling", async () => {
    const sizes = { in_ch: 128, out_ch: 128, image: 6, filter0: 3 };
    const outputs = ({ image, weights }: Given): Float64Array =>
      Float64Array.from({ length: 128 * 16 }, (_, k) => {
        const [o, y, x] = [Math.floor(k / 16), Math.floor(k / 4) % 4, k % 4];
        let sum = 0;
        for (let i = 0; i < 3; i++)
          for (let j = 0; j < 3; j++)
            for (let c = 0; c < 128; c++)
              sum +=
                image![(c * 6 + y + i) * 6 + x + j]! * weights![((i * 3 + j) * 128 + c) * 128 + o]!;
        return sum;
      });
    await holds(conv.conv, sizes, {}, outputs, EXACT);
    const pooled = (given: Given): Float64Array => {
      const all = outputs(given);
      return Float64Array.from({ length: 128 * 4 }, (_, k) => {
        const at = Math.floor(k / 4) * 16 + (Math.floor(k / 2) % 2) * 8 + (k % 2) * 2;
        return Math.max(all[at]!, all[at + 1]!, all[at + 4]!, all[at + 5]!);
      });
    };
    await holds(conv.conv, sizes, { pool: 1 }, pooled, EXACT);
  });

  test("norm and projection, pooling and transposition of sample kernels", async () => {
    await holds(
      samples.rmsnormQkv,
      { batch: 1, seqlen: 256, hidden: 512, d_out: 128 },
      {},
      ({ hidden, weights }) =>
        flat(times(rmsNorm(view(hidden!, 256, 512), 1e-6), view(weights!, 512, 128))),
      EXACT,
    );
    await holds(
      samples.averagePool,
      { n: 1, c: 4, h: 6, w: 6, out: 4 },
      {},
      ({ image }) =>
        Float64Array.from({ length: 64 }, (_, k) => {
          const [c, i, j] = [Math.floor(k / 16), Math.floor(k / 4) % 4, k % 4];
          let [sum, n] = [0, 0];
          for (let y = Math.floor(i * 1.5); y < Math.ceil((i + 1) * 1.5); y++)
            for (let x = Math.floor(j * 1.5); x < Math.ceil((j + 1) * 1.5); x++, n++)
              sum += image![(c * 6 + y) * 6 + x]!;
          return sum / n;
        }),
      EXACT,
    );
    await holds(
      transpose.transpose,
      { M: 512, N: 256 },
      {},
      ({ matrix: m }) => flat(flip(view(m!, 512, 256))),
      1e-9,
    );
  });
});
