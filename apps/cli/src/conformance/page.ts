/**
 * docs/conformance.md: one section a repository, between markers, so that a run replaces its own section and leaves the others. A section
 * names the commit, the counts and every kernel that did not simply pass.
 */
import { type ConformanceResult, type KernelRow, statuses } from "./result.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const exceptions = (rows: readonly KernelRow[]): readonly KernelRow[] =>
  rows.filter((r) => r.status !== "pass");
const remarks = (rows: readonly KernelRow[]): readonly KernelRow[] =>
  rows.filter((r) => r.status === "pass" && r.reason !== "");

const rowsOf = (rows: readonly KernelRow[]): string =>
  [
    "| kernel | status | reason |",
    "|---|---|---|",
    ...rows.map((r) => `| \`${r.file}\` ${cell(r.kernel)} | ${r.status} | ${cell(r.reason)} |`),
  ].join("\n");

/** How often each remark is made, most frequent first: thirty equal rows say nothing more than one count. */
function remarkCounts(rows: readonly KernelRow[]): string {
  const counted = new Map<string, number>();
  for (const r of rows) counted.set(r.reason, (counted.get(r.reason) ?? 0) + 1);
  return [...counted]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([reason, n]) => `- ${n} kernel${n === 1 ? "" : "s"}: ${reason}`)
    .join("\n");
}

/** The section of one repository. */
export function sectionOf(name: string, result: ConformanceResult): string {
  const { commit, kernels, counts } = result;
  const parts = [
    `## ${name}`,
    `Commit ${commit === null ? "unknown" : `\`${commit}\``}: ${kernels.length} kernels, ${statuses.map((s) => `${counts[s]} ${s}`).join(", ")}.`,
  ];
  const wrong = exceptions(kernels);
  if (wrong.length > 0) parts.push(rowsOf(wrong));
  const notes = remarks(kernels);
  if (notes.length > 0) parts.push(`Remarks on kernels that pass:\n\n${remarkCounts(notes)}`);
  return parts.join("\n\n");
}

const opening = (name: string): string => `<!-- conformance ${name} -->`;
const closing = (name: string): string => `<!-- end of ${name} -->`;

/** `page` with the section of `name` put in, replacing an earlier one. */
export function withSection(page: string, name: string, section: string): string {
  const block = `${opening(name)}\n${section}\n${closing(name)}`;
  const from = page.indexOf(opening(name));
  const to = page.indexOf(closing(name));
  if (from >= 0 && to > from)
    return page.slice(0, from) + block + page.slice(to + closing(name).length);
  return `${page.trimEnd()}\n\n${block}\n`;
}
