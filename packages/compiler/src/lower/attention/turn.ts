/** Turns weights so that keys lie on partitions, and copies between memories. */
import { records } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import { P } from "./plan.ts";

/**
 * `dst` [128, chunks, 128] = `src` [128, chunks x 128] turned chunk by chunk, by the DMA engines: TensorE could do it in less time, but
 * only into PSUM, from where VectorE or ScalarE, which are the busiest in attention, would have to copy.
 */
export function turn(emit: Emitter, dst: View, src: View): void {
  const chunks = dst.shape[1]!;
  emit.emit(records.dmaTranspose, {
    dst,
    src: src.slice(1, 0, chunks * P).reshape([P, chunks, P]),
  });
}

/** The memory of a fp32 tile in PSUM, [128, n], as [128, chunks, 128] of another type. */
export function reused(psum: View, dtype: View["dtype"]): View {
  const ratio = bytesOf(psum.dtype) / bytesOf(dtype);
  const { pattern } = psum;
  const chunks = Math.floor((psum.free * ratio) / P);
  const dims = [pattern.dims[0]!, [P, chunks] as const, [1, P] as const];
  return new View("psum", { ...pattern, dtype, offset: pattern.offset * ratio, dims });
}

/** The same by TensorE, through two halves of a PSUM bank in turn, each [128, some chunks, 128]. */
export function turnThrough(
  emit: Emitter,
  tally: Tally,
  dst: View,
  src: View,
  half: () => View,
): void {
  const chunks = dst.shape[1]!;
  const rate =
    bytesOf(dst.dtype) === 2 ? Math.min(2, emit.chip.engines.vector.narrowWidth.value) : 1;
  for (let from = 0; from < chunks; ) {
    const via = half();
    const to = Math.min(from + via.shape[1]!, chunks);
    for (let c = from; c < to; c++)
      emit.emit(records.ncTranspose, {
        dst: via.at(1, c - from),
        data: src.slice(1, c * P, c * P + P),
      });
    const elements = (to - from) * P;
    const engine = tally.choose(
      tally.cost("vector", elements / rate),
      tally.cost("scalar", elements),
    );
    copy(emit, engine, dst.slice(1, from, to), via.slice(1, 0, to - from));
    from = to;
  }
}

/** dst = src, rounded, on either engine. */
export function copy(emit: Emitter, engine: "vector" | "scalar", dst: View, src: View): void {
  // ScalarE of the first generation has no tensor_copy.
  if (engine === "scalar") emit.emit(records.activation, { dst, data: src }, { op: "copy" });
  else emit.emit(records.tensorCopy, { dst, src }, { engine });
}

/** dst = scale x src, rounded, on the engine with less to do. */
export function scaledCopy(emit: Emitter, tally: Tally, dst: View, src: View, scale: number): void {
  const ns = (engine: "vector" | "scalar"): number => tally.cost(engine, src.free);
  if (tally.choose(ns("vector"), ns("scalar")) === "scalar")
    emit.emit(records.activation, { dst, data: src, scale }, { op: "copy" });
  else
    emit.emit(
      records.tensorScalar,
      { dst, data: src, operand0: scale },
      { op0: "multiply", engine: "vector" },
    );
}
