/** All composites, what they mean to interpreter and reverse mode, and their replacement by primitive operations. */
import { OpenTrnError } from "@opentrn/base";
import { call, functionOf, parameter } from "../build/calls.ts";
import type { CustomCall, CustomCalls, GradientCall } from "../define.ts";
import { emitAny, type Func, type Operation, parameterName, type Value } from "../graph.ts";
import { interpret } from "../interpret.ts";
import { rewrite } from "../rewrite.ts";
import { siteHere } from "../site.ts";
import { isFloatType, printType, sameType, type TensorType } from "../types.ts";
import { activationComposites } from "./activations.ts";
import { allReduceComposite } from "./all-reduce.ts";
import { attention } from "./attention.ts";
import { attentionBackward } from "./attention-backward.ts";
import { attentionCached } from "./attention-cached.ts";
import { breaks, type Composite, printTypes } from "./define.ts";

export const composites = {
  attention,
  attention_backward: attentionBackward,
  attention_cached: attentionCached,
  all_reduce: allReduceComposite,
  ...activationComposites,
} as const satisfies Record<string, Composite>;
export type CompositeName = keyof typeof composites;

/** The composite that an operation calls; undefined for every other operation. */
export function compositeName(op: Operation): CompositeName | undefined {
  const target = op.attrs["call_target_name"];
  return op.name === "custom_call" &&
    typeof target === "string" &&
    Object.hasOwn(composites, target)
    ? (target as CompositeName)
    : undefined;
}

const known = new Map<string, Func>();

/** A composite as a function of primitive operations; rule C0: declared result types are those it has. */
export function decompositionOf(
  name: CompositeName,
  operands: readonly TensorType[],
  config: string,
  results?: readonly TensorType[],
): Func {
  const composite: Composite = composites[name];
  const types = composite.infer(operands, config);
  if (
    results &&
    !(results.length === types.length && types.every((t, i) => sameType(t, results[i]!)))
  )
    breaks(
      name,
      "C0",
      `the results of these operands are ${printTypes(types)}`,
      `${printTypes(results)} are declared`,
    );
  const key = `${name} ${config} ${operands.map(printType).join()}`;
  const before = known.get(key);
  if (before) return before;
  const params = operands.map((t, i) => parameter(`x${i}`, t));
  const made = functionOf(name, params, composite.decompose(params, config));
  known.set(key, made);
  return made;
}

const callOf = (name: CompositeName): CustomCall => {
  const composite: Composite = composites[name];
  const why = composite.notDifferentiable;
  return {
    interpret: (inputs, { config, results, arithmetic }) => {
      const fn = decompositionOf(
        name,
        inputs.map((x) => x.type),
        config,
        results,
      );
      const named = Object.fromEntries(fn.params.map((v, i) => [parameterName(v), inputs[i]!]));
      return interpret(fn, named, { arithmetic }).map((t) => t.data);
    },
    gradient: (rule) => {
      if (why !== undefined)
        throw new OpenTrnError(`${name} has no gradient: ${why}; use attention to train`, {
          category: "unsupported here",
          rule: `${name} gradient`,
          at: siteHere().location,
        });
      return composite.gradient?.(rule) ?? throughDecomposition(name, rule);
    },
  };
};

/** The cotangents by reverse mode of the decomposition, which is computed again. */
function throughDecomposition(
  name: CompositeName,
  { operands, attrs, cotangents, needs, pullbackOf }: GradientCall,
): readonly (Value | undefined)[] {
  const fn = decompositionOf(
    name,
    operands.map((v) => v.type),
    String(attrs["backend_config"]),
  );
  const wrt = operands.flatMap((v, i) => (needs[i] && isFloatType(v.type) ? [i] : []));
  const given = cotangents.flatMap((g, i) => (g ? [i] : []));
  const found = call(pullbackOf(fn, given, wrt), [
    ...operands,
    ...given.map((i) => cotangents[i]!),
  ]);
  return operands.map((_, i) => found[wrt.indexOf(i)]);
}

/** Meaning and gradient of every composite, for `interpret`, `gradients` and `pullback`: `{ customCalls: compositeCalls }`. */
export const compositeCalls: CustomCalls = Object.fromEntries(
  (Object.keys(composites) as CompositeName[]).map((name) => [name, callOf(name)]),
);

/** The function with every composite replaced by its decomposition, in called functions too. */
export function decompose(fn: Func): Func {
  const done = new Map<Func, Func>();
  const decomposed = (f: Func): Func => {
    const before = done.get(f);
    if (before) return before;
    const made = rewrite(f, (op, operands) => {
      if (op.name === "call") return call(decomposed(op.attrs["callee"] as Func), operands);
      const name = compositeName(op);
      return name && inlined(name, op, operands);
    });
    done.set(f, made);
    return made;
  };
  return decomposed(fn);
}

function inlined(name: CompositeName, op: Operation, operands: readonly Value[]): readonly Value[] {
  const fn = decompositionOf(
    name,
    operands.map((v) => v.type),
    String(op.attrs["backend_config"]),
    op.results.map((v) => v.type),
  );
  const now = new Map<Value, Value>(fn.params.map((v, i) => [v, operands[i]!]));
  const here = (v: Value): Value => now.get(v) ?? v;
  for (const inner of fn.body)
    emitAny(inner.name, inner.operands.map(here), inner.attrs).forEach((v, i) => {
      now.set(inner.results[i]!, v);
    });
  return fn.results.map(here);
}
