/** gather, scatter and dynamic slices: windows moved by DMA at run-time offsets. */
import type { Func, Operation, Value } from "@opentrn/ir";
import type { View } from "../../emit/view.ts";
import { isSource, sourcesOf } from "../move/sources.ts";
import type { Lowering, Template } from "../template.ts";
import { dynamicSlice, dynamicUpdateSlice } from "./dynamic-slice.ts";
import { gather } from "./gather.ts";
import { scatter, scatterRefuses } from "./scatter.ts";

export type LowerIndexed = (lowering: Lowering, op: Operation, source: (v: Value) => View) => void;

const anchors: Readonly<Record<string, LowerIndexed>> = {
  gather,
  scatter,
  dynamic_slice: dynamicSlice,
  dynamic_update_slice: dynamicUpdateSlice,
};

const anchorsOf = (group: Func): readonly Operation[] =>
  group.body.filter((op) => op.name in anchors);

export const indexed: Template = {
  name: "indexed",
  summary: "one gather, scatter or dynamic slice, by DMA at run-time offsets",
  refuses: (group) => {
    const [op, ...more] = anchorsOf(group);
    if (!op) return "no operation addresses by run-time indices";
    if (more.length > 0) return `both ${op.name} and ${more[0]!.name}`;
    const other = group.body.find((o) => o !== op && !isSource(o));
    if (other) return `${other.name} beside ${op.name}`;
    if (group.results.length !== 1 || group.results[0]!.op !== op)
      return `${op.name} is not the only result`;
    return op.name === "scatter" ? scatterRefuses(op) : undefined;
  },
  lower: (lowering) => {
    const op = lowering.group.results[0]!.op;
    anchors[op.name]!(lowering, op, sourcesOf(lowering));
  },
};
