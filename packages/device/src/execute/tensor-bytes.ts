/** Carries whole tensors between the caller's raw bytes and HBM, widening and narrowing in the fp32 mode. */
import type { Storage } from "@opentrn/isa";
import { bytesOf, decode, encode } from "@opentrn/numerics";
import { elementOffsets, readDense } from "./dense.ts";
import type { MemoryMap } from "./memory-map.ts";

const little = (bytes: Uint8Array, at: number, size: number): number => {
  let bits = 0;
  for (let b = size - 1; b >= 0; b--) bits = bits * 256 + bytes[at + b]!;
  return bits;
};

/** Puts raw bytes of a storage's own type into memory. */
export function storeTensor(map: MemoryMap, s: Storage, data: Uint8Array): void {
  const { from } = map.hbmRange(s);
  if (map.dtype(s.dtype) === s.dtype) {
    map.u8.set(data, from);
    return;
  }
  const size = bytesOf(s.dtype);
  for (let i = 0; i * size < data.length; i++)
    map.f32[(from >>> 2) + i] = decode(little(data, i * size, size), s.dtype);
}

/** Raw bytes of a storage in its own type. */
export function loadTensor(map: MemoryMap, s: Storage): Uint8Array {
  const { from, to } = map.hbmRange(s);
  if (map.dtype(s.dtype) === s.dtype) return map.u8.slice(from, to);
  const size = bytesOf(s.dtype);
  const out = new Uint8Array(s.rowBytes);
  for (let i = 0; i * size < out.length; i++) {
    const bits = encode(map.f32[(from >>> 2) + i]!, s.dtype);
    for (let b = 0; b < size; b++) out[i * size + b] = bits >>> (8 * b);
  }
  return out;
}

/** fp32 values of a storage as memory holds them, so without rounding in the fp32 mode. */
export function tensorValues(map: MemoryMap, s: Storage): Float32Array {
  const dtype = map.dtype(s.dtype);
  const counts = [s.rowBytes / bytesOf(s.dtype)];
  const strides = [bytesOf(dtype)];
  const strided = { address: map.hbmRange(s).from, strides, counts, dtype };
  return readDense(map, strided, elementOffsets(strides, counts), false) as Float32Array;
}
