/** Reverse mode, IR to IR: cotangents flow from results to parameters through the gradient rule of every operation between. */
import { invariant, OpenTrnError } from "@opentrn/base";
import { functionOf, parameter } from "./build/calls.ts";
import { add } from "./build/elementwise.ts";
import { constantLike } from "./build/sources.ts";
import type { CustomCalls, GradientCall } from "./define.ts";
import {
  type Func,
  type Operation,
  operationsOf,
  parameterName,
  recordOf,
  type Value,
} from "./graph.ts";
import { cleanUp } from "./rewrite.ts";
import { atSite, siteHere } from "./site.ts";
import { isFloatType, printType, sameType } from "./types.ts";

export interface GradientOptions {
  /** Gradients of `custom_call` targets. */
  readonly customCalls?: CustomCalls;
}

export const gradientRules = {
  R1: "the differentiated result is a float scalar",
  R2: "derivatives are taken by float values",
  R3: "a parameter named in `wrt` is one of the function's",
} as const;

function stop(rule: keyof typeof gradientRules, why: string): never {
  throw new OpenTrnError(`gradient ${rule}: ${why}. Rule: ${gradientRules[rule]}.`, {
    category: "invalid program",
    rule: `gradient ${rule}`,
    at: siteHere().location,
  });
}

/** State of one differentiation: functions called more than once are differentiated once. */
class Reverse {
  private readonly pullbacks = new Map<Func, Map<string, Func>>();

  private readonly customCalls: CustomCalls;

  constructor(customCalls: CustomCalls) {
    this.customCalls = customCalls;
  }

  /** Cotangents of `wrt`, given those of `outputs`; undefined where nothing flows. */
  pull(
    outputs: readonly Value[],
    cotangents: readonly Value[],
    wrt: readonly Value[],
  ): readonly (Value | undefined)[] {
    const operations = operationsOf(outputs);
    const active = dependents(operations, wrt);
    const found = new Map<Value, Value>();
    const gain = (v: Value, g: Value): void => {
      const before = found.get(v);
      found.set(v, before ? add(before, g) : g);
    };
    outputs.forEach((v, i) => {
      gain(v, cotangents[i]!);
    });
    for (const op of operations.toReversed()) {
      const needs = op.operands.map((v) => active.has(v) && isFloatType(v.type));
      if (!needs.includes(true) || !op.results.some((v) => found.has(v))) continue;
      const given = op.results.map((v) => found.get(v));
      const passed = atSite(op.site, () => this.apply(op, given, needs));
      atSite(op.site, () => {
        op.operands.forEach((v, i) => {
          const g = passed[i];
          if (!g || !needs[i]) return;
          invariant(
            sameType(g.type, v.type),
            `the gradient of ${op.name} gives ${printType(g.type)} for operand ${i} of ${printType(v.type)}`,
          );
          gain(v, g);
        });
      });
    }
    return wrt.map((v) => found.get(v));
  }

  private apply(
    op: Operation,
    cotangents: readonly (Value | undefined)[],
    needs: readonly boolean[],
  ): readonly (Value | undefined)[] {
    const rule = recordOf(op.name).gradient;
    if (typeof rule !== "function") return [];
    const call: GradientCall = {
      op,
      operands: op.operands,
      results: op.results,
      attrs: op.attrs as never,
      cotangents,
      cotangent: cotangents[0]!,
      needs,
      customCalls: this.customCalls,
      pullbackOf: (fn, results, wrt) => this.pullbackOf(fn, results, wrt),
    };
    return rule(call);
  }

  /** @name_pullback(parameters, cotangents of `results`) -> cotangents of the parameters at `wrt`. It computes `fn` again. */
  private pullbackOf(fn: Func, results: readonly number[], wrt: readonly number[]): Func {
    const known = this.pullbacks.get(fn) ?? new Map<string, Func>();
    this.pullbacks.set(fn, known);
    const key = `${results.join()}/${wrt.join()}`;
    const before = known.get(key);
    if (before) return before;
    const outputs = results.map((i) => fn.results[i]!);
    const cotangents = outputs.map((v, i) => parameter(`cotangent.${results[i]}`, v.type));
    const by = wrt.map((i) => fn.params[i]!);
    const made = functionOf(
      `${fn.name}_pullback${known.size === 0 ? "" : `.${known.size}`}`,
      [...fn.params, ...cotangents],
      this.pull(outputs, cotangents, by).map((g, i) => g ?? constantLike(by[i]!, 0)),
    );
    const clean = cleanUp(made);
    known.set(key, clean);
    return clean;
  }
}

/** Values that depend on one of `wrt`, themselves included. */
function dependents(operations: readonly Operation[], wrt: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(wrt);
  for (const op of operations)
    if (op.operands.some((v) => active.has(v))) for (const v of op.results) active.add(v);
  return active;
}

/**
 * The derivatives of the float scalar `loss` by each of `wrt`, as values of the same graph, so that a training step is one function:
 * `const [dw] = gradients(loss, [w])`. Zeros where the loss does not depend on one.
 */
export function gradients(
  loss: Value,
  wrt: readonly Value[],
  options: GradientOptions = {},
): readonly Value[] {
  if (loss.type.shape.length > 0 || !isFloatType(loss.type))
    stop("R1", `the result is ${printType(loss.type)}; reduce it to a scalar`);
  return pullback([loss], [constantLike(loss, 1)], wrt, options);
}

/** Cotangents of `wrt` for given cotangents of `outputs` (a vector-Jacobian product); zeros where nothing flows. */
export function pullback(
  outputs: readonly Value[],
  cotangents: readonly Value[],
  wrt: readonly Value[],
  options: GradientOptions = {},
): readonly Value[] {
  for (const v of wrt)
    if (!isFloatType(v.type))
      stop("R2", `one of wrt is ${printType(v.type)}; convert it to a float`);
  return new Reverse(options.customCalls ?? {})
    .pull(outputs, cotangents, wrt)
    .map((g, i) => g ?? constantLike(wrt[i]!, 0));
}

/**
 * The function that takes the same parameters as `fn` and returns the results of `fn` followed by the derivatives of its first result
 * by the parameters named in `wrt` (all float ones unless said otherwise). Cleaned up.
 */
export function gradient(
  fn: Func,
  wrt: readonly string[] = fn.params.filter((v) => isFloatType(v.type)).map(parameterName),
  options: GradientOptions = {},
): Func {
  const by = wrt.map(
    (name) =>
      fn.params.find((v) => parameterName(v) === name) ??
      stop(
        "R3",
        `@${fn.name} has no parameter ${name}; it has ${fn.params.map(parameterName).join(", ")}`,
      ),
  );
  const loss = fn.results[0] ?? stop("R1", `@${fn.name} has no result`);
  const found = gradients(loss, by, options);
  return cleanUp(functionOf(`${fn.name}_gradient`, fn.params, [...fn.results, ...found]));
}
