/** `--watch TENSOR`: which storages of a Program a name or a source line means. */
import { OpenTrnError } from "@opentrn/base";
import { storagesWrittenBy } from "@opentrn/device";
import { locationOf, type Program } from "@opentrn/isa";
import type { TracedOutput } from "@opentrn/nki";

/** Names listed in a message. */
const LISTED = 12;

/** `name` of a tensor or of an output, or `FILE:LINE`: the tensors made there, else those written there. Throws `bad input`. */
export function watchedStorages(
  program: Program,
  outputs: readonly TracedOutput[],
  text: string,
): ReadonlySet<number> {
  const [, file, line] = /^(.+):(\d+)$/.exec(text) ?? [];
  const found =
    file === undefined
      ? [
          ...program.storages.filter((s) => s.name === text).map((s) => s.id),
          ...outputs.filter((o) => o.name === text).map((o) => o.storage),
        ]
      : storagesOnLine(program, file, Number(line));
  if (found.length > 0) return new Set(found);
  const names = [...new Set([...outputs, ...program.storages].map((s) => s.name))];
  const more = names.length > LISTED ? `, and ${names.length - LISTED} more` : "";
  throw new OpenTrnError(
    `--watch ${text} ${file === undefined ? "names no tensor" : "is a line that makes or writes no tensor"}; there are ${names.slice(0, LISTED).join(", ")}${more}. Give nl.ndarray a name=, or write FILE:LINE`,
    { category: "bad input", rule: "--watch" },
  );
}

function storagesOnLine(program: Program, file: string, line: number): readonly number[] {
  const here = (at: { readonly file: string; readonly line: number } | undefined): boolean =>
    at?.line === line && (at.file === file || at.file.endsWith(`/${file}`));
  const made = program.storages.filter((s) => here(program.lines[s.line])).map((s) => s.id);
  if (made.length > 0) return made;
  const written = new Set<number>();
  for (let i = 0; i < program.starts.length; i++)
    if (here(locationOf(program, i))) for (const s of storagesWrittenBy(program, i)) written.add(s);
  return [...written];
}
