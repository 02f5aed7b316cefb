/** A tensor that `nl.device_print` printed, as text. */

/** Elements shown at each end of a longer row. */
const EDGE = 4;
const ROWS = 8;

/** As the executor and the report have it; numbers that are not finite may be strings. */
export interface Printed {
  readonly prefix: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number | string>;
}

const number = (x: number | string): string =>
  typeof x === "string" || Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(6)));

function row(values: Printed["values"], from: number, width: number): string {
  const all = Array.from({ length: width }, (_, i) => i);
  const shown = width <= 2 * EDGE + 1 ? all : [...all.slice(0, EDGE), -1, ...all.slice(-EDGE)];
  return `[${shown.map((i) => (i < 0 ? "…" : number(values[from + i]!))).join(" ")}]`;
}

/** `prefix float32[2,3]` and one line a row; long rows and tall tensors are cut in the middle. */
export function printedText(p: Printed): string {
  const title = `${p.prefix} ${p.dtype}[${p.shape.join(",")}]`;
  const width = p.shape.at(-1);
  if (width === undefined) return `${p.prefix} ${number(p.values[0]!)}`;
  const rows = Array.from({ length: p.values.length / width }, (_, i) => i);
  const shown = rows.length <= 2 * ROWS ? rows : [...rows.slice(0, ROWS), -1, ...rows.slice(-ROWS)];
  return [title, ...shown.map((i) => `  ${i < 0 ? "…" : row(p.values, i * width, width)}`)].join(
    "\n",
  );
}
