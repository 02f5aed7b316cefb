/** Composites against values and gradients derived by hand, both in float64. */
import { expect, test } from "vitest";
import * as ir from "../index.ts";
import {
  finiteDifferences,
  numbers,
  randomInputs,
  reverseMode,
  weighted,
  worst,
  zip,
} from "../testing.ts";

const { tensor, func } = ir;
type Row = readonly number[];
const rowsOf = (x: Row, n: number): Row[] =>
  Array.from({ length: x.length / n }, (_, i) => x.slice(i * n, (i + 1) * n));
const dot = (a: Row, b: Row): number => a.reduce((s, x, i) => s + x * b[i]!, 0);
const total = (a: Row): number => a.reduce((s, x) => s + x, 0);
const times = (a: Row, b: Row): Row => a.map((x, i) => x * b[i]!);
const sumRows = (rows: readonly Row[]): Row => rows.reduce((a, b) => a.map((x, i) => x + b[i]!));
const soft = (x: Row): Row => {
  const top = Math.max(...x);
  const e = x.map((v) => Math.exp(v - top));
  return e.map((v) => v / total(e));
};
/** Cotangent of softmax's input. */
const softBack = (y: Row, g: Row): Row => y.map((v, i) => v * (g[i]! - dot(y, g)));
const epsilon = Math.fround(1e-5);
const double = { arithmetic: "float64" } as const;

/** Reverse mode for cotangents `g` of the first result, in float64. */
function pulled(fn: ir.Func, inputs: ir.Inputs, g: Row): number[][] {
  const seed = ir.parameter("g", fn.results[0]!.type);
  const wrt = fn.params.filter((v) => ir.isFloatType(v.type));
  const found = ir.pullback([fn.results[0]!], [seed], wrt);
  return numbers(ir.functionOf("pulled", [...fn.params, seed], found), { ...inputs, g }, double);
}

const seedOf = (n: number): Row => Array.from({ length: n }, (_, i) => Math.sin(3 * i + 1));

test("softmax", () => {
  const fn = func("f", { x: tensor([3, 5]) }, ({ x }) => ir.softmax(x));
  const inputs = randomInputs(fn, {}, [-4, 4]);
  const y = rowsOf(inputs["x"]!, 5).map(soft);
  expect(worst(numbers(fn, inputs, double), [y.flat()])).toBeLessThan(1e-14);
  const g = rowsOf(seedOf(15), 5);
  const expected = y.flatMap((row, i) => softBack(row, g[i]!));
  expect(worst(pulled(fn, inputs, g.flat()), [expected])).toBeLessThan(1e-13);
});

test("layer norm", () => {
  const n = 6;
  const fn = func("f", { x: tensor([2, 2, n]), w: tensor([n]), b: tensor([n]) }, ({ x, w, b }) =>
    ir.layerNorm(x, w, b),
  );
  const inputs = randomInputs(fn);
  const { x, w, b } = inputs as Record<string, Row> as { x: Row; w: Row; b: Row };
  const inverse = Math.fround(1 / n);
  const parts = rowsOf(x, n).map((row) => {
    const mean = total(row) * inverse;
    const centred = row.map((v) => v - mean);
    const s = 1 / Math.sqrt(dot(centred, centred) * inverse + epsilon);
    return { s, hat: centred.map((v) => v * s) };
  });
  const y = parts.flatMap(({ hat }) => hat.map((v, i) => v * w[i]! + b[i]!));
  expect(worst(numbers(fn, inputs, double), [y])).toBeLessThan(1e-13);
  const g = rowsOf(seedOf(4 * n), n);
  const gx = parts.flatMap(({ s, hat }, r) => {
    const gw = times(g[r]!, w);
    return gw.map((v, i) => s * (v - total(gw) / n - (hat[i]! * dot(gw, hat)) / n));
  });
  const expected = [gx, sumRows(parts.map(({ hat }, r) => times(g[r]!, hat))), sumRows(g)];
  // 1 / n is an fp32 constant of the program, so that float64 differs by its rounding.
  expect(worst(pulled(fn, inputs, g.flat()), expected as number[][])).toBeLessThan(1e-6);
});

test("RMS norm", () => {
  const n = 8;
  const fn = zip([3, n], [n], (x, w) => ir.rmsNorm(x, w));
  const inputs = randomInputs(fn);
  const { x, y: w } = inputs as { x: Row; y: Row };
  const parts = rowsOf(x, n).map((row) => {
    const s = 1 / Math.sqrt(dot(row, row) / n + epsilon);
    return { s, row, hat: row.map((v) => v * s) };
  });
  expect(
    worst(numbers(fn, inputs, double), [parts.flatMap(({ hat }) => times(hat, w))]),
  ).toBeLessThan(1e-13);
  const g = rowsOf(seedOf(3 * n), n);
  const gx = parts.flatMap(({ s, row }, r) => {
    const gw = times(g[r]!, w);
    return gw.map((v, i) => s * v - (s ** 3 * row[i]! * dot(gw, row)) / n);
  });
  const expected = [gx, sumRows(parts.map(({ hat }, r) => times(g[r]!, hat)))];
  expect(worst(pulled(fn, inputs, g.flat()), expected as number[][])).toBeLessThan(1e-13);
});

test("SwiGLU", () => {
  const fn = zip([9], [9], ir.swiglu);
  const inputs = randomInputs(fn, {}, [-5, 5]);
  const { x, y } = inputs as { x: Row; y: Row };
  const s = x.map((v) => 1 / (1 + Math.exp(-v)));
  expect(worst(numbers(fn, inputs, double), [x.map((v, i) => v * s[i]! * y[i]!)])).toBeLessThan(
    1e-14,
  );
  const g = seedOf(9);
  const expected = [
    x.map((v, i) => g[i]! * y[i]! * s[i]! * (1 + v * (1 - s[i]!))),
    x.map((v, i) => g[i]! * v * s[i]!),
  ];
  expect(worst(pulled(fn, inputs, g), expected)).toBeLessThan(1e-13);
});

test("GELU by tanh", () => {
  const fn = func("f", { x: tensor([9]) }, ({ x }) => ir.geluTanh(x));
  const inputs = randomInputs(fn, {}, [-4, 4]);
  const x = inputs["x"]!;
  const [a, c] = [Math.fround(Math.sqrt(2 / Math.PI)), Math.fround(0.044715)];
  const t = x.map((v) => Math.tanh(a * (v + c * v ** 3)));
  expect(worst(numbers(fn, inputs, double), [x.map((v, i) => 0.5 * v * (1 + t[i]!))])).toBeLessThan(
    1e-14,
  );
  const g = seedOf(9);
  const slope = x.map(
    (v, i) => 0.5 * (1 + t[i]!) + 0.5 * v * (1 - t[i]! ** 2) * a * (1 + 3 * c * v * v),
  );
  expect(worst(pulled(fn, inputs, g), [times(g, slope) as number[]])).toBeLessThan(1e-13);
});

test("cross entropy", () => {
  const [n, classes] = [4, 7];
  const labels = [6, 0, 3, 3];
  const fn = func("f", { x: tensor([n, classes]), labels: tensor([n], "int32") }, (p) =>
    ir.crossEntropy(p.x, p.labels),
  );
  const inputs = randomInputs(fn, { labels }, [-3, 3]);
  const probabilities = rowsOf(inputs["x"]!, classes).map(soft);
  const loss = total(probabilities.map((p, i) => -Math.log(p[labels[i]!]!))) / n;
  expect(worst(numbers(fn, inputs, double), [[loss]])).toBeLessThan(1e-14);
  const expected = probabilities.flatMap((p, i) =>
    p.map((v, j) => (v - (j === labels[i] ? 1 : 0)) / n),
  );
  expect(worst(reverseMode(fn, inputs), [expected])).toBeLessThan(1e-14);
});

test.each([false, true])("attention, causal %s, more keys than queries", (causal) => {
  const [n, m, d] = [3, 5, 4];
  const shape = (k: number) => tensor([1, 2, k, d]);
  const fn = func("f", { q: shape(n), k: shape(m), v: shape(m) }, ({ q, k, v }) =>
    ir.attention(q, k, v, { causal }),
  );
  const inputs = randomInputs(fn, {}, [-2, 2]);
  const heads = (x: Row, k: number): Row[][] => rowsOf(x, k * d).map((h) => rowsOf(h, d));
  const [q, k, v] = [heads(inputs["q"]!, n), heads(inputs["k"]!, m), heads(inputs["v"]!, m)];
  const scale = 1 / Math.sqrt(d);
  const weights = q.map((head, h) =>
    head.map((row, i) =>
      soft(
        k[h]!.map((key, j) =>
          causal && j > i + m - n ? Number.NEGATIVE_INFINITY : dot(row, key) * scale,
        ),
      ),
    ),
  );
  const combine = (w: Row, rows: readonly Row[]): Row =>
    sumRows(rows.map((r, j) => r.map((x) => x * w[j]!)));
  const out = weights.flatMap((head, h) => head.flatMap((w) => combine(w, v[h]!)));
  expect(worst(numbers(fn, inputs, double), [out])).toBeLessThan(1e-14);
  const g = heads(seedOf(2 * n * d), n);
  const scores = weights.map((head, h) =>
    head.map((w, i) =>
      softBack(
        w,
        v[h]!.map((row) => dot(row, g[h]![i]!)),
      ).map((x) => x * scale),
    ),
  );
  const column = (rows: readonly Row[], j: number): Row => rows.map((r) => r[j]!);
  const expected = [
    scores.flatMap((head, h) => head.flatMap((s) => combine(s, k[h]!))),
    scores.flatMap((head, h) => k[h]!.flatMap((_, j) => combine(column(head, j), q[h]!))),
    weights.flatMap((head, h) => v[h]!.flatMap((_, j) => combine(column(head, j), g[h]!))),
  ];
  expect(worst(pulled(fn, inputs, g.flat(2)), expected as number[][])).toBeLessThan(1e-13);
});

test("rotary turns pairs and its gradient turns them back", () => {
  const fn = func("f", { x: tensor([2, 4]), cos: tensor([2, 4]), sin: tensor([2, 4]) }, (p) =>
    ir.rotary(p.x, p.cos, p.sin),
  );
  const angles = [0.3, 1.1, 0.3, 1.1, -0.7, 2, -0.7, 2];
  const inputs = {
    x: [1, 2, 3, 4, 5, 6, 7, 8],
    cos: angles.map(Math.cos),
    sin: angles.map(Math.sin),
  };
  const turned = numbers(fn, inputs, double)[0]!;
  expect(turned[0]).toBeCloseTo(1 * Math.cos(0.3) - 3 * Math.sin(0.3), 12);
  expect(turned[2]).toBeCloseTo(3 * Math.cos(0.3) + 1 * Math.sin(0.3), 12);
  expect(worst([pulled(fn, inputs, turned)[0]!], [inputs.x])).toBeLessThan(1e-12);
});

test("a whole small decoder block agrees with central differences", () => {
  const [b, t, h, d, vocabulary] = [1, 3, 2, 4, 5];
  const width = h * d;
  const fn = func(
    "block",
    {
      ids: tensor([b * t], "int32"),
      labels: tensor([b * t], "int32"),
      embedding: tensor([vocabulary, width]),
      norm: tensor([width]),
      qkv: tensor([width, 3 * width]),
      gate: tensor([width, 6]),
      up: tensor([width, 6]),
      down: tensor([6, width]),
    },
    (p) => {
      const x = ir.takeRows(p.embedding, p.ids);
      const all = ir.matmul(ir.rmsNorm(x, p.norm), p.qkv);
      const heads = (at: number) =>
        ir.transpose(
          ir.reshape(ir.slice(all, { start: [0, at * width], limit: [b * t, (at + 1) * width] }), [
            b,
            t,
            h,
            d,
          ]),
          [0, 2, 1, 3],
        );
      const mixed = ir.attention(heads(0), heads(1), heads(2), { causal: true });
      const joined = ir.reshape(ir.transpose(mixed, [0, 2, 1, 3]), [b * t, width]);
      const y = ir.add(x, joined);
      const z = ir.add(y, ir.matmul(ir.swiglu(ir.matmul(y, p.gate), ir.matmul(y, p.up)), p.down));
      return ir.crossEntropy(ir.matmul(z, ir.transpose(p.embedding)), p.labels);
    },
  );
  const inputs = randomInputs(fn, { ids: [1, 4, 1], labels: [4, 1, 0] });
  expect(worst(reverseMode(fn, inputs), finiteDifferences(fn, inputs))).toBeLessThan(1e-8);
  expect(ir.print(ir.parse(ir.print(ir.gradient(fn))))).toBe(ir.print(ir.gradient(fn)));
  expect(weighted(fn).results).toHaveLength(1);
});
