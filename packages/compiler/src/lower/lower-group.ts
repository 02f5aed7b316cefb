/** One group of operations to its Program. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { listSchedule } from "@opentrn/device";
import { type Func, parameterName, print, type Value } from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import { Emitter } from "../emit/emitter.ts";
import type { View } from "../emit/view.ts";
import { templates } from "./table.ts";
import type { LowerOptions, Template } from "./template.ts";

/** A lowered group. Inputs and outputs of the Program are the group's parameters and results, in order. */
export interface Module {
  readonly name: string;
  readonly template: string;
  readonly group: Func;
  readonly program: Program;
}

/** Instructions that the list scheduler looks ahead. */
const WINDOW = 128;

/** The first template that takes the group. */
export const templateFor = (group: Func, chip: Chip): Template | undefined =>
  templates.find((t) => t.refuses(group, chip) === undefined);

/** Lowers a group. Stops with `unsupported here` when no template takes it, with every template's reason. */
export function lowerGroup(group: Func, chip: Chip, options: LowerOptions = {}): Module {
  const template = templateFor(group, chip);
  if (!template) throw noTemplate(group, chip);
  const emit = new Emitter(group.name, chip);
  const inputs = new Map<Value, View>(
    group.params.map((v) => [v, emit.hbm(parameterName(v), v.type.dtype, v.type.shape, "input")]),
  );
  const outputs = group.results.map((v, i) =>
    emit.hbm(`result${i}`, v.type.dtype, v.type.shape, "output"),
  );
  let reorders = template.reorders === true;
  template.lower({
    group,
    chip,
    emit,
    options,
    input: (v) => inputs.get(v)!,
    output: (i) => outputs[i]!,
    reorder: () => {
      reorders = true;
    },
  });
  const made = emit.finish();
  const program = reorders ? listSchedule(made, { window: WINDOW }) : made;
  return { name: group.name, template: template.name, group, program };
}

function noTemplate(group: Func, chip: Chip): OpenTrnError {
  const why = templates.map((t) => `  ${t.name}: ${t.refuses(group, chip)}`).join("\n");
  const at = group.body.find((op) => op.site.location)?.site.location;
  return new OpenTrnError(
    `the compiler cannot lower this group for ${chip.name}:\n${print(group)}\n${why}`,
    { category: "unsupported here", rule: "lowering", at },
  );
}
