/** Columns of text, aligned; the first line of the report's house style. */
import type { Colours } from "../io.ts";

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** Longest cell; longer ones are cut with an ellipsis. */
  readonly max?: number;
}

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

/** Rows under a dim title line, two spaces apart. The last column is never padded. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  colours: Colours,
): string {
  const cells = rows.map((row) => row.map((c, i) => cut(c, columns[i]?.max ?? 1000)));
  const widths = columns.map((c, i) =>
    Math.max(c.title.length, ...cells.map((row) => row[i]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((c, i) =>
        columns[i]?.right
          ? c.padStart(widths[i]!)
          : i === columns.length - 1
            ? c
            : c.padEnd(widths[i]!),
      )
      .join("  ")
      .trimEnd();
  return `${[colours.dim(line(columns.map((c) => c.title))), ...cells.map(line)].join("\n")}\n`;
}

/** Breaks text at spaces so that no line exceeds `width`; continuation lines are indented. */
export function wrap(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > width - indent.length) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  lines.push(line);
  return lines.map((l, i) => (i === 0 ? l : indent + l)).join("\n");
}
