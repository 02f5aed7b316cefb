/** call: another function of the IR. custom_call: something opaque with a name, such as an NKI kernel. */
import { OpenTrnError } from "@opentrn/base";
import { call as build } from "../build/calls.ts";
import { operation } from "../define.ts";
import { tensorOf } from "../storage.ts";
import { isFloatType, printType, sameType } from "../types.ts";

export const call = operation({
  name: "call",
  summary: "The results of a function. A layer that repeats is one function called often.",
  operands: [{ name: "inputs", takes: "any", variadic: true }],
  attrs: { callee: { kind: "function" } },
  constraints: {
    C1: {
      says: "the operands have the types of the function's parameters",
      broken: ({ operands, attrs: { callee } }) => {
        const types = callee.params.map((v) => v.type);
        return types.length === operands.length && types.every((t, i) => sameType(t, operands[i]!))
          ? undefined
          : `@${callee.name} takes (${types.map(printType).join(", ")}), (${operands.map(printType).join(", ")}) was given`;
      },
    },
  },
  infer: ({ attrs: { callee } }) => callee.results.map((v) => v.type),
  evaluate: (inputs, { attrs: { callee }, operands, run }) =>
    run(
      callee,
      inputs.map((data, i) => ({ type: operands[i]!, data })),
    ).map((t) => t.data),
  moves: true,
  gradient: ({ operands, results, attrs: { callee }, cotangents, needs, pullbackOf }) => {
    const wrt = operands.flatMap((v, i) => (needs[i] && isFloatType(v.type) ? [i] : []));
    const given = results.flatMap((_, i) => (cotangents[i] ? [i] : []));
    const gradient = pullbackOf(callee, given, wrt);
    const found = build(gradient, [...operands, ...given.map((i) => cotangents[i]!)]);
    return operands.map((_, i) => found[wrt.indexOf(i)]);
  },
});

export const customCall = operation({
  name: "custom_call",
  summary:
    "A named computation from outside; its meaning and gradient are registered with whoever needs them.",
  differs: "the result types are given; no layouts, aliases or side effects",
  operands: [{ name: "inputs", takes: "any", variadic: true }],
  attrs: {
    call_target_name: { kind: "string" },
    backend_config: { kind: "string", default: "" },
    types: { kind: "types" },
  },
  constraints: {
    C1: {
      says: "it has at least one result",
      broken: ({ attrs: { types } }) =>
        types.length > 0 ? undefined : "there is none, and nothing could use the call",
    },
    C2: {
      says: "the target has a name",
      broken: ({ attrs: { call_target_name: name } }) =>
        name === "" ? 'call_target_name is ""' : undefined,
    },
  },
  infer: ({ attrs: { types } }) => types,
  evaluate: (inputs, { attrs: a, operands, results, arithmetic, customCalls }) => {
    const target = customCalls[a.call_target_name];
    if (!target?.interpret)
      throw new OpenTrnError(
        `custom_call ${a.call_target_name} has no interpretation; pass customCalls: { ${a.call_target_name}: { interpret } }`,
        { category: "unsupported here", rule: "custom_call interpret" },
      );
    const made = target.interpret(
      inputs.map((data, i) => ({ type: operands[i]!, data })),
      { config: a.backend_config, results, arithmetic },
    );
    if (made.length !== results.length)
      throw new OpenTrnError(
        `custom_call ${a.call_target_name}: its interpretation gave ${made.length} results, ${results.length} are declared`,
        { category: "bad input", rule: "custom_call interpret" },
      );
    return results.map((type, i) => tensorOf(type, made[i]!, arithmetic).data);
  },
  gradient: (rule) => {
    const name = rule.attrs.call_target_name;
    const gradient = rule.customCalls[name]?.gradient;
    if (!gradient)
      throw new OpenTrnError(
        `custom_call ${name} lies between a result and what it is differentiated by, and has no gradient; pass customCalls: { ${name}: { gradient } }`,
        { category: "unsupported here", rule: "custom_call gradient", at: rule.op.site.location },
      );
    return gradient(rule as never);
  },
});
