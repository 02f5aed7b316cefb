/** Stored tensors to fp32 numbers and back. */
import { OpenTrnError } from "@opentrn/base";
import { decode } from "@opentrn/numerics";
import { type StoredTensor, valuesOf } from "@opentrn/runtime";

const halves = (bytes: Uint8Array): Uint16Array =>
  // The bytes are a copy of their own, but need not begin at an even place.
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Uint16Array(bytes.slice().buffer);

let fp16: Float32Array | undefined;

const readers: Readonly<Record<string, (t: StoredTensor) => Float32Array>> = {
  float32: ({ bytes }) => new Float32Array(bytes.slice().buffer),
  bfloat16: ({ bytes }) => {
    const bits = halves(bytes);
    const out = new Uint32Array(bits.length);
    for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
    return new Float32Array(out.buffer);
  },
  float16: ({ bytes }) => {
    fp16 ??= Float32Array.from({ length: 2 ** 16 }, (_, b) => decode(b, "float16"));
    const bits = halves(bytes);
    const out = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) out[i] = fp16[bits[i]!]!;
    return out;
  },
  float64: (t) => Float32Array.from(valuesOf(t)),
};

/** A tensor's numbers in fp32; stops when it holds anything but floats of 16 bits and more. */
export function floatsOf(tensor: StoredTensor, what: string): Float32Array {
  const read = Object.hasOwn(readers, tensor.dtype) ? readers[tensor.dtype] : undefined;
  if (read) return read(tensor);
  throw new OpenTrnError(
    `${what} holds ${tensor.dtype}; weights are ${Object.keys(readers).join(", ")}`,
    { category: "bad input", rule: "checkpoint type" },
  );
}
