/**
 * Element-by-element operations on floats. Engines compute in fp32 and round once on writing, as the interpreter does; functions are the
 * chip's own, which the interpreter shares. Where an operation has no instruction of its own, bounds.ts states what its steps cost.
 */
import { records } from "@opentrn/isa";
import type { ActivationName, AluName } from "@opentrn/numerics";
import { activation, outOfPsum, tensorScalar, tensorTensor } from "./instructions.ts";
import type { Site } from "./site.ts";
import { type Arg, countsOf, freeOf, inDims, isColumn, isTile, type Tile } from "./tile.ts";

/** Writes op(args) to dst. */
export type Write = (site: Site, dst: Tile, args: readonly Arg[]) => void;

/** A tile of an argument; numbers become one value a partition. */
export const asTile = (site: Site, a: Arg, like: Tile): Tile =>
  isTile(a) ? a : site.fixed(a, "float32", countsOf(like)[0]!);

/** Whether it can be the scalar side of an instruction that writes `dst`. */
const besides = (a: Arg, dst: Tile): boolean => !isTile(a) || (isColumn(a) && freeOf(dst) > 1);

/** A two-operand ALU operation. */
export const alu =
  (op: AluName): Write =>
  (site, dst, [a, b]) => {
    if (besides(b!, dst)) tensorScalar(site, dst, asTile(site, a!, dst), op, b!);
    else if (besides(a!, dst)) tensorScalar(site, dst, b as Tile, op, a!, true);
    else tensorTensor(site, dst, a as Tile, b as Tile, op);
  };

const unaryAlu =
  (op: AluName, value?: number): Write =>
  (site, dst, [a]) =>
    tensorScalar(site, dst, asTile(site, a!, dst), op, value);

const fn =
  (op: ActivationName): Write =>
  (site, dst, [a]) =>
    activation(site, dst, asTile(site, a!, dst), op);

/** Elements from which on ScalarE's table pays off against VectorE's eight cycles an element. */
const FEW = 32;

/** 1 / x. */
export const reciprocal: Write = (site, dst, [a]) => {
  const x = asTile(site, a!, dst);
  if (freeOf(dst) > FEW) {
    activation(site, dst, x, "reciprocal");
    return;
  }
  inDims([dst.view, x.view], ([d, v]) => {
    site.engines.run([
      {
        engine: "vector",
        ns: site.engines.plain("vector", d!, false, 8),
        emit: () => site.emit.emit(records.reciprocal, { dst: d!, data: v! }),
      },
    ]);
  });
};

/** x / y as x times 1 / y: two roundings beyond the quotient's own. */
const divide: Write = (site, dst, [a, b]) => {
  if (!isTile(b!)) {
    tensorScalar(site, dst, asTile(site, a!, dst), "multiply", Math.fround(1 / b!));
    return;
  }
  if (a === 1) {
    reciprocal(site, dst, [b]);
    return;
  }
  const inverse = site.scratch("float32", countsOf(b));
  reciprocal(site, inverse, [b]);
  alu("multiply")(site, dst, [a!, inverse]);
};

/** 1 / sqrt(x): on GpSimd where that is short, so that ScalarE keeps its table. */
const rsqrt: Write = (site, dst, [a]) => {
  const x = asTile(site, a!, dst);
  if (freeOf(dst) > FEW || x.view.space === "psum") {
    activation(site, dst, x, "rsqrt");
    return;
  }
  inDims([dst.view, x.view], ([d, v]) => {
    site.engines.run([
      {
        engine: "gpsimd",
        ns: site.engines.plain("gpsimd", d!, false, 4),
        emit: () =>
          site.emit.emit(
            records.tensorScalar,
            { dst: d!, data: v! },
            { op0: "rsqrt", engine: "gpsimd" },
          ),
      },
    ]);
  });
};

/** 1 - 2 sin^2(x / 2). */
const cosine: Write = (site, dst, [a]) => {
  const half = site.scratch("float32", countsOf(dst));
  activation(site, half, asTile(site, a!, dst), "sin", { scale: 0.5 });
  tensorTensor(site, half, half, half, "multiply");
  tensorScalar(site, dst, half, "multiply", -2, false, { op: "add", value: 1 });
};

/** s (1 + (1 - s) w) with s = logistic(x (a + a c x^2)) and w = x (a + 3 a c x^2): two functions, the rest on VectorE and GpSimd. */
const geluTanhDerivative: Write = (site, dst, [a]) => {
  const x = outOfPsum(site, asTile(site, a!, dst));
  const [scale, cubic] = [2 * Math.sqrt(2 / Math.PI), 0.044715];
  const counts = countsOf(dst);
  const [square, s, w] = ["float32", "float32", "float32"].map((d) =>
    site.scratch(d as "float32", counts),
  ) as [Tile, Tile, Tile];
  activation(site, square, x, "square");
  tensorScalar(site, s, square, "multiply", scale * cubic, false, { op: "add", value: scale });
  tensorTensor(site, s, s, x, "multiply");
  activation(site, s, s, "sigmoid");
  tensorScalar(site, w, square, "multiply", 3 * scale * cubic, false, { op: "add", value: scale });
  tensorTensor(site, w, w, x, "multiply");
  tensorScalar(site, square, s, "multiply", -1, false, { op: "add", value: 1 });
  tensorTensor(site, w, w, square, "multiply");
  tensorScalar(site, w, w, "add", 1);
  tensorTensor(site, dst, w, s, "multiply");
};

const power: Write = (site, dst, [a, b]) => {
  const [x, y] = [a!, b!].map((v) => outOfPsum(site, asTile(site, v, dst))) as [Tile, Tile];
  tensorTensor(site, dst, x, y, "power");
};

export const floatOps: Readonly<Record<string, Write>> = {
  add: alu("add"),
  subtract: alu("subtract"),
  multiply: alu("multiply"),
  maximum: alu("maximum"),
  minimum: alu("minimum"),
  divide,
  power,
  negate: unaryAlu("multiply", -1),
  abs: unaryAlu("abs"),
  sign: fn("sign"),
  exponential: fn("exp"),
  log: fn("log"),
  sqrt: fn("sqrt"),
  rsqrt,
  tanh: fn("tanh"),
  logistic: fn("sigmoid"),
  sine: fn("sin"),
  cosine,
  silu: fn("silu"),
  silu_derivative: fn("silu_dx"),
  gelu_tanh: fn("gelu_apprx_tanh"),
  gelu_tanh_derivative: geluTanhDerivative,
};

/** ALU operations of comparisons. */
export const comparisons = {
  EQ: "equal",
  NE: "not_equal",
  GE: "greater_equal",
  GT: "greater",
  LE: "less_equal",
  LT: "less",
} as const satisfies Record<string, AluName>;
