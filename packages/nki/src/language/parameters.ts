/**
 * The names of a kernel's parameters, read from its source as Python reads a signature: inputs are given by name, so that two
 * tensors of one shape can never be swapped silently.
 */
import { OpenTrnError } from "@opentrn/base";

const opening = "([{";
const closing = ")]}";

/** Text between the parameter list's parentheses, or the single bare parameter of an arrow function. */
function parameterList(source: string): string {
  const bare = /^\s*(?:async\s+)?([A-Za-z_$][\w$]*)\s*=>/.exec(source);
  if (bare) return bare[1]!;
  const from = source.indexOf("(");
  let depth = 0;
  for (let i = from; i < source.length; i++) {
    const quote = source[i]!;
    if (`"'\``.includes(quote)) {
      for (i++; source[i] !== quote && i < source.length; i++) if (source[i] === "\\") i++;
      continue;
    }
    if (opening.includes(source[i]!)) depth++;
    else if (closing.includes(source[i]!) && --depth === 0) return source.slice(from + 1, i);
  }
  return "";
}

function splitTopLevel(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= list.length; i++) {
    const c = list[i];
    if (c !== undefined && opening.includes(c)) depth++;
    else if (c !== undefined && closing.includes(c)) depth--;
    else if (c === undefined || (c === "," && depth === 0)) {
      const part = list.slice(from, i).trim();
      if (part) parts.push(part);
      from = i + 1;
    }
  }
  return parts;
}

export interface Parameter {
  readonly name: string;
  readonly optional: boolean;
}

/** Parameters of `fn` in order; throws where one is a pattern and so has no name. */
export function parametersOf(
  kernel: string,
  fn: (...args: never[]) => unknown,
): readonly Parameter[] {
  const source = fn.toString().replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  return splitTopLevel(parameterList(source)).map((text) => {
    const match = /^([A-Za-z_$][\w$]*)\s*(=)?/.exec(text);
    if (!match)
      throw new OpenTrnError(
        `kernel ${kernel}: parameter "${text}" has no name; inputs are given by name, so write (a, b, options) and take options apart in the body`,
        { category: "invalid program", rule: "kernel parameters" },
      );
    return { name: match[1]!, optional: match[2] !== undefined };
  });
}
