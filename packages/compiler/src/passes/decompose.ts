/** Composites that no template takes as they are become the primitive operations they mean. */
import type { Chip } from "@opentrn/chips";
import {
  call,
  compositeName,
  decompositionOf,
  type Func,
  inlineCalls,
  type Operation,
  rewrite,
} from "@opentrn/ir";
import { outline } from "../fuse/outline.ts";
import { templateFor } from "../lower/lower-group.ts";

/** The function with only those composites left that the chip has a template for. */
export function decomposeUnsupported(fn: Func, chip: Chip): Func {
  const made = rewrite(fn, (op, operands) => {
    const name = compositeName(op);
    if (!name || name === "all_reduce" || hasTemplate(op, chip)) return undefined;
    const types = op.operands.map((v) => v.type);
    return call(decompositionOf(name, types, String(op.attrs["backend_config"])), operands);
  });
  return inlineCalls(made);
}

const hasTemplate = (op: Operation, chip: Chip): boolean =>
  templateFor(outline(op.name, [op], op.results).fn, chip) !== undefined;
