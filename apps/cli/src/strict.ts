/** `--strict`: what the linter found in a kernel stops the run. */
import { OpenTrnError } from "@opentrn/base";
import type { TracedProgram } from "@opentrn/runtime";

/** Throws the first finding, with how many there are. */
export function refuseLints({ lints = [] }: TracedProgram): void {
  const [first] = lints;
  if (!first) return;
  const more = lints.length - 1;
  const rest = more === 0 ? "" : ` (and ${more} more; trn lint lists all)`;
  throw new OpenTrnError(`${first.rule}: ${first.message}${rest}`, {
    category: "invalid program",
    rule: first.rule,
    at: first.file && first.line ? { file: first.file, line: first.line } : undefined,
  });
}
