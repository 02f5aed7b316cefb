/**
 * Cost forms of the in-order engines. On trn2 the interval is additive, elements + fixed (measured); the documented form for
 * older text is max(64, elements). Each chip's facts say which parts it has.
 */
import type { EngineFacts } from "@opentrn/chips";
import { bytesOf, isFloat } from "@opentrn/numerics";
import type { AnyCall, EngineCost, Tile } from "../define.ts";

const factsOf = (call: AnyCall): EngineFacts =>
  call.engine === "scalar"
    ? call.chip.engines.scalar
    : call.engine === "gpsimd"
      ? call.chip.engines.gpsimd
      : call.chip.engines.vector;

/** Interval and latency for `elements` per lane at `rate` elements a cycle; `pointers` operands are read per partition. */
export function streaming(call: AnyCall, elements: number, rate = 1, pointers = 0): EngineCost {
  const f = factsOf(call);
  const work =
    Math.ceil(elements / rate) + f.fixedCycles.value + (pointers > 0 ? f.pointerCycles.value : 0);
  const interval = Math.max(f.minimumCycles.value, work);
  return { interval, latency: interval + f.latencyCycles.value };
}

/** Adds the instruction that reads accumulators out: one minimum interval (Neuron SDK 2.26.1 nki.isa.activation_reduce). */
export function withReadOut(call: AnyCall, cost: EngineCost, wanted = true): EngineCost {
  const extra = wanted ? factsOf(call).minimumCycles.value : 0;
  return { interval: cost.interval + extra, latency: cost.latency + extra };
}

const narrow = (t: Tile | undefined): boolean =>
  t === undefined || (bytesOf(t.dtype) <= 2 && isFloat(t.dtype));
const contiguous = (t: Tile | undefined): boolean =>
  t === undefined || t.free === 1 || t.strides.at(-1) === 1;

/**
 * Elements a cycle of VectorE copies and tensor-scalar forms: 4 when all operands are 16-bit floats in SBUF with a contiguous
 * inner dimension, 2 when not contiguous or one lies in PSUM (Neuron SDK, trainium2_arch.rst); never above the chip's width.
 */
export function copyRate(call: AnyCall, ...tiles: (Tile | undefined)[]): number {
  const f = factsOf(call);
  if (!tiles.every(narrow)) return f.width.value;
  if (call.engine !== "vector") return f.narrowWidth.value;
  const psum = tiles.filter((t) => t?.space === "psum").length;
  const mode = psum === 0 && tiles.every(contiguous) ? 4 : psum <= 1 ? 2 : 1;
  return Math.max(f.width.value, Math.min(mode, f.narrowWidth.value));
}

/**
 * Elements a cycle of tensor-scalar forms: the copy modes for 16-bit floats; fp32 between SBUF tiles at half the narrow rate
 * (two a cycle measured on trn2), one a cycle with PSUM.
 */
export function tensorScalarRate(call: AnyCall, ...tiles: (Tile | undefined)[]): number {
  const f = factsOf(call);
  if (tiles.every(narrow)) return copyRate(call, ...tiles);
  if (call.engine !== "vector" || tiles.some((t) => t?.space === "psum")) return f.width.value;
  return Math.max(f.width.value, f.narrowWidth.value / 2);
}

/**
 * Cycles' worth of elements of an instruction with two whole-tile inputs. One of them in PSUM: N, each comes by its own way. Both in
 * SBUF: 2N where VectorE reads one fp32 element a cycle, N for 16-bit floats (Neuron SDK 2.26.1 nki.isa.tensor_tensor); on chips
 * that read two fp32 elements a cycle half of that. For trn2 this is derived: AdamW's four scalar_tensor_tensor of 87,552 fp32
 * elements take 394 us of VectorE, 1.08 cycles an element (kda-for-trainium).
 */
export function twoStreams(call: AnyCall, a: Tile, b: Tile, halved = allHalf(a, b)): number {
  if (a.space === "psum" || b.space === "psum") return a.free;
  const wide = call.engine === "vector" ? Math.max(1, factsOf(call).narrowWidth.value / 2) : 1;
  return Math.ceil((2 * a.free) / (wide * (halved ? 2 : 1)));
}

/** Whether all tiles hold 16-bit floats. */
export const allHalf = (...tiles: readonly Tile[]): boolean =>
  tiles.every((t) => t.dtype === "bfloat16" || t.dtype === "float16");
