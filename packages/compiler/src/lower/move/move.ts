/** Operations that only move elements, HBM to HBM by DMA: reshape, transpose, slice, broadcast, concatenate, pad and copies. */
import type { Template } from "../template.ts";
import { copy, isSource, sourcesOf } from "./sources.ts";

export const move: Template = {
  name: "move",
  summary: "operations that only move elements, by DMA between tensors in HBM",
  refuses: (group) => {
    const other = group.body.find((op) => !isSource(op));
    return other && `${other.name} is no move`;
  },
  lower: (lowering) => {
    const source = sourcesOf(lowering);
    lowering.group.results.forEach((v, i) => {
      copy(lowering.emit, lowering.output(i), source(v));
    });
  },
};
