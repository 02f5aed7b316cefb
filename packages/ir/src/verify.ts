/** Checks a function as a whole: what builders and parser guarantee, and hand-made or rewritten functions may break. */
import { OpenTrnError } from "@opentrn/base";
import { checkCall } from "./general-rules.ts";
import { type Func, type Operation, parameterName, recordOf, type Value } from "./graph.ts";
import { printType, sameType } from "./types.ts";

export const functionRules = {
  V1: "every operand is a parameter or a result of an operation above",
  V2: "results have the types that their operation gives",
  V3: "parameters are parameter operations of different names",
  V4: "every returned value is a parameter or a result of the body",
  V5: "no operation stands in the body twice, and no parameter does",
  V6: "functions called have different names, also from the caller's",
} as const;
export type FunctionRule = keyof typeof functionRules;

function stop(fn: Func, rule: FunctionRule, why: string, op?: Operation): never {
  throw new OpenTrnError(`@${fn.name} ${rule}: ${why}. Rule: ${functionRules[rule]}.`, {
    category: "invalid program",
    rule: `function ${rule}`,
    at: op?.site.location,
  });
}

/** Stops with the first broken rule of `fn`, of its operations, or of the functions it calls. */
export function verify(fn: Func): void {
  const names = new Map<string, Func>();
  const visit = (f: Func): void => {
    const known = names.get(f.name);
    if (known === f) return;
    if (known) stop(f, "V6", `another function is called @${f.name} too; rename one`);
    names.set(f.name, f);
    verifyOne(f);
    for (const op of f.body) if (op.name === "call") visit(op.attrs["callee"] as Func);
  };
  visit(fn);
}

function verifyOne(fn: Func): void {
  const defined = new Set<Value>();
  const seen = new Set<Operation>();
  const names = new Set<string>();
  for (const p of fn.params) {
    if (p.op.name !== "parameter") stop(fn, "V3", `a parameter is made by ${p.op.name}`, p.op);
    if (names.has(parameterName(p))) stop(fn, "V3", `%${parameterName(p)} is there twice`, p.op);
    names.add(parameterName(p));
    defined.add(p);
  }
  for (const op of fn.body) {
    if (seen.has(op) || op.name === "parameter")
      stop(fn, "V5", `${op.name} stands in the body ${seen.has(op) ? "twice" : ""}`.trim(), op);
    seen.add(op);
    for (const [i, v] of op.operands.entries())
      if (!defined.has(v))
        stop(
          fn,
          "V1",
          v.op.name === "parameter"
            ? `${op.name} uses %${parameterName(v)}, a parameter of another function; pass it in`
            : `operand ${i} of ${op.name} is made by ${v.op.name}, which is not above`,
          op,
        );
    verifyTypes(fn, op);
    for (const v of op.results) defined.add(v);
  }
  for (const v of fn.results)
    if (!defined.has(v)) stop(fn, "V4", `it returns a result of ${v.op.name} from elsewhere`, v.op);
}

function verifyTypes(fn: Func, op: Operation): void {
  const record = recordOf(op.name);
  const call = { operands: op.operands.map((v) => v.type), attrs: op.attrs };
  checkCall(record, call, op.site);
  const types = record.infer(call);
  const wrong = op.results.findIndex((v, i) => !types[i] || !sameType(v.type, types[i]));
  if (types.length !== op.results.length || wrong >= 0)
    stop(
      fn,
      "V2",
      `${op.name} gives ${types.map(printType).join(", ")}, its results are ${op.results.map((v) => printType(v.type)).join(", ")}`,
      op,
    );
}
