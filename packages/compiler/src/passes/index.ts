/** The passes, in order. Each takes a function and gives a function that means the same. */
import type { Chip } from "@opentrn/chips";
import { type Func, inlineCalls } from "@opentrn/ir";
import { fuse } from "../fuse/fuse.ts";
import { decomposeUnsupported } from "./decompose.ts";
import { narrowProducts } from "./fp8.ts";
import { simplify } from "./simplify.ts";

export interface PassOptions {
  readonly chip: Chip;
  readonly mostOps?: number;
  /** Products of 16-bit operands in fp8. */
  readonly fp8?: boolean;
}

export interface Pass {
  readonly name: string;
  readonly summary: string;
  readonly run: (fn: Func, options: PassOptions) => Func;
}

export const passes: readonly Pass[] = [
  { name: "inline", summary: "calls become the operations they call", run: inlineCalls },
  {
    name: "decompose",
    summary: "composites without a template become primitive operations",
    run: (fn, { chip }) => decomposeUnsupported(fn, chip),
  },
  {
    name: "simplify",
    summary: "operations that change nothing go; equal ones are shared; unused ones go",
    run: simplify,
  },
  {
    name: "fp8",
    summary: "where asked for, products of 16-bit operands in fp8",
    run: (fn, { fp8 }) => (fp8 ? simplify(narrowProducts(fn)) : fn),
  },
  {
    name: "fuse",
    summary: "operations become calls of groups that are lowered whole",
    run: (fn, { chip, mostOps }) => fuse(fn, chip, mostOps === undefined ? {} : { mostOps }),
  },
];
