/** Reads the text form of print.ts. Every operation is built anew, so that a text with a broken rule stops at its line. */
import { OpenTrnError } from "@opentrn/base";
import { attrTextOf } from "./attr-text.ts";
import { functionOf, parameter } from "./build/calls.ts";
import type { AttrSpec } from "./define.ts";
import { emitAny, type Func, isOpName, type Operation, recordOf, type Value } from "./graph.ts";
import { Scanner } from "./scan.ts";
import { atSite, Site } from "./site.ts";
import { elementTypeNamed, printType, sameType, type TensorType } from "./types.ts";

/** The last function of the text; `file` names it in errors. */
export function parse(text: string, file = "text"): Func {
  const functions = parseAll(text, file);
  const last = functions.at(-1);
  if (last) return last;
  throw new OpenTrnError(`${file} has no function; it starts with func @name(...)`, {
    category: "bad input",
    at: { file, line: 1 },
  });
}

/** Every function of the text, in order; a function may call those before it. */
export function parseAll(text: string, file = "text"): readonly Func[] {
  const s = new Scanner(text, file);
  const functions = new Map<string, Func>();
  while (!s.atEnd()) {
    const fn = parseFunction(s, functions, file);
    if (functions.has(fn.name)) s.fail(`function @${fn.name} is there twice; rename one`);
    functions.set(fn.name, fn);
  }
  return [...functions.values()];
}

function parseType(s: Scanner): TensorType {
  s.take("tensor<");
  const parts = s.match(/[\w]+/, "a shape and element type, like 2x3xf32").split("x");
  s.take(">");
  const name = parts.pop()!;
  const dtype = elementTypeNamed(name) ?? s.fail(`${name} is no element type; f32 and i1 are`);
  const shape = parts.map((p) =>
    /^\d+$/.test(p) ? Number(p) : s.fail(`${p} is no dimension; write a whole number`),
  );
  return { shape, dtype };
}

const parseTypes = (s: Scanner): readonly TensorType[] => s.separated(() => parseType(s));

function parseFunction(s: Scanner, functions: ReadonlyMap<string, Func>, file: string): Func {
  s.take("func");
  s.take("@");
  const name = s.match(/[\w.]+/, "a name");
  const values = new Map<string, Value>();
  const define = (id: string, value: Value): void => {
    if (values.has(id)) s.fail(`%${id} is defined twice; rename one`);
    values.set(id, value);
  };
  const here = <T>(build: () => T): T => atSite(new Site({ file, line: s.line }), build);
  const refer = (): Value => {
    const id = s.value();
    return values.get(id) ?? s.fail(`%${id} is not defined above`);
  };
  const params = s.list("(", ")", () => {
    const id = s.value();
    s.take(":");
    const type = parseType(s);
    const param = here(() => parameter(id, type));
    define(id, param);
    return param;
  });
  s.take("->");
  const types = s.list("(", ")", () => parseType(s));
  s.take("{");
  const body: Operation[] = [];
  while (!s.tryTake("return")) {
    const ids = s.separated(() => s.value());
    s.take("=");
    const made = here(() => parseOperation(s, refer, functions));
    if (made.length !== ids.length)
      s.fail(`${ids.length} names for ${made.length} results of ${made[0]!.op.name}`);
    ids.forEach((id, i) => {
      define(id, made[i]!);
    });
    body.push(made[0]!.op);
  }
  const results = s.peek("%") ? s.separated(refer) : [];
  const wrong = results.findIndex((v, i) => !types[i] || !sameType(v.type, types[i]));
  if (results.length !== types.length || wrong >= 0)
    s.fail(
      `@${name} returns (${results.map((v) => printType(v.type)).join(", ")}), its signature says (${types.map(printType).join(", ")})`,
    );
  s.take("}");
  return { ...functionOf(name, params, results), body };
}

/** `op operands {attributes} : types`. */
function parseOperation(
  s: Scanner,
  refer: () => Value,
  functions: ReadonlyMap<string, Func>,
): readonly Value[] {
  const name = s.match(/\w+/, "an operation");
  if (!isOpName(name) || name === "parameter") return s.fail(`there is no operation ${name}`);
  const operands = s.peek("%") ? s.separated(refer) : [];
  const specs = recordOf(name).attrs as Record<string, AttrSpec>;
  const attrs: Record<string, unknown> = {};
  if (s.peek("{"))
    s.list("{", "}", () => {
      const attr = s.match(/\w+/, "an attribute");
      const text = Object.hasOwn(specs, attr) ? attrTextOf(specs[attr]!.kind) : undefined;
      if (!text) return s.fail(`${name} has no attribute ${attr}`);
      s.take("=");
      attrs[attr] = text.scan(s, functions);
    });
  s.take(":");
  const types = parseTypes(s);
  const [first] = types as [TensorType];
  for (const [attr, { kind }] of Object.entries(specs)) {
    const settle = attrTextOf(kind)?.settle;
    if (kind === "shape") attrs[attr] = first.shape;
    else if (kind === "dtype") attrs[attr] = first.dtype;
    else if (kind === "types") attrs[attr] = types;
    else if (settle && attr in attrs) attrs[attr] = settle(attrs[attr], first);
  }
  const results = emitAny(name, operands, attrs);
  if (results.length !== types.length || results.some((v, i) => !sameType(v.type, types[i]!)))
    s.fail(
      `${name} gives ${results.map((v) => printType(v.type)).join(", ")}, the text says ${types.map(printType).join(", ")}`,
    );
  return results;
}
