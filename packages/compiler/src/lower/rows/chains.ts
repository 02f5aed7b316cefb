/**
 * Chains of operations that one instruction carries out: two scalar steps, a scalar step and a tile, an activation of scale * x + bias, a
 * result written in the type it is converted to, sums of rows on the side. Only values of fp32 that are used once disappear in a chain,
 * so every rounding stays where the interpreter has it.
 */
import type { Operation, Value } from "@opentrn/ir";
import { type ActivationName, type AluName, isFloat } from "@opentrn/numerics";
import type { Direction } from "./discrete-ops.ts";
import type { Evaluator } from "./evaluate.ts";
import { comparisons } from "./float-ops.ts";
import { activation, scalarTensorTensor, squared, tensorScalar } from "./instructions.ts";
import { isWide } from "./integer-ops.ts";
import { nameOf } from "./supported.ts";
import { type Arg, isTile, type Tile } from "./tile.ts";

/** Carries the operation out with others, or not at all. */
export type Chain = (e: Evaluator, op: Operation) => Tile | undefined;

const aluOf = {
  add: "add",
  subtract: "subtract",
  multiply: "multiply",
  maximum: "maximum",
  minimum: "minimum",
} as const satisfies Record<string, AluName>;

/** A step with a number or one value a partition beside the tile. */
interface ScalarStep {
  readonly op: Operation;
  readonly alu: AluName;
  readonly x: Value;
  /** A value of one element a partition, a number, or nothing. */
  readonly by: Value | number | undefined;
  readonly reverse: boolean;
}

/** The ALU operation of a comparison that fp32 decides. */
function comparison(e: Evaluator, op: Operation): AluName | undefined {
  if (op.name !== "compare") return undefined;
  const [a, b] = op.operands as [Value, Value];
  const exact = !isWide(a.type.dtype) || e.isSmall(a) || e.isSmall(b);
  return exact ? comparisons[op.attrs["comparison_direction"] as Direction] : undefined;
}

/** The operation as a scalar step, if it is one. */
function scalarStep(e: Evaluator, op: Operation): ScalarStep | undefined {
  const [a, b] = op.operands;
  if (op.name === "negate") return { op, alu: "multiply", x: a!, by: -1, reverse: false };
  if (op.name === "abs") return { op, alu: "abs", x: a!, by: undefined, reverse: false };
  const alu = aluOf[op.name as keyof typeof aluOf] ?? comparison(e, op);
  if (!alu) return undefined;
  if (e.isOperand(b!) && !e.isOperand(a!)) return { op, alu, x: a!, by: b!, reverse: false };
  if (e.isOperand(a!) && !e.isOperand(b!)) return { op, alu, x: b!, by: a!, reverse: true };
  return undefined;
}

/** The operation that makes the value, if it is an fp32 value, or a truth value as one, of one use that nothing holds. */
function absorbed(e: Evaluator, v: Value): Operation | undefined {
  const s = e.strip(v);
  return e.isComputed(s) &&
    (s.type.dtype === "float32" || s.op.name === "compare") &&
    e.uses(s) === 1 &&
    !e.has(s) &&
    !e.wantsSum(s)
    ? s.op
    : undefined;
}

const innerStep = (e: Evaluator, v: Value): ScalarStep | undefined => {
  const op = absorbed(e, v);
  return op && scalarStep(e, op);
};

/** The number or tile that a step has beside its tile. */
const besideOf = (e: Evaluator, by: Value | number | undefined): Arg | undefined =>
  by === undefined || typeof by === "number" ? by : e.take(by);

/** Ends the uses of all operations of a chain, the outer ones first. */
const finish = (e: Evaluator, ...ops: readonly Operation[]): void => {
  for (const op of ops) e.finish(op);
};

const isFloatResult = (op: Operation): boolean => isFloat(op.results[0]!.type.dtype);

/** (x op0 a) op1 b. */
const twoSteps: Chain = (e, op) => {
  const second = scalarStep(e, op);
  const first = second && isFloatResult(op) ? innerStep(e, second.x) : undefined;
  if (!first || !second) return undefined;
  const [x, a, b] = [e.tile(first.x), besideOf(e, first.by), besideOf(e, second.by)];
  const dst = e.result(op);
  tensorScalar(e.site, dst, x, first.alu, a, first.reverse, {
    op: second.alu,
    value: b,
    reverse: second.reverse,
  });
  finish(e, op, first.op);
  return dst;
};

/** (x op0 a) op1 y. */
const stepAndTile: Chain = (e, op) => {
  const alu = aluOf[op.name as keyof typeof aluOf] as AluName | undefined;
  const [p, q] = op.operands;
  if (!alu || !isFloatResult(op) || e.isOperand(p!) || e.isOperand(q!)) return undefined;
  if (e.strip(p!) === e.strip(q!)) return undefined;
  const left = innerStep(e, p!);
  const first = left ?? innerStep(e, q!);
  if (first?.by === undefined) return undefined;
  const other = e.tile(left ? q! : p!);
  const [x, a] = [e.tile(first.x), besideOf(e, first.by)!];
  const dst = e.result(op);
  scalarTensorTensor(
    e.site,
    dst,
    x,
    { op: first.alu, value: a, reverse: first.reverse },
    { op: alu, other, reverse: !left },
  );
  finish(e, op, first.op);
  return dst;
};

const functions: Readonly<Record<string, ActivationName>> = {
  exponential: "exp",
  log: "log",
  sqrt: "sqrt",
  tanh: "tanh",
  logistic: "sigmoid",
  sine: "sin",
  sign: "sign",
  silu: "silu",
  silu_derivative: "silu_dx",
  gelu_tanh: "gelu_apprx_tanh",
};

/** What is left of a function's operand when scale and bias are taken off. */
interface Scaled {
  readonly x: Value;
  readonly scale?: Value | number;
  readonly bias?: Value | number;
  /** The bias is subtracted. */
  readonly minus?: boolean;
  readonly ops: readonly Operation[];
}

function scaled(e: Evaluator, v: Value): Scaled {
  const last = innerStep(e, v);
  if (!last || last.by === undefined) return { x: v, ops: [] };
  const { x, by, op } = last;
  if (last.alu === "multiply") return { x, scale: by, ops: [op] };
  if (last.alu === "subtract" && last.reverse) return { x, scale: -1, bias: by, ops: [op] };
  if (last.alu !== "add" && last.alu !== "subtract") return { x: v, ops: [] };
  const minus = last.alu === "subtract";
  const first = innerStep(e, x);
  return first?.alu === "multiply" && first.by !== undefined
    ? { x: first.x, scale: first.by, bias: by, minus, ops: [op, first.op] }
    : { x, bias: by, minus, ops: [op] };
}

/** -b of one value a partition or a number. */
function negated(e: Evaluator, v: Value | number, b: Arg): Arg {
  if (!isTile(b) || typeof v === "number") return -(b as number);
  return e.negative(v, (out) => {
    tensorScalar(e.site, out, b, "multiply", -1);
  });
}

/** f(x * scale + bias), with the sums of the rows where they are wanted. */
const functionOf: Chain = (e, op) => {
  const f = functions[nameOf(op)];
  const [v] = op.results;
  if (!f || e.isOperand(v!)) return undefined;
  const { x, scale, bias, minus, ops } = scaled(e, op.operands[0]!);
  const data = e.tile(x);
  const by = besideOf(e, scale);
  const plus = besideOf(e, bias);
  const dst = e.result(op);
  const sums = e.sumBeside(v!, dst);
  activation(e.site, dst, data, f, {
    ...(by === undefined ? {} : { scale: by }),
    ...(plus === undefined ? {} : { bias: minus ? negated(e, bias!, plus) : plus }),
    ...(sums ? { sums } : {}),
  });
  finish(e, op, ...ops);
  return dst;
};

/** x * x: on ScalarE where its sum is wanted, which then comes with it; else where there is time. */
const square: Chain = (e, op) => {
  const [a, b] = op.operands;
  const [v] = op.results;
  if (op.name !== "multiply" || e.strip(a!) !== e.strip(b!) || !isFloatResult(op)) return undefined;
  const summed = e.wantsSum(v!);
  if (e.isOperand(v!)) return undefined;
  const data = e.tile(a!);
  const dst = e.result(op);
  const sums = summed ? e.sumBeside(v!, dst) : undefined;
  if (sums) activation(e.site, dst, data, "square", { sums });
  else squared(e.site, dst, data);
  finish(e, op);
  return dst;
};

/** A conversion of a value that nothing else needs: the value is written in that type. */
const writtenNarrow: Chain = (e, op) => {
  if (op.name !== "convert" || !isFloatResult(op)) return undefined;
  const [y] = op.results;
  const s = e.strip(op.operands[0]!);
  const made = e.isComputed(s) && s.type.dtype === "float32" && e.uses(s) === 1 && !e.has(s);
  if (!made || !writesOnce.has(nameOf(s.op)) || e.varies(s) !== e.varies(y!)) return undefined;
  const tile = e.computeAs(s.op, y!);
  finish(e, op);
  return tile;
};

/** Operations that round their result once, on writing it. */
const writesOnce = new Set([
  ...Object.keys(aluOf),
  ...Object.keys(functions),
  "negate",
  "abs",
  "divide",
  "rsqrt",
  "power",
  "cosine",
]);

export const chains: readonly Chain[] = [writtenNarrow, square, functionOf, twoSteps, stepAndTile];
