/** One `--arg NAME=VALUE`: a tensor made up (`128x1024:bfloat16:normal`), a tensor from a file (`@q.npy`), or a compile-time value (`1e-6`, `True`). */
import { OpenTrnError } from "@opentrn/base";
import type { DType } from "@opentrn/numerics";
import { chipTensor, type TensorData } from "../tensors/tensor.ts";
import { readTensorFile } from "../tensors/tensor-file.ts";
import { dtypeNamed, findDtype } from "./dtype-name.ts";
import { type GeneratedInput, generate, readDistribution } from "./generate.ts";
import { type Literal, readLiteral } from "./python-literal.ts";

export type ArgumentSource =
  | ({ readonly kind: "generated" } & GeneratedInput)
  | {
      readonly kind: "file";
      readonly path: string;
      readonly key?: string | undefined;
      /** Type to round (or, for nameless bits, to interpret) the file's elements to. */
      readonly dtype?: DType | undefined;
    }
  | { readonly kind: "literal"; readonly value: Literal };

export interface Argument {
  readonly name: string;
  readonly source: ArgumentSource;
}

/** A kernel argument ready to be used: a tensor, or a value fixed at compile time. */
export type ArgumentValue =
  | { readonly kind: "tensor"; readonly tensor: TensorData }
  | { readonly kind: "literal"; readonly value: Literal };

const fail = (message: string): never => {
  throw new OpenTrnError(message, { category: "bad input", rule: "--arg" });
};
const MAX_RANK = 8;
const forms =
  "write a tensor as 128x1024:bfloat16:normal, a file as @q.npy, @w.npz#key or @m.safetensors#name, a value as a Python literal";

/** Parses `NAME=VALUE`. */
export function readArgument(text: string): Argument {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(0, at));
  // Inputs of compiled models have the dotted names of their parameters.
  if (!/^[A-Za-z_][\w.]*$/.test(name))
    fail(`--arg ${JSON.stringify(text)} has no name before =; write --arg q=128x1024:bfloat16`);
  return { name, source: readSource(name, text.slice(at + 1)) };
}

function readSource(name: string, text: string): ArgumentSource {
  if (text.startsWith("@")) return readFileSource(text);
  const shape = /^(\d+(?:x\d+)*):(.*)$/.exec(text);
  if (shape) return { kind: "generated", ...readShape(name, shape[1]!, shape[2]!) };
  try {
    return { kind: "literal", value: readLiteral(text) };
  } catch (e) {
    return fail(`--arg ${name}: ${(e as Error).message}; ${forms}`);
  }
}

function readShape(name: string, shape: string, rest: string): GeneratedInput {
  const dims = shape.split("x").map(Number);
  if (dims.some((d) => d === 0 || !Number.isSafeInteger(d)) || dims.length > MAX_RANK)
    fail(
      `--arg ${name}: shape ${shape} has ${dims.length} dimensions from ${Math.min(...dims)} to ${Math.max(...dims)}; up to ${MAX_RANK} of at least 1`,
    );
  const colon = rest.indexOf(":");
  const type = colon < 0 ? rest : rest.slice(0, colon);
  const dtype = dtypeNamed(type, `--arg ${name}: data type`);
  const tail = colon < 0 ? undefined : rest.slice(colon + 1);
  return { shape: dims, dtype, ...readDistribution(tail, dtype) };
}

/** `@path[#key][:dtype]`. A colon inside a key stays in the key unless a data type follows it. */
function readFileSource(text: string): ArgumentSource {
  const form = /^@(.*?\.(?:npy|npz|safetensors))(?:#(.+?))?(?::([A-Za-z_]\w*))?$/i.exec(text);
  if (!form)
    fail(
      `${JSON.stringify(text)} is no tensor file; write @q.npy, @w.npz#key or @m.safetensors#name, with :dtype after it to convert`,
    );
  const [, path, key, type] = form!;
  if (key !== undefined && type !== undefined && findDtype(type) === undefined)
    return { kind: "file", path: path!, key: `${key}:${type}` };
  return {
    kind: "file",
    path: path!,
    key,
    dtype: type === undefined ? undefined : dtypeNamed(type, `${text}: data type`),
  };
}

/** Makes or reads what the argument names. */
export function loadArgument({ name, source }: Argument, seed: number): ArgumentValue {
  if (source.kind === "literal") return { kind: "literal", value: source.value };
  if (source.kind === "generated") return { kind: "tensor", tensor: generate(name, source, seed) };
  const what = `@${source.path}${source.key === undefined ? "" : `#${source.key}`}`;
  const stored = readTensorFile(source.path, source.key);
  if (stored.shape.length === 0 || stored.shape.includes(0))
    fail(
      `${what} has shape (${stored.shape.join(", ")}); a kernel takes tensors with at least one element and one dimension, pass a scalar as a value`,
    );
  return { kind: "tensor", tensor: chipTensor(stored, source.dtype, what) };
}
