/** How the cost of predicting time grows: the same kernel with 10^3 to 10^6 instructions, range and critical path included. */
import { chipNamed } from "@opentrn/chips";
import { place, timeline } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import { kernel, nisa, nl, type Tensor } from "@opentrn/nki";
import { medianSeconds } from "./measure.ts";
import type { Bench } from "./rows.ts";

/** Instructions of one turn of the loop: a load, three matmuls, an eviction, an element-wise instruction and a store. */
const TURN = 7;

const stream = kernel("stream", (x: Tensor, turns: number) => {
  const result = nl.ndarray(x.shape, { dtype: "bfloat16", buffer: "shared_hbm" });
  for (let i = 0; i < turns; i++) {
    const rows: [number, number] = [128 * (i % 64), 128 * (i % 64) + 128];
    const tile = nl.ndarray([128, 512], { dtype: "bfloat16" });
    nisa.dmaCopy({ dst: tile, src: x.slice(rows) });
    const bank = nl.ndarray([128, 512], { dtype: "float32", buffer: "psum" });
    for (let k = 0; k < 3; k++)
      nisa.ncMatmul({ dst: bank, stationary: tile.slice(":", [0, 128]), moving: tile });
    const out = nl.ndarray([128, 512], { dtype: "bfloat16" });
    nisa.tensorCopy({ dst: out, src: bank, engine: i % 2 === 0 ? "vector" : "scalar" });
    nisa.tensorScalar({ dst: out, data: out, op0: nl.multiply, operand0: 0.5, engine: "vector" });
    nisa.dmaCopy({ dst: result.slice(rows), src: out });
  }
  return result;
});

/** The kernel with about `instructions` of them. */
export const streamOf = (instructions: number): Program =>
  stream.build({
    chip: chipNamed("trn2"),
    inputs: { x: { shape: [8192, 512], dtype: "bfloat16" } },
    args: { turns: Math.round(instructions / TURN) },
    lines: false,
  });

/** Nanoseconds of host time an instruction. */
export function nanosecondsEach(instructions: number, seconds = 0.5, runs = 3): number {
  const program = streamOf(instructions);
  const placement = place(program);
  const each = medianSeconds(() => timeline(program, placement), seconds, runs);
  return (1e9 * each) / program.starts.length;
}

export const growthBenches: readonly Bench[] = [1e3, 1e4, 1e5, 1e6].map((n) => ({
  name: `timeline of 10^${Math.log10(n)} instructions`,
  unit: "ns an instr.",
  target: 1000,
  higher: false,
  measure: () => ({ value: nanosecondsEach(n) }),
}));
