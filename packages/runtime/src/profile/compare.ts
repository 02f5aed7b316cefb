/** Two profiles side by side: what changed in total, by engine, source line, kind of instruction, and in bytes. */
import { basename } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { PROFILE_SCHEMA, type ProfileReport } from "./profile-report.ts";

export const COMPARISON_SCHEMA = "opentrn-profile-comparison/1";

/** `a` is what was asked for, `b` what it is held against; `change` is `a - b`, in the unit of both. */
export interface Difference {
  readonly a: number;
  readonly b: number;
  readonly change: number;
}

export interface ProfileComparison {
  readonly schema: typeof COMPARISON_SCHEMA;
  readonly a: ProfileSide;
  readonly b: ProfileSide;
  /** Nanoseconds; `change_share` is of b. */
  readonly total_ns: Difference & { readonly change_share: number };
  /** Of two recordings: what they recorded; everything else about time is of their replays. */
  readonly recorded_ns?: Difference & { readonly change_share: number };
  /** Active time. */
  readonly engines: readonly (Difference & { readonly engine: string })[];
  readonly critical_path: readonly (Difference & { readonly kind: string })[];
  /** Time on the critical path by source line. */
  readonly lines: readonly (Difference & {
    readonly file: string | null;
    readonly line: number | null;
    readonly instruction: string;
    readonly engine: string;
  })[];
  /** Busy time; with the number of instructions. */
  readonly instruction_kinds: readonly (Difference & {
    readonly engine: string;
    readonly instruction: string;
    readonly count: Difference;
  })[];
  /** Bytes, and numbers of transfers, descriptors and packets. */
  readonly traffic: readonly (Difference & { readonly what: string })[];
}

export interface ProfileSide {
  readonly kernel: string;
  readonly target: string;
  readonly cores: number;
  readonly origin: string;
}

const difference = (a: number, b: number): Difference => ({ a, b, change: a - b });

const totals = (a: number, b: number): ProfileComparison["total_ns"] => ({
  ...difference(a, b),
  change_share: b > 0 ? (a - b) / b : 0,
});

export function compareProfiles(a: ProfileReport, b: ProfileReport): ProfileComparison {
  return {
    schema: COMPARISON_SCHEMA,
    a: sideOf(a),
    b: sideOf(b),
    total_ns: totals(a.total_ns, b.total_ns),
    ...(a.recorded_ns === undefined || b.recorded_ns === undefined
      ? {}
      : { recorded_ns: totals(a.recorded_ns, b.recorded_ns) }),
    engines: matched(
      a.engines,
      b.engines,
      (e) => e.engine,
      (e) => e.active_ns,
    ).map(({ of, ...d }) => ({ engine: of.engine, ...d })),
    critical_path: largestFirst(
      matched(
        a.critical_path.kinds,
        b.critical_path.kinds,
        (k) => k.kind,
        (k) => k.ns,
      ).map(({ of, ...d }) => ({ kind: of.kind, ...d })),
    ),
    lines: largestFirst(
      matched(a.critical_path.parts, b.critical_path.parts, lineOf, (p) => p.ns).map(
        ({ of: { file, line, instruction, engine }, ...d }) => ({
          file,
          line,
          instruction,
          engine,
          ...d,
        }),
      ),
    ),
    instruction_kinds: kindsOf(a, b),
    traffic: trafficOf(a, b),
  };
}

const sideOf = ({ kernel, target, cores, origin }: ProfileReport): ProfileSide => ({
  kernel,
  target,
  cores,
  origin,
});

type Part = ProfileReport["critical_path"]["parts"][number];

/** The folder does not matter: two versions of a file are compared line by line. */
const lineOf = ({ file, line, instruction, engine }: Part): string =>
  `${file === null ? "" : basename(file)}:${line} ${instruction} ${engine}`;

/** Sums of a value by key on both sides; keys in order of appearance, those of `a` first. */
function matched<T>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (row: T) => string,
  amount: (row: T) => number,
): (Difference & { readonly of: T })[] {
  const rows = new Map<string, { of: T; a: number; b: number }>();
  const add = (list: readonly T[], side: "a" | "b"): void => {
    for (const of of list) {
      const key = keyOf(of);
      const row = rows.get(key) ?? { of, a: 0, b: 0 };
      rows.set(key, row);
      row[side] += amount(of);
    }
  };
  add(a, "a");
  add(b, "b");
  return [...rows.values()].map((r) => ({ of: r.of, ...difference(r.a, r.b) }));
}

const largestFirst = <T extends Difference>(rows: readonly T[]): T[] =>
  rows.toSorted((x, y) => Math.abs(y.change) - Math.abs(x.change));

function kindsOf(a: ProfileReport, b: ProfileReport): ProfileComparison["instruction_kinds"] {
  type Kind = ProfileReport["instruction_kinds"][number];
  const key = (k: Kind): string => `${k.engine} ${k.instruction}`;
  const counts = matched(a.instruction_kinds, b.instruction_kinds, key, (k) => k.count);
  const times = matched(a.instruction_kinds, b.instruction_kinds, key, (k) => k.busy_ns);
  return largestFirst(
    times.map(({ of: { engine, instruction }, ...d }, i) => {
      const { of: _, ...count } = counts[i]!;
      return { engine, instruction, ...d, count };
    }),
  );
}

const quantities: Readonly<Record<string, (r: ProfileReport) => number | undefined>> = {
  "HBM bytes read": (r) => r.hbm.read_bytes,
  "HBM bytes written": (r) => r.hbm.write_bytes,
  "HBM bytes loaded again": (r) => r.hbm.reloaded_bytes,
  "HBM bytes spilled": (r) => r.hbm.spilled_bytes,
  "DMA bytes": (r) => r.dma.bytes,
  "DMA transfers": (r) => r.dma.transfers,
  "DMA descriptors": (r) => r.dma.descriptors,
  "DMA packets": (r) => r.dma.packets,
  instructions: (r) => r.instructions,
};

/** Quantities that both sides know. */
const trafficOf = (a: ProfileReport, b: ProfileReport): ProfileComparison["traffic"] =>
  Object.entries(quantities).flatMap(([what, of]) => {
    const [x, y] = [of(a), of(b)];
    return x === undefined || y === undefined ? [] : [{ what, ...difference(x, y) }];
  });

/**
 * A report that was saved before, or undefined where the JSON is something else.
 * @throws OpenTrnError "bad input" for a report of a form that this version does not know.
 */
export function readProfileReport(json: string, path: string): ProfileReport | undefined {
  const schema = /^\s*\{\s*"schema"\s*:\s*"([^"]*)"/.exec(json.slice(0, 200))?.[1];
  if (schema === undefined) return undefined;
  const bad = (why: string): OpenTrnError =>
    new OpenTrnError(
      `${path} ${why}; expected what trn profile --json prints (${PROFILE_SCHEMA})`,
      { category: "bad input", rule: "profile report" },
    );
  if (schema !== PROFILE_SCHEMA) throw bad(`has schema ${schema}`);
  let report: ProfileReport;
  try {
    report = JSON.parse(json) as ProfileReport;
  } catch (e) {
    throw bad(`is no JSON (${(e as Error).message})`);
  }
  for (const field of [
    "total_ns",
    "engines",
    "critical_path",
    "instruction_kinds",
    "dma",
    "hbm",
  ] as const)
    if (report[field] === undefined) throw bad(`has no ${field}`);
  return report;
}
