/** Every rule of every operation has a row here that breaks it, and it alone. */
import { OpenTrnError } from "@opentrn/base";
import { expect, test } from "vitest";
import * as ir from "../index.ts";
import { double } from "./samples.fixture.ts";

const { tensor, parameter } = ir;
const p = (shape: readonly number[], dtype: ir.ElementType = "float32"): ir.Value =>
  parameter("p", tensor(shape, dtype));
const x = p([2, 3]);
const i = p([2, 2], "int32");
const mask = p([2, 3], "bool_");
const start = p([], "int32");

const gather = (dims: Partial<ir.GatherDims>, operand = p([4, 3]), indices = i) =>
  ir.gather(operand, indices, {
    offsetDims: [2],
    collapsedSliceDims: [0],
    startIndexMap: [0],
    indexVectorDim: 2,
    sliceSizes: [1, 3],
    ...dims,
  });
const scatter = (
  dims: Partial<ir.ScatterDims>,
  { operand = p([4, 3]), indices = i, updates = p([2, 2, 3]) } = {},
) =>
  ir.scatter(operand, indices, updates, {
    updateWindowDims: [2],
    insertedWindowDims: [0],
    scatterDimsToOperandDims: [0],
    indexVectorDim: 2,
    body: "add",
    ...dims,
  });
const dot = (dims: ir.DotDims, l = p([2, 3, 4]), r = p([2, 4, 5])) => ir.dotGeneral(l, r, dims);

type Breaks = Readonly<Record<string, () => unknown>>;
const differ = (f: (a: ir.Value, b: ir.Value) => ir.Value): Breaks => ({
  C1: () => f(x, p([3, 2])),
});
const bits = (f: (a: ir.Value, b: ir.Value) => ir.Value): Breaks => ({
  C1: () => f(mask, p([2, 3], "int8")),
});

const broken: Record<ir.OpName, Breaks> = {
  parameter: { C1: () => parameter("1x", tensor([])) },
  constant: { C1: () => ir.constant(tensor([3]), [1, 2]) },
  iota: { C1: () => ir.iota([2], 1), C2: () => ir.iota([2], 0, "bool_") },
  add: differ(ir.add),
  subtract: differ(ir.subtract),
  multiply: differ(ir.multiply),
  divide: differ(ir.divide),
  maximum: differ(ir.maximum),
  minimum: differ(ir.minimum),
  power: differ(ir.power),
  negate: {},
  abs: {},
  sign: {},
  exponential: {},
  log: {},
  sqrt: {},
  rsqrt: {},
  tanh: {},
  logistic: {},
  sine: {},
  cosine: {},
  and: bits(ir.and),
  or: bits(ir.or),
  not: {},
  compare: { C1: () => ir.compare(x, p([2, 3], "bfloat16"), "EQ") },
  select: {
    C1: () => ir.select(p([3], "bool_"), x, x),
    C2: () => ir.select(mask, x, p([2, 3], "float16")),
  },
  convert: {},
  dot_general: {
    C1: () => dot({ batching: [[0], []] }),
    C2: () => dot({ contracting: [[2], []] }),
    C3: () => dot({ batching: [[0], [0]], contracting: [[0], [1]] }),
    C4: () => dot({ contracting: [[2], [3]] }),
    C5: () => dot({ batching: [[1], [0]] }),
    C6: () => dot({ contracting: [[2], [2]] }),
    C7: () => dot({}, x, p([2], "bfloat16")),
    C8: () => dot({ dtype: "int32" }),
  },
  reduce: { C1: () => ir.sum(x, [2]), C2: () => ir.sum(x, [1, 1]) },
  broadcast_in_dim: {
    C1: () => ir.broadcastInDim(x, [2, 3], [0]),
    C2: () => ir.broadcastInDim(x, [2, 3], [0, 2]),
    C3: () => ir.broadcastInDim(p([3, 3]), [3, 3], [1, 1]),
    C4: () => ir.broadcastInDim(x, [4, 3]),
  },
  reshape: { C1: () => ir.reshape(x, [4]) },
  transpose: { C1: () => ir.transpose(x, [0, 0]) },
  stop_gradient: {},
  slice: {
    C1: () => ir.slice(x, { start: [0] }),
    C2: () => ir.slice(x, { limit: [2, 4] }),
    C3: () => ir.slice(x, { strides: [1, 0] }),
  },
  concatenate: {
    C1: () => ir.concatenate([], 0),
    C2: () => ir.concatenate([x], 2),
    C3: () => ir.concatenate([x, p([2, 4])], 0),
  },
  pad: {
    C1: () => ir.pad(x, p([1]), {}),
    C2: () => ir.pad(x, 0, { low: [1] }),
    C3: () => ir.pad(x, 0, { interior: [0, -1] }),
    C4: () => ir.pad(x, 0, { low: [-3, 0] }),
  },
  gather: {
    C1: () => gather({ indexVectorDim: 3 }),
    C2: () => gather({ collapsedSliceDims: [2] }),
    C3: () => gather({ operandBatchingDims: [0] }),
    C4: () => gather({ startIndicesBatchingDims: [0, 0] }),
    C5: () => gather({ operandBatchingDims: [1], startIndicesBatchingDims: [0] }),
    C6: () => gather({ startIndexMap: [0, 1] }),
    C7: () => gather({ sliceSizes: [1, 4] }),
    C8: () => gather({ sliceSizes: [2, 3] }),
    C9: () => gather({ offsetDims: [1, 2] }),
    C10: () => gather({ offsetDims: [3] }),
  },
  scatter: {
    C1: () => scatter({ indexVectorDim: -1 }),
    C2: () => scatter({ insertedWindowDims: [0, 0] }),
    C3: () => scatter({ inputBatchingDims: [0] }),
    C4: () => scatter({ scatterIndicesBatchingDims: [2] }),
    C5: () => scatter({ inputBatchingDims: [1] }),
    C6: () => scatter({ scatterDimsToOperandDims: [2] }),
    C7: () => scatter({ updateWindowDims: [] }),
    C8: () => scatter({ updateWindowDims: [3] }),
    C9: () => scatter({}, { updates: p([2, 2, 4]) }),
    C10: () => scatter({}, { updates: p([2, 2, 3], "float16") }),
  },
  dynamic_slice: {
    C1: () => ir.dynamicSlice(x, [start], [1, 1]),
    C2: () => ir.dynamicSlice(x, [start, start], [3, 1]),
  },
  dynamic_update_slice: {
    C1: () => ir.dynamicUpdateSlice(x, x, [start, p([], "int8")]),
    C2: () => ir.dynamicUpdateSlice(x, p([2, 4]), [start, start]),
  },
  rng_bit_generator: { C1: () => ir.rngBitGenerator(p([2], "uint32"), [4]) },
  call: { C1: () => ir.call(double, [x, x]) },
  custom_call: {
    C1: () => ir.customCall("kernel", [x], { results: [] }),
    C2: () => ir.customCall("", [x], { results: [x.type] }),
  },
};

/** The error that `build` stops with. */
function failure(build: () => unknown): OpenTrnError {
  try {
    build();
  } catch (e) {
    if (e instanceof OpenTrnError) return e;
    throw e;
  }
  throw new Error("nothing was wrong");
}

test.each(Object.entries(broken))("the rules of %s are those broken here", (name, rows) => {
  expect(Object.keys(rows)).toEqual(Object.keys(ir.recordOf(name).constraints));
});

const rows = Object.entries(broken).flatMap(([name, labels]) =>
  Object.entries(labels).map(([label, build]) => [`${name} ${label}`, build] as const),
);
test.each(rows)("%s", (rule, build) => {
  const error = failure(build);
  expect([error.rule, error.message]).toEqual([
    rule,
    expect.stringMatching(/^\w+ C\d+: .+\. Rule: /s),
  ]);
  expect(error.at?.file).toMatch(/rules\.test\.ts$/);
});

test("second ways to break the rules that ask several things", () => {
  const rule = (build: () => unknown) => failure(build).rule;
  expect(rule(() => ir.concatenate([x, p([2, 3], "float16")], 0))).toBe("concatenate C3");
  expect(rule(() => ir.transpose(x, [0, 2]))).toBe("transpose C1");
  expect(rule(() => ir.transpose(x, [0]))).toBe("transpose C1");
  expect(rule(() => gather({ startIndexMap: [] }))).toBe("gather C6");
  expect(rule(() => gather({ sliceSizes: [1] }))).toBe("gather C7");
  expect(rule(() => scatter({}, { updates: p([2, 3, 3]) }))).toBe("scatter C9");
  expect(rule(() => ir.pad(x, p([], "int8"), {}))).toBe("pad C1");
  expect(rule(() => ir.dynamicUpdateSlice(x, p([1, 1], "int8"), [start, start]))).toBe(
    "dynamic_update_slice C2",
  );
});

test("G1: the number of operands", () => {
  expect(failure(() => ir.emitAny("add", [x], {}))).toMatchObject({ rule: "add G1" });
  expect(failure(() => ir.emitAny("iota", [x], {}))).toMatchObject({ rule: "iota G1" });
});

test("G2: element types", () => {
  expect(failure(() => ir.exponential(i)).message).toBe(
    "exponential G2: operand is tensor<2x2xi32>; it takes a float type, convert it. Rule: an operand has an element type the operation takes.",
  );
  expect(failure(() => ir.add(mask, mask)).rule).toBe("add G2");
  expect(failure(() => ir.and(x, x)).rule).toBe("and G2");
  expect(failure(() => ir.select(x, x, x)).rule).toBe("select G2");
  expect(failure(() => ir.gather(x, mask, { indexVectorDim: 0, sliceSizes: [] })).rule).toBe(
    "gather G2",
  );
});

test("G3: attributes", () => {
  expect(failure(() => ir.emitAny("reduce", [x], { body: "or", dimensions: [0] })).rule).toBe(
    "reduce G3",
  );
  expect(failure(() => ir.emitAny("reduce", [x], { body: "add" })).rule).toBe("reduce G3");
  expect(failure(() => ir.sum(x, [0.5])).rule).toBe("reduce G3");
});

test("G4: shapes", () => {
  expect(failure(() => p([-1])).rule).toBe("parameter G4");
  expect(failure(() => p([2 ** 17, 2 ** 17])).rule).toBe("parameter G4");
  expect(failure(() => ir.customCall("k", [], { results: [tensor([1.5])] })).rule).toBe(
    "custom_call G4",
  );
  const big = p([2 ** 17]);
  expect(failure(() => ir.dotGeneral(big, big, {})).rule).toBe("dot_general G4");
});

test("an error carries the line that built the operation, also through a composite", () => {
  const line = () => Number(/rules\.test\.ts:(\d+)/.exec(new Error().stack!.split("\n")[2]!)![1]);
  const error = failure(() => ir.add(x, i));
  expect(error.at?.line).toBe(line() - 1);
  const norm = failure(() => ir.rmsNorm(x, p([4])));
  expect(norm.at?.line).toBe(line() - 1);
  expect(norm.describe()).toMatch(
    /^invalid program: broadcast_in_dim C4: .*rules\.test\.ts:\d+\)$/s,
  );
});

test("numbers alone have no type", () => {
  expect(() => ir.add(1, 2)).toThrow(/make one a tensor/);
  const error = failure(() => ir.add(i, 0.5));
  expect(error.message).toBe("0.5 is no int32; pass a value that the type holds");
  expect(error.at?.file).toMatch(/rules\.test\.ts$/);
});
