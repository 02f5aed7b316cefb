/** Small functions for every operation: tests check gradients, text form and both arithmetics on all of them. */
import * as ir from "../index.ts";
import { map, zip } from "../testing.ts";

export interface Sample {
  readonly fn: ir.Func;
  /** Integer and truth inputs, and floats that must not be random. */
  readonly given?: Readonly<Record<string, readonly number[]>>;
  /** Where random floats lie; (-1, 1) unless said otherwise. */
  readonly domain?: readonly [number, number];
  readonly customCalls?: ir.CustomCalls;
}

const { tensor, func } = ir;
const positive = [0.3, 2] as const;
const unary = (f: (x: ir.Value) => ir.Value, domain?: readonly [number, number]): Sample[] => [
  { fn: map([2, 3], f), ...(domain ? { domain } : {}) },
];
const binary = (
  f: (x: ir.Value, y: ir.Value) => ir.Value,
  domain?: readonly [number, number],
): Sample[] => [{ fn: zip([2, 3], [2, 3], f), ...(domain ? { domain } : {}) }];
const ids = (shape: readonly number[]) => tensor(shape, "int32");
const bits = tensor([3], "uint32");
const truths = tensor([3], "bool_");

export const double = func("double", { x: tensor([3]), y: tensor([3]) }, ({ x, y }) => [
  ir.multiply(x, y),
  ir.add(x, x),
]);
const cube: ir.CustomCalls = {
  cube: {
    interpret: ([x]) => [Array.from(x!.data, (v) => v ** 3)],
    gradient: ({ operands: [x], cotangent: g }) => [
      ir.multiply(ir.multiply(g, 3), ir.multiply(x!, x!)),
    ],
  },
};

export const samples = {
  parameter: unary((x) => x),
  constant: unary((x) => ir.add(x, ir.constant(tensor([2, 3]), [1, -2, 0.1, 4, 5, 1e-5]))),
  iota: unary((x) => ir.multiply(x, ir.iota([2, 3], 1, "float32"))),
  add: [...binary(ir.add), ...unary((x) => ir.add(x, x))],
  subtract: binary(ir.subtract),
  multiply: [...binary(ir.multiply), ...unary((x) => ir.multiply(x, x))],
  divide: binary(ir.divide, positive),
  maximum: [
    ...binary(ir.maximum),
    { fn: zip([2], [2], ir.maximum), given: { x: [0.5, 1], y: [0.5, 2] } },
  ],
  minimum: binary(ir.minimum),
  power: [
    ...binary(ir.power, positive),
    { fn: map([3], (x) => ir.power(x, 3)), given: { x: [-0.5, 0, 2] } },
  ],
  negate: unary(ir.negate),
  abs: unary(ir.abs),
  sign: unary(ir.sign),
  exponential: unary(ir.exponential),
  log: unary(ir.log, positive),
  sqrt: unary(ir.sqrt, positive),
  rsqrt: unary(ir.rsqrt, positive),
  tanh: unary(ir.tanh),
  logistic: unary(ir.logistic),
  sine: unary(ir.sine),
  cosine: unary(ir.cosine),
  and: [
    {
      fn: func("and", { a: bits, b: bits, p: truths }, ({ a, b, p }) => [
        ir.and(a, b),
        ir.and(p, p),
      ]),
      given: { a: [6, 1, 4294967295], b: [3, 2, 4294967295], p: [0, 1, 1] },
    },
  ],
  or: [
    {
      fn: func("or", { a: bits, b: bits }, ({ a, b }) => ir.or(a, b)),
      given: { a: [6, 1, 4294967295], b: [3, 2, 0] },
    },
  ],
  not: [
    {
      fn: func("not", { a: bits, p: truths }, ({ a, p }) => [ir.not(a), ir.not(p)]),
      given: { a: [6, 0, 4294967295], p: [0, 1, 1] },
    },
  ],
  compare: [{ fn: zip([3], [3], (x, y) => ir.compare(x, y, "LE")) }],
  select: [
    {
      fn: func("choose", { p: truths, x: tensor([3]), y: tensor([3]) }, ({ p, x, y }) =>
        ir.select(p, x, y),
      ),
      given: { p: [1, 0, 1] },
    },
    {
      fn: func("one", { p: tensor([], "bool_"), x: tensor([3]) }, ({ p, x }) => ir.select(p, x, 0)),
      given: { p: [1] },
    },
  ],
  convert: [
    ...unary((x) => ir.convert(ir.multiply(ir.convert(x, "bfloat16"), 2), "float32")),
    { fn: map([4], (x) => ir.convert(x, "int32")) },
  ],
  dot_general: [
    { fn: zip([2, 3], [3, 4], (x, y) => ir.matmul(x, y)) },
    {
      // Batching and contracting dimensions out of order on both sides.
      fn: zip([3, 2, 5, 4], [4, 2, 3, 2], (x, y) =>
        ir.dotGeneral(x, y, {
          batching: [[1], [3]],
          contracting: [
            [3, 0],
            [0, 2],
          ],
        }),
      ),
    },
    { fn: zip([2], [3], (x, y) => ir.dotGeneral(x, y, {})) },
    {
      fn: func(
        "mixed",
        { x: tensor([2, 3], "bfloat16"), y: tensor([3, 2], "bfloat16") },
        ({ x, y }) => ir.matmul(x, y, "float32"),
      ),
    },
  ],
  reduce: [
    { fn: map([2, 3, 4], (x) => ir.sum(x, [0, 2])) },
    { fn: map([2, 3, 2], (x) => ir.reduce(x, "maximum", [2, 0])) },
    { fn: map([2, 3], (x) => ir.reduce(x, "minimum")) },
    { fn: map([2, 5, 3], (x) => ir.reduce(x, "multiply", [2, 0])) },
    { fn: map([5], (x) => ir.reduce(x, "multiply")), given: { x: [2, 0, 3, 0.5, -1] } },
  ],
  broadcast_in_dim: [
    { fn: map([3, 1, 2], (x) => ir.broadcastInDim(x, [2, 4, 3, 5], [2, 1, 0])) },
    { fn: map([], (x) => ir.broadcastInDim(x, [2, 3])) },
  ],
  reshape: unary((x) => ir.reshape(x, [3, 1, 2])),
  transpose: [{ fn: map([2, 3, 4], (x) => ir.transpose(x, [2, 0, 1])) }],
  slice: [
    {
      fn: map([7, 3], (x) => ir.slice(x, { start: [1, 0], limit: [6, 2], strides: [2, 1] })),
    },
  ],
  concatenate: [{ fn: zip([2, 3], [2, 1], (x, y) => ir.concatenate([x, y, x], 1)) }],
  pad: [
    {
      fn: zip([3, 4], [], (x, y) => ir.pad(x, y, { low: [1, -1], high: [0, 2], interior: [2, 1] })),
    },
    { fn: zip([4], [], (x, y) => ir.pad(x, y, { low: [-2], high: [-3], interior: [1] })) },
  ],
  gather: [
    {
      fn: func("rows", { x: tensor([4, 3]), i: ids([2, 2]) }, ({ x, i }) => ir.takeRows(x, i)),
      given: { i: [3, 0, 3, 9] },
    },
    {
      fn: func("along", { x: tensor([3, 4]), i: ids([3, 2]) }, ({ x, i }) =>
        ir.takeAlongAxis(x, i, 1),
      ),
      given: { i: [0, 3, 2, 2, -1, 1] },
    },
    {
      fn: func("windows", { x: tensor([2, 3, 4, 2]), i: ids([2, 2, 3, 2]) }, ({ x, i }) =>
        ir.gather(x, i, {
          offsetDims: [3, 4],
          collapsedSliceDims: [1],
          operandBatchingDims: [0],
          startIndicesBatchingDims: [1],
          startIndexMap: [2, 1],
          indexVectorDim: 3,
          sliceSizes: [1, 1, 2, 2],
        }),
      ),
      given: {
        i: [0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 0, 9, 0, 0, 2, 1, 2, 2, 1, 2, 0, 1, 1, 0],
      },
    },
  ],
  scatter: [
    {
      fn: func("rows", { x: tensor([4, 3]), i: ids([3]), u: tensor([3, 3]) }, ({ x, i, u }) =>
        ir.addRows(x, i, u),
      ),
      given: { i: [1, 1, 7] },
    },
    {
      // Windows that hang over both edges.
      fn: func(
        "windows",
        { x: tensor([5, 2]), i: ids([3, 1]), u: tensor([2, 3, 2]) },
        ({ x, i, u }) =>
          ir.scatter(x, i, u, {
            updateWindowDims: [0, 2],
            scatterDimsToOperandDims: [0],
            indexVectorDim: 1,
            body: "add",
          }),
      ),
      given: { i: [-1, 4, 2] },
    },
    {
      fn: func(
        "write",
        { x: tensor([5]), i: tensor([3], "uint8"), u: tensor([3]) },
        ({ x, i, u }) =>
          ir.scatter(x, i, u, {
            insertedWindowDims: [0],
            scatterDimsToOperandDims: [0],
            indexVectorDim: 1,
            body: "update",
            uniqueIndices: true,
          }),
      ),
      given: { i: [4, 0, 200] },
    },
    {
      fn: func("batched", { x: tensor([2, 4]), i: ids([2, 3]), u: tensor([2, 3]) }, ({ x, i, u }) =>
        ir.scatter(x, i, u, {
          insertedWindowDims: [1],
          inputBatchingDims: [0],
          scatterIndicesBatchingDims: [0],
          scatterDimsToOperandDims: [1],
          indexVectorDim: 2,
          body: "add",
        }),
      ),
      given: { i: [0, 0, 3, 1, 2, 5] },
    },
  ],
  dynamic_slice: [
    {
      fn: func("window", { x: tensor([4, 5]), i: ids([]) }, ({ x, i }) =>
        ir.dynamicSlice(x, [i, 1], [2, 3]),
      ),
      given: { i: [9] },
    },
  ],
  dynamic_update_slice: [
    {
      fn: func("put", { x: tensor([4, 5]), u: tensor([2, 3]), i: ids([]) }, ({ x, u, i }) =>
        ir.dynamicUpdateSlice(x, u, [i, 2]),
      ),
      given: { i: [-3] },
    },
    { fn: zip([3], [3], (x, u) => ir.dynamicUpdateSlice(x, u, [0])) },
  ],
  rng_bit_generator: [
    {
      fn: func("bits", { s: tensor([4], "uint32") }, ({ s }) => {
        const { state, bits: random } = ir.rngBitGenerator(s, [3]);
        return [random, state];
      }),
      given: { s: [0, 0, 0, 0] },
    },
  ],
  // Twice with opposite signs, so that differences see what gradients see.
  stop_gradient: unary((x) => ir.add(x, ir.subtract(ir.stopGradient(x), ir.stopGradient(x)))),
  call: [
    { fn: zip([3], [3], (x, y) => ir.add(...(ir.call(double, [x, y]) as [ir.Value, ir.Value]))) },
    { fn: zip([3], [3], (x, y) => ir.call(double, [ir.call(double, [x, y])[0]!, y])[0]!) },
  ],
  custom_call: [
    {
      fn: map([3], (x) => ir.customCall("cube", [x], { results: [x.type] })[0]!),
      customCalls: cube,
    },
  ],
} as const satisfies Record<ir.OpName, readonly Sample[]>;

/** Every sample with the name of its operation. */
export const allSamples: readonly (readonly [string, Sample])[] = Object.entries(samples).flatMap(
  ([name, list]) =>
    (list as readonly Sample[]).map((s, i) => [i === 0 ? name : `${name} ${i + 1}`, s] as const),
);
