/**
 * A chip of the user's own: a whole chip as `trn chips NAME --json` prints it, changed, or a few facts over a known one:
 * `{ "name": "mine", "base": "trn2", "facts": { "hbm.bytesPerNs": 5800 } }`.
 */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";

type Json = Readonly<Record<string, unknown>>;
const isObject = (v: unknown): v is Json =>
  typeof v === "object" && v !== null && !Array.isArray(v);
const isFact = (v: unknown): v is { value: unknown } =>
  isObject(v) && "value" in v && "basis" in v && "source" in v;

/** Reads and checks a chip file; a fact that is missing or of another type is `bad input` naming its place. */
export function readChipFile(path: string): Chip {
  const fail = (message: string): never => {
    throw new OpenTrnError(`chip file ${path}: ${message}`, {
      category: "bad input",
      rule: "--chip",
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (e) {
    fail(`cannot be read (${(e as Error).message})`);
  }
  if (!isObject(json)) return fail("is no JSON object");
  const { name, base } = json;
  if (typeof name !== "string" || name === "") return fail('has no "name"');
  if (base === undefined) {
    const template = chipNamed("trn2");
    return { ...(checked(template, json, "", fail) as unknown as Chip), aliases: [] };
  }
  if (typeof base !== "string") return fail('"base" is no chip name');
  const facts = json["facts"] ?? {};
  if (!isObject(facts)) return fail('"facts" is no object of places and values');
  const chip = structuredClone(chipNamed(base)) as unknown as Record<string, unknown>;
  for (const [place, value] of Object.entries(facts)) override(chip, place, value, path, fail);
  return { ...(chip as unknown as Chip), name, aliases: [], title: String(json["title"] ?? name) };
}

function override(
  chip: Record<string, unknown>,
  place: string,
  value: unknown,
  path: string,
  fail: (message: string) => never,
): void {
  const keys = place.split(".");
  let parent = chip;
  for (const key of keys.slice(0, -1)) {
    const next = Object.hasOwn(parent, key) ? parent[key] : undefined;
    if (!isObject(next)) fail(`has no fact ${place}; trn chips NAME lists them`);
    parent = next as Record<string, unknown>;
  }
  const last = keys.at(-1)!;
  const old = Object.hasOwn(parent, last) ? parent[last] : undefined;
  if (!isFact(old)) fail(`has no fact ${place}; trn chips NAME lists them`);
  checkValue((old as { value: unknown }).value, value, place, fail);
  parent[last] = { value, basis: "assumed", source: `chip file ${path}` };
}

function checkValue(
  old: unknown,
  value: unknown,
  place: string,
  fail: (message: string) => never,
): void {
  const kind = (v: unknown): string => (Array.isArray(v) ? "list" : v === null ? "null" : typeof v);
  if (kind(old) !== kind(value))
    fail(
      `${place} is ${JSON.stringify(value)}, must be a ${kind(old)} like ${JSON.stringify(old)}`,
    );
  if (typeof value === "number" && !(Number.isFinite(value) && value >= 0))
    fail(`${place} is ${value}, must be a number of at least 0`);
}

/** Every place of the template exists in the copy with a value of the same kind. A part may be null where the chip lacks it. */
function checked(
  template: unknown,
  copy: unknown,
  place: string,
  fail: (message: string) => never,
): unknown {
  if (isFact(template)) {
    if (!isFact(copy)) fail(`${place} is no fact { value, basis, source }`);
    checkValue(template.value, (copy as { value: unknown }).value, place, fail);
    return copy;
  }
  if (!isObject(template)) {
    if (typeof template !== typeof copy)
      fail(`${place} is ${JSON.stringify(copy)}, must be a ${typeof template}`);
    return copy;
  }
  if (copy === null) return copy;
  if (!isObject(copy)) fail(`${place || "the chip"} is missing`);
  for (const [key, part] of Object.entries(template))
    checked(part, (copy as Json)[key], place ? `${place}.${key}` : key, fail);
  return copy;
}
