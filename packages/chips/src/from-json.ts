/**
 * A user's own chip from JSON: a whole chip, or `"extends": "trn2"` with only what differs. A figure is a bare value, or
 * `{"value": …, "basis": "measured", "source": "…"}`. Everything is checked against the shape of a known chip.
 */
import { OpenTrnError } from "@opentrn/base";
import { chipNamed, chips } from "./catalogue.ts";
import type { Chip } from "./chip.ts";
import { type Fact, type FactBasis, fact, isFact } from "./fact.ts";

const bases: readonly FactBasis[] = ["documented", "derived", "measured", "assumed"];

/** Figures that must lie in a range, or the machine makes no sense; all other numbers must be positive or zero. */
const ranges: Readonly<Record<string, readonly [low: number, high: number, whole: boolean]>> = {
  cores: [1, 1024, true],
  partitions: [32, 128, true],
  "sbuf.bytesPerPartition": [1024, 2 ** 24, true],
  "sbuf.usableBytesPerPartition": [1024, 2 ** 24, true],
  "sbuf.align": [1, 65536, true],
  "psum.banks": [1, 64, true],
  "psum.bankBytes": [64, 65536, true],
  "psum.align": [1, 65536, true],
  "hbm.bytes": [2 ** 20, 2 ** 50, true],
  "hbm.bytesPerNs": [1, 1e6, false],
  "hbm.stacks": [1, 64, true],
  "hbm.align": [1, 65536, true],
  "tensor.rows": [1, 1024, true],
  "tensor.columns": [1, 1024, true],
  "dma.enginesPerCore": [1, 64, true],
  "dma.packetBytes": [4, 2 ** 20, true],
  "dma.partitionsPerEngine": [1, 128, true],
  "dma.bytesPerNs": [0.01, 1e5, false],
  "dma.readBytesPerNs": [0.01, 1e5, false],
  "dma.castRate": [0.001, 1, false],
  "dma.transposeRate": [0.001, 1, false],
  "dma.transposeOnChipRate": [0.001, 1, false],
  "collectives.bytesPerNs": [0.01, 1e5, false],
  "tensor.duty.windowCycles": [1, 2 ** 31, true],
  "tensor.duty.threshold": [0, 1, false],
  "tensor.duty.coldRate": [0.001, 1, false],
};
/** Clocks and rates divide; they are above zero wherever they stand. */
const divisors = /(clockGHz|[wW]idth|peakTflops\.\w+)$/;

function bad(why: string): never {
  throw new OpenTrnError(`chip file: ${why}`, { category: "bad input", rule: "chip file" });
}

/** Reads a chip from JSON text; throws `bad input` that names the path of what is wrong. */
export function chipFromJson(text: string, origin = "chip file"): Chip {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (e) {
    return bad(`it is not JSON: ${(e as Error).message}`);
  }
  return chipFrom(parsed, origin);
}

/** The same from a parsed value. */
export function chipFrom(given: unknown, origin = "chip file"): Chip {
  if (!isObject(given)) return bad("the top level must be an object");
  const { extends: base, ...rest } = given;
  if (base !== undefined && typeof base !== "string")
    return bad(`extends must name a chip; choose one of ${names()}`);
  const name = rest["name"];
  if (typeof name !== "string" || !/^[A-Za-z0-9][\w.-]*$/.test(name))
    return bad('name must be a word such as "my-trn2"');
  if (chips.some((c) => c.name === name || c.aliases.includes(name)))
    return bad(`name ${name} is taken by a known chip; choose another one`);
  const template = typeof base === "string" ? chipNamed(base) : chipNamed("trn2");
  const from = base === undefined ? undefined : template;
  return {
    ...(object(template, from, rest, "", origin) as unknown as Chip),
    name,
    title: typeof rest["title"] === "string" ? rest["title"] : name,
    generation: generation(rest["generation"], from),
    aliases: aliases(rest["aliases"]),
  };
}

const names = (): string => chips.map((c) => c.name).join(", ");
const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

function generation(given: unknown, from: Chip | undefined): Chip["generation"] {
  const g = given ?? from?.generation;
  if (g === 2 || g === 3 || g === 4) return g;
  return bad(`generation is ${JSON.stringify(g)}; use 2, 3 or 4 (the NeuronCore version)`);
}

function aliases(given: unknown): readonly string[] {
  if (given === undefined) return [];
  if (Array.isArray(given) && given.every((a) => typeof a === "string")) return given;
  return bad("aliases must be a list of strings");
}

/** Groups a chip may lack. */
const optional = new Set(["sequencer"]);
/** Names at the top level that hold no facts. */
const plain = new Set(["name", "title", "generation", "aliases"]);

/** Merges `given` over `from`, in the shape of `template`. */
function object(
  template: object,
  from: object | undefined,
  given: Record<string, unknown>,
  path: string,
  origin: string,
): Record<string, unknown> {
  const shape = Object.entries(template).filter(([k]) => path !== "" || !plain.has(k));
  const known = new Set(shape.map(([k]) => k));
  for (const key of Object.keys(given))
    if (!known.has(key) && !(path === "" && plain.has(key)))
      bad(`${join(path, key)} is not known; ${path || "the chip"} has ${[...known].join(", ")}`);
  const out: Record<string, unknown> = {};
  for (const [key, like] of shape) {
    const at = join(path, key);
    const inherited = (from as Record<string, unknown> | undefined)?.[key];
    if (!(key in given)) {
      if (from === undefined && !optional.has(at))
        bad(`${at} is missing; give it, or extend a chip (${names()})`);
      if (inherited !== undefined) out[key] = inherited;
    } else if (isFact(like)) out[key] = leaf(like, given[key], at, origin);
    else out[key] = part(like ?? fallback(at), inherited, given[key], at, origin);
  }
  return out;
}

/** A group of facts; `tensor.duty` may be null, for a chip without a limiter. */
function part(
  like: object,
  inherited: unknown,
  given: unknown,
  at: string,
  origin: string,
): unknown {
  if (given === null && at === "tensor.duty") return null;
  if (!isObject(given)) return bad(`${at} must be an object`);
  return object(like, isObject(inherited) ? inherited : undefined, given, at, origin);
}

/** The shape of a group that the extended chip does not have. */
function fallback(at: string): object {
  for (const c of chips) {
    const found = at.split(".").reduce<unknown>((x, key) => (isObject(x) ? x[key] : undefined), c);
    if (isObject(found)) return found;
  }
  return bad(`${at} is not known`);
}

function leaf(like: Fact<unknown>, given: unknown, at: string, origin: string): Fact<unknown> {
  if (!isObject(given) || !("value" in given))
    return fact(checked(like, given, at), "assumed", origin);
  const { value, basis, source, note, ...more } = given;
  const extra = Object.keys(more);
  // The tables of functions are themselves an object; any other figure has no further names.
  if (extra.length > 0)
    bad(`${at} has ${extra.join(", ")}; a figure has value, basis, source and note`);
  if (basis !== undefined && !bases.includes(basis as FactBasis))
    bad(`${at} has basis ${JSON.stringify(basis)}; choose one of ${bases.join(", ")}`);
  if (source !== undefined && typeof source !== "string") bad(`${at}: source must be text`);
  const where = typeof source === "string" ? source : origin;
  const remark = typeof note === "string" ? note : undefined;
  return fact(checked(like, value, at), (basis as FactBasis) ?? "assumed", where, remark);
}

/** The value, if it is of the kind and in the range the chip's code counts on. */
function checked(like: Fact<unknown>, value: unknown, at: string): unknown {
  if (typeof like.value === "boolean")
    return typeof value === "boolean"
      ? value
      : bad(`${at} is ${show(value)}; it must be true or false`);
  if (typeof like.value === "number") return number(value, at);
  if (Array.isArray(like.value)) {
    if (!Array.isArray(value) || value.length === 0) return bad(`${at} must be a list of numbers`);
    return value.map((v, i) =>
      Number.isInteger(v) && v > 0
        ? v
        : bad(`${at}[${i}] is ${show(v)}; it must be a positive integer`),
    );
  }
  return at.startsWith("sequencer.") ? times(value, at) : tables(value, at);
}

/** Nanoseconds by unit, or by opcode and unit. */
function times(value: unknown, at: string): unknown {
  if (!isObject(value)) return number(value, at);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, times(v, join(at, k))]));
}

function number(value: unknown, at: string): number {
  if (typeof value !== "number" || !Number.isFinite(value))
    return bad(`${at} is ${show(value)}; it must be a number`);
  const range = ranges[at];
  if (range) {
    const [low, high, whole] = range;
    if (value < low || value > high || (whole && !Number.isInteger(value)))
      bad(
        `${at} is ${value}; it must be ${whole ? "an integer" : "a number"} from ${low} to ${high}`,
      );
  } else if (value < 0 || (value === 0 && divisors.test(at)))
    bad(`${at} is ${value}; it must be ${divisors.test(at) ? "above" : "at least"} zero`);
  return value;
}

function tables(value: unknown, at: string): unknown {
  const texts = (x: unknown): boolean => Array.isArray(x) && x.every((t) => typeof t === "string");
  if (
    isObject(value) &&
    texts(value["everywhere"]) &&
    Array.isArray(value["shared"]) &&
    value["shared"].every(texts)
  )
    return value;
  return bad(`${at} must be {"everywhere": [names], "shared": [[names], …]}`);
}

const show = (x: unknown): string => JSON.stringify(x) ?? "missing";
const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);
