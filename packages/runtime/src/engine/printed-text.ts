/** A tensor that `nl.device_print` printed, as text. */
import type { PrintedTensor } from "@opentrn/device";

/** Elements shown at each end of a longer row. */
const EDGE = 4;
const ROWS = 8;

const number = (x: number): string => (Number.isInteger(x) ? String(x) : x.toPrecision(6));

function row(values: PrintedTensor["values"]): string {
  const all = Array.from<number, string>(values, number);
  return all.length <= 2 * EDGE + 1
    ? `[${all.join(" ")}]`
    : `[${all.slice(0, EDGE).join(" ")} … ${all.slice(-EDGE).join(" ")}]`;
}

/** `prefix float32[2,3]` and one line a row; long rows and tall tensors are cut in the middle. */
export function printedText(p: PrintedTensor): string {
  const width = p.shape.at(-1) ?? 1;
  const count = p.values.length / width;
  const rows = Array.from({ length: count }, (_, i) => i);
  const shown = count <= 2 * ROWS ? rows : [...rows.slice(0, ROWS), -1, ...rows.slice(-ROWS)];
  const lines = shown.map((i) =>
    i < 0 ? "  …" : `  ${row(p.values.subarray(i * width, (i + 1) * width))}`,
  );
  return [`${p.prefix} ${p.dtype}[${p.shape.join(",")}]`, ...lines].join("\n");
}
