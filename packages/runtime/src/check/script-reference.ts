/** References in TypeScript: a function of the kernel's arguments by name, tensors as doubles. Needs no Python. */
import { OpenTrnError } from "@opentrn/base";
import { parametersOf } from "@opentrn/nki";
import type { ArgumentValue } from "../inputs/argument.ts";
import { scriptValue } from "../inputs/python-literal.ts";
import { importScript, scriptError } from "../kernels/import-script.ts";
import { elementCount } from "../tensors/tensor.ts";
import { type ExpectedTensor, referenceTensor } from "./reference-tensor.ts";

type Reference = (...args: never[]) => unknown;

/** Calls export `fn` of the file; its parameters are matched with the arguments by name. */
export async function scriptReference(
  path: string,
  fn: string,
  args: Readonly<Record<string, ArgumentValue>>,
): Promise<readonly ExpectedTensor[]> {
  const exports = await importScript(path);
  const found = Object.hasOwn(exports, fn) ? exports[fn] : undefined;
  if (typeof found !== "function")
    throw new OpenTrnError(
      `--check ${path} exports no function ${fn}; it exports ${Object.keys(exports).join(", ") || "nothing"}`,
      { category: "bad input", rule: "--check" },
    );
  const values = parametersOf(fn, found as Reference).map(({ name, optional }) => {
    const given = Object.hasOwn(args, name) ? args[name] : undefined;
    if (given === undefined && !optional)
      throw new OpenTrnError(
        `--check ${fn} takes ${name}, which is none of the kernel's arguments ${Object.keys(args).join(", ")}`,
        { category: "bad input", rule: "--check" },
      );
    return given?.kind === "tensor"
      ? referenceTensor(given.tensor)
      : given && scriptValue(given.value);
  });
  let result: unknown;
  try {
    result = await (found as (...values: unknown[]) => unknown)(...values);
  } catch (e) {
    throw scriptError(e, path, "bad input");
  }
  return toTensors(result, fn);
}

/** One tensor or a list of them; a tensor is `{ shape, data }`, or a flat array of numbers taken in the output's shape. */
function toTensors(result: unknown, fn: string): readonly ExpectedTensor[] {
  const one = tensorFrom(result);
  if (one) return [one];
  if (Array.isArray(result)) return result.map((r) => tensorFrom(r) ?? unusable(fn, r));
  return unusable(fn, result);
}

function unusable(fn: string, value: unknown): never {
  throw new OpenTrnError(
    `--check ${fn} returns ${value === null ? "null" : typeof value}; return { shape, data } with data a Float64Array, or a list of these`,
    { category: "bad input", rule: "--check" },
  );
}

function tensorFrom(v: unknown): ExpectedTensor | undefined {
  if (v instanceof Float64Array || v instanceof Float32Array) return { data: Float64Array.from(v) };
  const { shape, data } = (v ?? {}) as { shape?: unknown; data?: unknown };
  if (!Array.isArray(shape) || typeof data !== "object" || data === null) return undefined;
  const values = data instanceof Float64Array ? data : Float64Array.from(data as ArrayLike<number>);
  return values.length === elementCount(shape) ? { shape, data: values } : undefined;
}
