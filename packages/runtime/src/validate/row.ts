/** Published measurements of kernels, as files of rows hold them. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { type DType, dtypeNames } from "@opentrn/numerics";

/** One published figure. Fields that a check does not need may be left out. */
export interface PublishedRow {
  readonly id: string;
  readonly kernel: string;
  readonly family?: string;
  readonly generation: string;
  readonly shapes: string | Readonly<Record<string, unknown>>;
  readonly dtype: string;
  readonly metric: string;
  readonly value: number;
  readonly unit?: string;
  /** `measured`, or `threshold` for a bound that a measurement stayed below. */
  readonly kind?: string;
  readonly trust?: string;
  readonly source_group?: string;
  readonly variant?: string;
  readonly params?: unknown;
  readonly cores?: number;
  readonly lnc?: number;
  readonly note?: string;
  /** Of a collective: where its ranks are, in words. */
  readonly topology?: string;
  readonly where?: Readonly<Record<string, unknown>>;
}

const bad = (message: string): OpenTrnError =>
  new OpenTrnError(message, { category: "bad input", rule: "--rows" });

const texts = ["id", "kernel", "generation", "dtype", "metric"] as const;

/**
 * A row of a collective has what it is in `op` and its figures in columns of their own; it becomes a row with one metric: the latency, or
 * the bus bandwidth where no size or no latency is given.
 */
function collectiveRow(r: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { op, ranks, nodes, size_bytes, latency_us, busbw_gb_s, algbw_gb_s, ...rest } = r;
  const sizes = Object.entries({ ranks, nodes, size_bytes }).filter(([, v]) => v !== undefined);
  const latency = size_bytes !== undefined && latency_us !== undefined;
  return {
    ...rest,
    kernel: op,
    family: "collective",
    shapes: Object.fromEntries(sizes),
    metric: latency ? "collective_latency" : "bus_bandwidth",
    value: latency ? latency_us : (busbw_gb_s ?? algbw_gb_s ?? latency_us ?? 0),
    unit: latency ? "us" : "GB/s",
  };
}

/** Checks one row; `place` names it in errors. */
function checked(row: unknown, place: string): PublishedRow {
  if (typeof row !== "object" || row === null || Array.isArray(row))
    throw bad(`${place} is no object; a row has ${texts.join(", ")}, shapes and value`);
  const given = row as Record<string, unknown>;
  const r = given["op"] !== undefined && !("metric" in given) ? collectiveRow(given) : given;
  for (const key of texts)
    if (typeof r[key] !== "string" || r[key] === "")
      throw bad(`${place}: ${key} is ${JSON.stringify(r[key])}, must be a string`);
  if (typeof r["value"] !== "number" || !(r["value"] >= 0))
    throw bad(`${place} (${r["id"]}): value is ${JSON.stringify(r["value"])}, must be a number`);
  if (typeof r["shapes"] !== "string" && (typeof r["shapes"] !== "object" || r["shapes"] === null))
    throw bad(`${place} (${r["id"]}): shapes is neither text nor an object of sizes`);
  return r as unknown as PublishedRow;
}

/** Rows of a file in the form of the published ones. @throws OpenTrnError "bad input" naming file, row and field. */
export function readRows(path: string): readonly PublishedRow[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (e) {
    throw bad(`${path} cannot be read as JSON: ${(e as Error).message}`);
  }
  if (!Array.isArray(json)) throw bad(`${path} is no list of rows`);
  return json.map((row, i) => checked(row, `${path}, row ${i + 1}`));
}

/** Sizes by name: `{ "M": 512 }`, `M512_K64`, or a list, whose entries get numbers behind the name. */
export function sizesOf(row: PublishedRow): Readonly<Record<string, number>> {
  if (typeof row.shapes === "string")
    return Object.fromEntries(
      [...row.shapes.matchAll(/([A-Za-z]+)(\d+)/g)].map((m) => [m[1]!, Number(m[2])]),
    );
  const sizes: Record<string, number> = {};
  for (const [name, value] of Object.entries(row.shapes)) {
    if (typeof value === "number") sizes[name] = value;
    if (Array.isArray(value))
      for (const [i, v] of value.entries()) if (typeof v === "number") sizes[`${name}${i}`] = v;
  }
  return sizes;
}

const spellings: Readonly<Record<string, DType>> = {
  fp32: "float32",
  bf16: "bfloat16",
  fp16: "float16",
  fp8: "float8_e4m3",
};

/** The row's data type, or undefined when it names none of ours. */
export function dtypeOf(row: PublishedRow): DType | undefined {
  const name = row.dtype.replace(/^(np|nl)\./, "");
  return spellings[name] ?? dtypeNames.find((d) => d === name);
}

/** The chip a row was measured on; `trn1/unspecified` counts as trn1, "inf2/trn1 (NeuronCore-v2)" as inf2. */
export const generationOf = (row: PublishedRow): string => row.generation.split("/")[0]!;
