/** Time a Program's matmuls would take at the peak of its data types: what MFU compares the run with. */
import { type InstructionClass, matmulSizes, type Program } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";

/** Useful multiply-adds count; transposes by TensorE do not. */
function peakNs(c: InstructionClass, program: Program): number {
  if (c.op.name !== "nc_matmul" || c.call.attr["is_transpose"] === true) return 0;
  const { K, M, N } = matmulSizes(c.call);
  const widest = Math.max(
    bytesOf(c.call.tile["stationary"]!.dtype),
    bytesOf(c.call.tile["moving"]!.dtype),
  );
  const { fp8, bf16, fp32 } = program.chip.peakTflops;
  const peak = widest === 1 ? fp8 : widest === 2 ? bf16 : fp32;
  return (2 * K * M * N) / (peak.value * 1000);
}

/** Nanoseconds at peak on one core, over the instructions that were executed (all, in program order, by default). */
export function matmulPeakNs(program: Program, executed?: readonly Uint32Array[]): number {
  const each = program.classes.map((c) => peakNs(c, program));
  let sum = 0;
  for (const indices of executed ?? [program.starts.keys()])
    for (const i of indices) sum += each[program.classOf[i]!]!;
  return sum;
}
