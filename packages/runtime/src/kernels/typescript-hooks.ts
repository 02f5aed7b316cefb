/**
 * Module hooks that let Node 20 import a user's TypeScript: types are blanked out in place, so every line and column stays where
 * it was and errors point at the user's own text. `opentrn` resolves to this installation wherever the file lies.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transformSync } from "@swc/wasm-typescript";

type Next<T> = (target: string, context: object) => Promise<T>;

let aliases: Readonly<Record<string, string>> = {};

export async function initialize(data: Readonly<Record<string, string>>): Promise<void> {
  aliases = data;
}

export async function resolve(
  specifier: string,
  context: object,
  next: Next<object>,
): Promise<object> {
  const url = Object.hasOwn(aliases, specifier) ? aliases[specifier] : undefined;
  return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
}

export async function load(url: string, context: object, next: Next<object>): Promise<object> {
  if (!/^file:.*\.m?ts$/.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  const source = stripTypes(await readFile(path, "utf8"), path);
  return { format: "module", source, shortCircuit: true };
}

/** Errors cross threads as text only, so place and reason travel in the message. */
export const syntaxMark = "opentrn-syntax:";

/** The text with its types blanked out; throws with file, line and reason where it is no erasable TypeScript. */
export function stripTypes(source: string, path: string): string {
  try {
    return transformSync(source, { mode: "strip-only", module: true, filename: path }).code;
  } catch (e) {
    const { message, startLine } = e as { message?: string; startLine?: number };
    throw new Error(
      `${syntaxMark}${JSON.stringify({ file: path, line: startLine ?? 0, message: message ?? String(e) })}`,
    );
  }
}
