/** What each operation gives, to the bit where the definition says so. */
import { Random } from "@opentrn/base";
import { activate, exp, roundTo } from "@opentrn/numerics";
import { expect, test } from "vitest";
import * as ir from "../index.ts";
import { map, numbers, randomInputs, worst, zip } from "../testing.ts";
import { allSamples } from "./samples.fixture.ts";

const { tensor, func } = ir;
const f = Math.fround;
const of =
  (dtype: ir.ElementType, build: (x: ir.Value, y: ir.Value) => ir.Value | ir.Value[]) =>
  (x: number[], y: number[] = x): number[][] =>
    numbers(
      func("f", { x: tensor([x.length], dtype), y: tensor([y.length], dtype) }, ({ x: a, y: b }) =>
        build(a, b),
      ),
      { x, y },
    );

test("fp32 rounds once a step", () => {
  const x = [0.1, 3, 2 ** 24];
  const y = [0.2, 7, 1];
  const results = of("float32", (a, b) => [
    ir.add(a, b),
    ir.subtract(a, b),
    ir.multiply(a, b),
    ir.divide(a, b),
  ])(x, y);
  const exact = [
    (a: number, b: number) => f(f(a) + f(b)),
    (a: number, b: number) => f(f(a) - f(b)),
    (a: number, b: number) => f(f(a) * f(b)),
    (a: number, b: number) => f(f(a) / f(b)),
  ];
  expect(results).toEqual(exact.map((g) => x.map((a, i) => g(a, y[i]!))));
});

test.each(["bfloat16", "float16", "float8_e4m3"] as const)(
  "%s rounds to fp32, then to its type",
  (t) => {
    const x = [0.1, 1.7, 3.14];
    const stored = x.map((v) => roundTo(f(v), t));
    expect(of(t, (a, b) => [a, ir.multiply(a, b), ir.exponential(a)])(x)).toEqual([
      stored,
      stored.map((v) => roundTo(f(v * v), t)),
      stored.map((v) => roundTo(exp(v), t)),
    ]);
  },
);

test("elementary functions are those of numerics in fp32", () => {
  const x = [-3.5, -0.25, 0, 0.7, 9, 1e4];
  const rows = {
    exponential: "exp",
    log: "log",
    tanh: "tanh",
    logistic: "sigmoid",
    sine: "sin",
    sqrt: "sqrt",
    rsqrt: "rsqrt",
    sign: "sign",
  } as const;
  for (const [op, name] of Object.entries(rows)) {
    const fn = map([x.length], (v) => ir.emitAny(op as ir.OpName, [v], {})[0]!);
    expect(numbers(fn, { x })).toEqual([x.map((v) => activate(name, f(v)))]);
  }
});

test.each([
  [4, 2.5],
  [12867, 2.5],
  [1e8, 9],
])("cosine up to %d is within %d / 2^24 of the true one", (top, bound) => {
  const random = new Random(3);
  const x = Float32Array.from({ length: 5000 }, () => (random.uniform() * 2 - 1) * top);
  const [y] = numbers(map([x.length], ir.cosine), { x });
  expect(worst([y!], [Array.from(x, Math.cos)])).toBeLessThan(bound / 2 ** 24);
  expect(numbers(map([2], ir.cosine), { x: [0, Number.POSITIVE_INFINITY] })).toEqual([
    [1, Number.NaN],
  ]);
});

test("integers wrap, divide towards zero, and divide by zero to all ones", () => {
  const lows = of("int8", (a, b) => [
    ir.add(a, b),
    ir.multiply(a, b),
    ir.divide(a, b),
    ir.negate(a),
    ir.abs(a),
  ]);
  expect(lows([127, -7, 5, -128], [1, 2, 0, -1])).toEqual([
    [-128, -5, 5, 127],
    [127, -14, 0, -128],
    [127, -3, -1, -128],
    [-127, 7, -5, -128],
    [127, 7, 5, -128],
  ]);
  expect(
    of("uint32", (a, b) => [ir.multiply(a, b), ir.divide(a, b)])([4294967295, 3], [4294967295, 0]),
  ).toEqual([
    [1, 0],
    [1, 4294967295],
  ]);
});

test("maximum and minimum propagate NaN and order zeros", () => {
  const rows = of("float32", (a, b) => [ir.maximum(a, b), ir.minimum(a, b)])(
    [Number.NaN, -0, 1],
    [1, 0, 2],
  );
  expect(rows).toEqual([
    [Number.NaN, 0, 2],
    [Number.NaN, -0, 1],
  ]);
});

test("power follows C", () => {
  const fn = zip([5], [5], ir.power);
  const inputs = { x: [2, 0, -2, 1, -8], y: [10, 0, 3, Number.NaN, 1 / 3] };
  for (const arithmetic of ["fp32", "float64"] as const)
    expect(numbers(fn, inputs, { arithmetic })).toEqual([[1024, 1, -8, 1, Number.NaN]]);
});

test("logic on truth values and bits", () => {
  const rows = of("uint8", (a, b) => [ir.and(a, b), ir.or(a, b), ir.not(a)])(
    [6, 255, 0],
    [3, 16, 0],
  );
  expect(rows).toEqual([
    [2, 16, 0],
    [7, 255, 0],
    [249, 0, 255],
  ]);
  expect(
    of("bool_", (a, b) => [ir.and(a, b), ir.or(a, b), ir.not(a)])([0, 1, 1], [1, 0, 1]),
  ).toEqual([
    [0, 0, 1],
    [1, 1, 1],
    [1, 0, 0],
  ]);
});

test("comparisons are false for NaN, but NE", () => {
  const all = of("float32", (a, b) => ir.directions.map((d) => ir.compare(a, b, d)))(
    [1, 2, Number.NaN, -0],
    [1, 1, 1, 0],
  );
  expect(all).toEqual([
    [1, 0, 0, 1],
    [0, 1, 1, 0],
    [1, 1, 0, 1],
    [0, 1, 0, 0],
    [1, 0, 0, 1],
    [0, 0, 0, 0],
  ]);
});

test("convert truncates, saturates, wraps and rounds as defined", () => {
  const to = (from: ir.ElementType, dtype: ir.ElementType, x: number[]) =>
    of(from, (a) => ir.convert(a, dtype))(x)[0];
  expect(to("float32", "int8", [1.9, -1.9, 300, -300, Number.NaN])).toEqual([1, -1, 127, -128, 0]);
  expect(to("float32", "uint32", [-1, 4294967295, 2.5])).toEqual([0, 4294967295, 2]);
  expect(to("int32", "int8", [300, -129])).toEqual([44, 127]);
  expect(to("int32", "float32", [2 ** 24 + 1])).toEqual([2 ** 24]);
  expect(to("float32", "bool_", [0, -0, 0.1, Number.NaN])).toEqual([0, 0, 1, 1]);
  expect(to("bool_", "float16", [0, 1])).toEqual([0, 1]);
  expect(to("float32", "bfloat16", [1.00390625, 1.01171875])).toEqual([1, 1.015625]);
});

test("select, also with a scalar", () => {
  const fn = func(
    "f",
    { p: tensor([2], "bool_"), s: tensor([], "bool_"), x: tensor([2]) },
    ({ p, s, x }) => [ir.select(p, x, 9), ir.select(s, x, 9)],
  );
  expect(numbers(fn, { p: [0, 1], s: [1], x: [1, 2] })).toEqual([
    [9, 2],
    [1, 2],
  ]);
});

test("dot_general sums k upwards from zero, a rounding per product and sum, one more for a narrow result", () => {
  const k = 37;
  const random = new Random(5);
  const draw = () => Array.from({ length: k }, () => f(random.normal()));
  const [x, y] = [draw(), draw()];
  let sum = 0;
  for (let i = 0; i < k; i++) sum = f(sum + f(x[i]! * y[i]!));
  const dims = { contracting: [[0], [0]] } as const;
  expect(
    numbers(
      zip([k], [k], (a, b) => ir.dotGeneral(a, b, dims)),
      { x, y },
    ),
  ).toEqual([[sum]]);
  const narrow = of("bfloat16", (a, b) => [
    ir.dotGeneral(a, b, { ...dims, dtype: "float32" }),
    ir.dotGeneral(a, b, dims),
  ])(x, y);
  expect(narrow[1]).toEqual([roundTo(narrow[0]![0]!, "bfloat16")]);
  expect(narrow[0]).not.toEqual(narrow[1]);
});

test("dot_general on integers wraps in the result type", () => {
  const dot = (dtype: ir.ElementType) =>
    of("int8", (a, b) => ir.dotGeneral(a, b, { contracting: [[0], [0]], dtype }))(
      [100, 100],
      [100, 3],
    );
  expect(dot("int32")).toEqual([[10300]]);
  expect(dot("int8")).toEqual([[60]]);
});

test("dot_general with batching and several contracting dimensions in any order", () => {
  const [, sample] = allSamples.find(([name]) => name === "dot_general 2")!;
  const inputs = randomInputs(sample.fn);
  const { x, y } = inputs as { x: number[]; y: number[] };
  const expected: number[] = [];
  // x [3, 2, 5, 4], y [4, 2, 3, 2]: batch x1 = y3, contract x3 = y0 and x0 = y2, keep x2 and y1.
  for (let b = 0; b < 2; b++)
    for (let m = 0; m < 5; m++)
      for (let n = 0; n < 2; n++) {
        let sum = 0;
        for (let p = 0; p < 4; p++)
          for (let q = 0; q < 3; q++)
            sum += x[((q * 2 + b) * 5 + m) * 4 + p]! * y[((p * 2 + n) * 3 + q) * 2 + b]!;
        expected.push(sum);
      }
  const double = numbers(sample.fn, inputs, { arithmetic: "float64" });
  expect(worst(double, [expected])).toBeLessThan(1e-12);
  expect(sample.fn.results[0]!.type.shape).toEqual([2, 5, 2]);
});

test("matmul batches leading dimensions, or repeats a matrix", () => {
  const shape = (a: number[], b: number[]) =>
    zip(a, b, (x, y) => ir.matmul(x, y)).results[0]!.type.shape;
  expect(shape([7, 2, 3], [7, 3, 4])).toEqual([7, 2, 4]);
  expect(shape([7, 2, 3], [3, 4])).toEqual([7, 2, 4]);
});

test("reduce folds upwards in row-major order, holds fp32 and rounds once", () => {
  const x = [1, 2 ** -8, 2 ** -8, 2 ** -8, 2 ** -8];
  expect(of("bfloat16", (a) => ir.sum(a))(x)).toEqual([[1 + 2 ** -6]]);
  expect(of("float32", (a) => ir.sum(a))([2 ** 24, 1, 1, -(2 ** 24)])).toEqual([[0]]);
  const fn = map([2, 3], (v) => [ir.sum(v, [0]), ir.reduce(v, "maximum", [1])][0]!);
  expect(numbers(fn, { x: [1, 2, 3, 4, 5, 6] })).toEqual([[5, 7, 9]]);
});

test("reducing nothing gives the identity of the body and type", () => {
  const rows = (t: ir.ElementType) =>
    of(t, (a) => ir.bodies.map((b) => ir.reduce(a, b)))([]).flat();
  expect(rows("float32")).toEqual([0, 1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect(rows("int16")).toEqual([0, 1, -32768, 32767]);
  expect(rows("uint8")).toEqual([0, 1, 0, 255]);
});

test("moving elements", () => {
  const x = [0, 1, 2, 3, 4, 5];
  const at = (build: (v: ir.Value) => ir.Value) => numbers(map([2, 3], build), { x })[0];
  expect(at((v) => ir.transpose(v))).toEqual([0, 3, 1, 4, 2, 5]);
  expect(at((v) => ir.slice(v, { start: [0, 1], strides: [1, 2] }))).toEqual([1, 4]);
  expect(at((v) => ir.concatenate([v, v], 1))).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
  expect(at((v) => ir.broadcastInDim(v, [2, 2, 3], [0, 2]))).toEqual([
    0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5,
  ]);
  expect(at((v) => ir.pad(v, 9, { low: [0, 1], high: [-1, 0], interior: [0, 1] }))).toEqual([
    9, 0, 9, 1, 9, 2,
  ]);
  expect(at((v) => ir.pad(v, 9, { low: [0, -3], high: [0, 1], interior: [0, 1] }))).toEqual([
    9, 2, 9, 9, 5, 9,
  ]);
  expect(at((v) => ir.dynamicSlice(v, [5, -5], [1, 2]))).toEqual([3, 4]);
  expect(at((v) => ir.dynamicUpdateSlice(v, ir.constant(tensor([1, 2]), 7), [1, 9]))).toEqual([
    0, 1, 2, 3, 7, 7,
  ]);
  expect(at((v) => ir.stack([v, v]))?.slice(6)).toEqual(x);
});

test("gather and scatter as in StableHLO's example of windows and batches", () => {
  const operand = Array.from({ length: 48 }, (_, i) => i + 1);
  const i = [0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 0, 9, 0, 0, 2, 1, 2, 2, 1, 2, 0, 1, 1, 0];
  const windows = func(
    "f",
    { x: tensor([2, 3, 4, 2]), i: tensor([2, 2, 3, 2], "int32"), u: tensor([2, 2, 3, 2, 2]) },
    ({ x, i: ids, u }) => [
      ir.gather(x, ids, {
        offsetDims: [3, 4],
        collapsedSliceDims: [1],
        operandBatchingDims: [0],
        startIndicesBatchingDims: [1],
        startIndexMap: [2, 1],
        indexVectorDim: 3,
        sliceSizes: [1, 1, 2, 2],
      }),
      ir.scatter(x, ids, u, {
        updateWindowDims: [3, 4],
        insertedWindowDims: [1],
        inputBatchingDims: [0],
        scatterIndicesBatchingDims: [1],
        scatterDimsToOperandDims: [2, 1],
        indexVectorDim: 3,
        body: "add",
      }),
    ],
  );
  const [gathered, scattered] = numbers(windows, {
    x: operand,
    i,
    u: new Array<number>(48).fill(1),
  });
  expect(gathered).toEqual([
    ...[1, 2, 3, 4, 3, 4, 5, 6, 13, 14, 15, 16, 33, 34, 35, 36, 35, 36, 37, 38, 41, 42, 43, 44],
    ...[1, 2, 3, 4, 13, 14, 15, 16, 21, 22, 23, 24, 43, 44, 45, 46, 33, 34, 35, 36, 27, 28, 29, 30],
  ]);
  expect(scattered).toEqual([
    ...[3, 4, 6, 7, 6, 7, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 17, 18, 19, 20, 22, 23, 24, 25],
    ...[
      25, 26, 28, 29, 30, 31, 31, 32, 35, 36, 38, 39, 38, 39, 39, 40, 41, 42, 44, 45, 46, 47, 47,
      48,
    ],
  ]);
});

test("gather clamps, scatter drops and adds in order, the last write stays", () => {
  const fn = func(
    "f",
    { x: tensor([3]), i: tensor([4], "int32"), u: tensor([4]) },
    ({ x, i, u }) => {
      const dims = { insertedWindowDims: [0], scatterDimsToOperandDims: [0], indexVectorDim: 1 };
      return [
        ir.takeRows(x, i),
        ir.addRows(x, i, u),
        ir.scatter(x, i, u, { ...dims, body: "update" }),
      ];
    },
  );
  expect(numbers(fn, { x: [10, 20, 30], i: [1, -1, 5, 1], u: [1, 2, 3, 4] })).toEqual([
    [20, 10, 30, 20],
    [10, 25, 30],
    [10, 4, 30],
  ]);
});

test("scatter sums in fp32 and rounds once", () => {
  const fn = func("f", { x: tensor([1], "bfloat16"), u: tensor([4], "bfloat16") }, ({ x, u }) =>
    ir.addRows(x, ir.constant(tensor([4], "int32"), 0), u),
  );
  expect(numbers(fn, { x: [1], u: new Array<number>(4).fill(2 ** -8) })).toEqual([[1 + 2 ** -6]]);
});

test("Threefry gives the known answers of Random123", () => {
  const hex = (words: readonly number[]) =>
    words.map((w) => w.toString(16).padStart(8, "0")).join(" ");
  const all = 0xffffffff;
  expect(hex(ir.threefry(0, 0, 0, 0))).toBe("6b200159 99ba4efe");
  expect(hex(ir.threefry(all, all, all, all))).toBe("1cb996fc bb002be7");
  expect(hex(ir.threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3))).toBe(
    "c4923a9c 483df7a0",
  );
});

test("random bits are the blocks of the counter, which carries", () => {
  const fn = func("f", { s: tensor([4], "uint32") }, ({ s }) => {
    const { state, bits } = ir.rngBitGenerator(s, [5]);
    return [state, bits];
  });
  const [state, bits] = numbers(fn, { s: [1, 2, 0xfffffffe, 7] });
  const blocks = [
    ir.threefry(1, 2, 0xfffffffe, 7),
    ir.threefry(1, 2, 0xffffffff, 7),
    ir.threefry(1, 2, 0, 8),
  ];
  expect(bits).toEqual([...blocks.map((b) => b[0]), blocks[0]![1], blocks[1]![1]]);
  expect(state).toEqual([1, 2, 1, 8]);
});

test.each(allSamples)(
  "%s in fp32 is close to float64",
  (_, { fn, given, domain, customCalls = {} }) => {
    const inputs = randomInputs(fn, given, domain);
    const double = numbers(fn, inputs, { arithmetic: "float64", customCalls });
    const values = [...fn.params, ...fn.body.flatMap((op) => op.results)];
    const narrow = values.some((v) => v.type.dtype === "bfloat16");
    expect(worst(numbers(fn, inputs, { customCalls }), double)).toBeLessThan(narrow ? 0.02 : 1e-6);
  },
);
