/** Imports a user's TypeScript or JavaScript file, and turns what it throws into errors at its own lines. */
import { register } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { OpenTrnError } from "@opentrn/base";
import { syntaxMark } from "./typescript-hooks.ts";

let registered = false;

/** Installs the hooks once. Under a test runner that reads TypeScript itself there is nothing to install. */
function installHooks(): void {
  if (registered || !import.meta.url.endsWith(".js")) return;
  registered = true;
  const opentrn = tryResolve("opentrn");
  register("./typescript-hooks.js", import.meta.url, {
    data: opentrn === undefined ? {} : { opentrn },
  });
}

function tryResolve(specifier: string): string | undefined {
  try {
    return import.meta.resolve(specifier);
  } catch {
    return undefined;
  }
}

/** Everything the file exports. */
export async function importScript(path: string): Promise<Readonly<Record<string, unknown>>> {
  installHooks();
  try {
    return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (e) {
    throw scriptError(e, path, "bad input");
  }
}

/** First stack frame inside a file: its line. */
function lineIn(path: string, e: Error): number | undefined {
  for (const frame of (e.stack ?? "").split("\n")) {
    const place = /(?:\(|at )((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/.exec(frame.trim());
    if (place === null) continue;
    const file = place[1]!.startsWith("file://") ? fileURLToPath(place[1]!) : place[1]!;
    if (file.replace(/\?.*$/, "") === path) return Number(place[2]);
  }
  return undefined;
}

/** What a user's file threw, as an error of ours at the user's line; ours pass through. */
export function scriptError(
  e: unknown,
  path: string,
  category: "bad input" | "kernel exception",
): OpenTrnError {
  if (e instanceof OpenTrnError) return e;
  if (!(e instanceof Error))
    return new OpenTrnError(`${path} threw ${String(e)}`, { category, rule: "script" });
  if (e.message.includes(syntaxMark)) {
    const told = JSON.parse(e.message.slice(e.message.indexOf(syntaxMark) + syntaxMark.length)) as {
      file: string;
      line: number;
      message: string;
    };
    return new OpenTrnError(`cannot be read as TypeScript: ${told.message}`, {
      category: "bad input",
      rule: "script",
      at: { file: told.file, line: told.line },
    });
  }
  const line = lineIn(path, e);
  return new OpenTrnError(`${e.name}: ${e.message}`, {
    category,
    rule: "script",
    at: { file: path, line: line ?? 1 },
  });
}
