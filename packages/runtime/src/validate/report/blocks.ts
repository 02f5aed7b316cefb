/** A page as blocks, written as Markdown or as one HTML file. Text may hold `code` and nothing else. */

export type Block =
  | { readonly kind: "heading"; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "table";
      readonly columns: readonly string[];
      /** Columns from this one on hold numbers. */
      readonly numbersFrom: number;
      readonly numbersTo?: number;
      readonly rows: readonly (readonly string[])[];
    }
  /** A plot, by the name of its file. */
  | { readonly kind: "plot"; readonly name: string; readonly alt: string };

export const heading = (level: 1 | 2 | 3, text: string): Block => ({
  kind: "heading",
  level,
  text,
});
export const paragraph = (text: string): Block => ({ kind: "text", text });
export const table = (
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  numbersFrom = columns.length,
  numbersTo = columns.length,
): Block => ({ kind: "table", columns, rows, numbersFrom, numbersTo });

const cell = (text: string): string => text.replace(/\|/g, "\\|");

function markdownBlock(b: Block, folder: string): string {
  switch (b.kind) {
    case "heading":
      return `${"#".repeat(b.level)} ${b.text}`;
    case "text":
      return b.text;
    case "plot":
      return `![${b.alt}](${folder}/${b.name}.svg)`;
    case "table": {
      const right = (i: number): boolean =>
        i >= b.numbersFrom && i < (b.numbersTo ?? b.columns.length);
      const lines = [
        b.columns,
        b.columns.map((_, i) => (right(i) ? "--:" : "---")),
        ...b.rows.map((r) => r.map(cell)),
      ];
      return lines.map((l) => `| ${l.join(" | ")} |`).join("\n");
    }
  }
}

/** `note` is put in a comment below the title; plots lie in `folder`. */
export function markdown(blocks: readonly Block[], note: string, folder: string): string {
  const [title, ...rest] = blocks.map((b) => markdownBlock(b, folder));
  return `${[title, `<!-- ${note} -->`, ...rest].join("\n\n")}\n`;
}

const escaped = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const inline = (text: string): string =>
  escaped(text)
    .replace(/`([^`]*)`/g, "<code>$1</code>")
    .replace(/\[([^\]]*)\]\(([^)]*)\)/g, '<a href="$2">$1</a>');

function htmlBlock(b: Block, plots: Readonly<Record<string, string>>): string {
  switch (b.kind) {
    case "heading":
      return `<h${b.level}>${inline(b.text)}</h${b.level}>`;
    case "text":
      return `<p>${inline(b.text)}</p>`;
    case "plot":
      return `<figure>${plots[b.name] ?? ""}<figcaption>${inline(b.alt)}</figcaption></figure>`;
    case "table": {
      const cells = (row: readonly string[], tag: "td" | "th"): string =>
        row
          .map((c, i) => {
            const right = i >= b.numbersFrom && i < (b.numbersTo ?? b.columns.length);
            return `<${tag}${right ? ' class="n"' : ""}>${inline(c)}</${tag}>`;
          })
          .join("");
      return [
        "<table>",
        `<thead><tr>${cells(b.columns, "th")}</tr></thead>`,
        "<tbody>",
        ...b.rows.map((r) => `<tr>${cells(r, "td")}</tr>`),
        "</tbody>",
        "</table>",
      ].join("\n");
    }
  }
}

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-size:13px}th,td{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left}
.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1rem 0}svg{max-width:100%}code{background:#f4f4f4;padding:0 .2em}`;

/** One file with everything in it. */
export function html(blocks: readonly Block[], plots: Readonly<Record<string, string>>): string {
  const title = blocks.find((b) => b.kind === "heading");
  return [
    "<!doctype html>",
    '<html lang="en">',
    `<head><meta charset="utf-8"><title>${title?.kind === "heading" ? escaped(title.text) : ""}</title><style>${style}</style></head>`,
    "<body>",
    ...blocks.map((b) => htmlBlock(b, plots)),
    "</body>",
    "</html>",
    "",
  ].join("\n");
}
