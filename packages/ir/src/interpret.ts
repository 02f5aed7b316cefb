/** Runs a function: the reference meaning in fp32, or the oracle in float64. Values are dropped after their last use. */
import { OpenTrnError } from "@opentrn/base";
import type { CustomCalls } from "./define.ts";
import { type Func, type Operation, parameterName, recordOf, type Value } from "./graph.ts";
import { type Arithmetic, type Data, roundToStorage, type Tensor, tensorOf } from "./storage.ts";
import { printType, sameType } from "./types.ts";

export interface InterpretOptions {
  /** fp32 unless said otherwise. */
  readonly arithmetic?: Arithmetic;
  readonly customCalls?: CustomCalls;
  /** Called with every operation and its results, e.g. to find the first NaN. */
  readonly observe?: (op: Operation, results: readonly Tensor[]) => void;
}

/** One a parameter: a tensor, or its elements row-major. */
export type Inputs = Readonly<Record<string, Tensor | ArrayLike<number>>>;

/**
 * The results of `fn`. Inputs that are plain arrays round to the parameter's type as a store does. Stops with `bad input` when an
 * input is missing, unknown or of the wrong type or size.
 */
export function interpret(
  fn: Func,
  inputs: Inputs,
  options: InterpretOptions = {},
): readonly Tensor[] {
  const names = fn.params.map(parameterName);
  const unknown = Object.keys(inputs).find((n) => !names.includes(n));
  if (unknown !== undefined) inputFault(fn, `there is no parameter ${unknown}`);
  const arithmetic = options.arithmetic ?? "fp32";
  const tensors = fn.params.map(({ type }, i) => {
    const given = inputs[names[i]!];
    if (given === undefined) return inputFault(fn, `${names[i]} is missing`);
    if (!("type" in given)) return tensorOf(type, given, arithmetic);
    if (!sameType(given.type, type))
      return inputFault(fn, `${names[i]} is ${printType(given.type)}, takes ${printType(type)}`);
    return tensorOf(type, given.data, arithmetic);
  });
  return run(fn, tensors, options);
}

const inputFault = (fn: Func, why: string): never => {
  throw new OpenTrnError(
    `@${fn.name}: ${why}; its parameters are ${fn.params.map((v) => `${parameterName(v)}: ${printType(v.type)}`).join(", ") || "none"}`,
    { category: "bad input" },
  );
};

function run(fn: Func, inputs: readonly Tensor[], options: InterpretOptions): readonly Tensor[] {
  const arithmetic = options.arithmetic ?? "fp32";
  const values = new Map<Value, Data>(fn.params.map((v, i) => [v, inputs[i]!.data]));
  const dies = lastUses(fn);
  for (const [i, op] of fn.body.entries()) {
    const record = recordOf(op.name);
    const results = record.evaluate(
      op.operands.map((v) => values.get(v)!),
      {
        operands: op.operands.map((v) => v.type),
        attrs: op.attrs,
        results: op.results.map((v) => v.type),
        arithmetic,
        customCalls: options.customCalls ?? {},
        run: (callee, args) => run(callee, args, options),
      },
    );
    for (const [k, v] of op.results.entries()) {
      if (!record.moves) roundToStorage(results[k]!, v.type.dtype, arithmetic);
      values.set(v, results[k]!);
    }
    options.observe?.(
      op,
      op.results.map((v, k) => ({ type: v.type, data: results[k]! })),
    );
    for (const v of dies[i]!) values.delete(v);
  }
  return fn.results.map((v) => ({ type: v.type, data: values.get(v)! }));
}

/** For every operation of the body, the values that nothing after it needs. */
function lastUses(fn: Func): readonly (readonly Value[])[] {
  const kept = new Set<Value>(fn.results);
  const dies: Value[][] = [];
  for (let i = fn.body.length - 1; i >= 0; i--) {
    const { operands, results } = fn.body[i]!;
    const here: Value[] = [];
    for (const v of [...operands, ...results]) {
      if (kept.has(v)) continue;
      kept.add(v);
      here.push(v);
    }
    dies[i] = here;
  }
  return dies;
}
