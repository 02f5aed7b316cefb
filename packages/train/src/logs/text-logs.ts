/** The logs that people and scripts read: JSON lines, and CSV with the same columns. */
import { AppendFile } from "./append-file.ts";
import { logFields, type RunLog, type StepRecord } from "./step-record.ts";

const NEWLINE = 0x0a;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * Bytes of the whole lines up to the first whose step is after `step`, or that is cut off; `stepOf` reads a line's step and gives
 * undefined for a title line.
 */
export function linesUpTo(
  bytes: Uint8Array,
  step: number,
  stepOf: (line: string) => number | undefined,
): number {
  let kept = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, kept);
    if (end < 0) return kept;
    const at = stepOf(new TextDecoder().decode(bytes.subarray(kept, end)));
    if (at !== undefined && !(at <= step)) return kept;
    kept = end + 1;
  }
}

/** JSON has no NaN and no infinity: they are the strings "NaN", "Infinity" and "-Infinity". */
const jsonNumber = (x: number): number | string => (Number.isFinite(x) ? x : String(x));

const jsonStep = (line: string): number => {
  try {
    return Number((JSON.parse(line) as { step?: unknown }).step ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
};

/** One JSON object a step. `from`: the step of the checkpoint that the run goes on from. */
export function jsonLog(path: string, from?: number): RunLog {
  const keep = from === undefined ? undefined : (b: Uint8Array) => linesUpTo(b, from, jsonStep);
  const file = new AppendFile(path, keep);
  return {
    add: (record) => {
      const fields = logFields.flatMap(([key, name]) => {
        const value = record[key];
        return value === undefined ? [] : [[name, jsonNumber(value)] as const];
      });
      file.append(encode(`${JSON.stringify(Object.fromEntries(fields))}\n`));
    },
    close: () => file.close(),
  };
}

const title = logFields.map(([, name]) => name).join(",");
const csvStep = (line: string): number | undefined =>
  line === title ? undefined : line.includes(",") ? Number(line.split(",", 1)[0]) : Number.NaN;

/** One row a step under a title row; what a step lacks is empty. */
export function csvLog(path: string, from?: number): RunLog {
  const keep = from === undefined ? undefined : (b: Uint8Array) => linesUpTo(b, from, csvStep);
  const file = new AppendFile(path, keep);
  if (file.fresh) file.append(encode(`${title}\n`));
  return {
    add: (record: StepRecord) => {
      const cells = logFields.map(([key]) => record[key] ?? "");
      file.append(encode(`${cells.join(",")}\n`));
    },
    close: () => file.close(),
  };
}
