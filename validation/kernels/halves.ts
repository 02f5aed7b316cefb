/** fp32 operands as sums of two bf16 tiles, whose products take a quarter of the time each. */
import { type Index, nisa, nl, type Tensor } from "opentrn";
import { evictor, sbuf } from "./case.ts";

/** How the low part is made: by a subtraction that rounds, or by an fp32 subtraction and a copy. */
export type Split = "direct" | "residual";

/** Writes the bf16 parts of `x` (SBUF or PSUM) into `high` and `low`; `turn` spreads copies over the engines. */
export function split(x: Tensor, high: Tensor, low: Tensor, how: Split, turn: number): void {
  nisa.tensorCopy({ dst: high, src: x, engine: evictor(turn) });
  const rest = how === "direct" ? low : sbuf(x.shape, "float32");
  nisa.tensorTensor({ dst: rest, data1: x, data2: high, op: nl.subtract });
  if (how === "residual") nisa.tensorCopy({ dst: low, src: rest, engine: evictor(turn + 1) });
}

/** An operand: one fp32 tile, or its high and low bf16 tiles. */
export type Parts = readonly Tensor[];

/** The same slice of every part. */
export const sliced = (parts: Parts, ...index: readonly Index[]): Parts =>
  parts.map((p) => p.slice(...index));

/** dst += stationary x moving, as one fp32 product or as the three of bf16 parts that matter (`all`: four). */
export function multiply(dst: Tensor, stationary: Parts, moving: Parts, all = false): void {
  for (const [i, s] of stationary.entries())
    for (const [j, m] of moving.entries())
      if (all || i + j < 2) nisa.ncMatmul({ dst, stationary: s, moving: m });
}
