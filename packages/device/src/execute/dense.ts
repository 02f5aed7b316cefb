/** Moves operands between strided host memory and the dense arrays that reference meanings work on. */

import { OpenTrnError } from "@opentrn/base";
import type { OperandData } from "@opentrn/isa";
import { bytesOf, type DType, decode, encode } from "@opentrn/numerics";
import type { MemoryMap } from "./memory-map.ts";

/** Where one operand lies: byte address of element 0, byte strides and counts, outermost first. */
export interface Strided {
  readonly address: number;
  readonly strides: readonly number[];
  readonly counts: readonly number[];
  readonly dtype: DType;
}

/** Element by element, an operand takes 4 bytes an element here. */
const MOST_ELEMENTS = 2 ** 27;

/** Byte offsets of all elements relative to the address, in row-major order of the counts. */
export function elementOffsets(strides: readonly number[], counts: readonly number[]): Int32Array {
  const elements = counts.reduce((a, b) => a * b, 1);
  if (elements > MOST_ELEMENTS)
    throw new OpenTrnError(
      `an operand of ${elements} elements is moved one by one; at most ${MOST_ELEMENTS} here, use several instructions`,
      { category: "capacity", rule: "host memory" },
    );
  let offsets = Int32Array.of(0);
  for (let d = 0; d < counts.length; d++) {
    const next = new Int32Array(offsets.length * counts[d]!);
    let n = 0;
    for (const base of offsets)
      for (let i = 0; i < counts[d]!; i++) next[n++] = base + i * strides[d]!;
    offsets = next;
  }
  return offsets;
}

/** fp32 value of every pattern of the types of at most 16 bits, made when first needed. */
const decodeTables = new Map<DType, Float32Array>();

function decodeTable(d: DType): Float32Array {
  let table = decodeTables.get(d);
  if (!table) {
    table = Float32Array.from({ length: 2 ** (8 * bytesOf(d)) }, (_, bits) => decode(bits, d));
    decodeTables.set(d, table);
  }
  return table;
}

const readBits = (m: MemoryMap, address: number, size: number): number =>
  size === 4
    ? m.u32[address >>> 2]!
    : size === 2
      ? m.u8[address]! | (m.u8[address + 1]! << 8)
      : m.u8[address]!;

function writeBits(m: MemoryMap, address: number, size: number, bits: number): void {
  if (size === 4) m.u32[address >>> 2] = bits;
  else if (size === 2) {
    m.u8[address] = bits & 255;
    m.u8[address + 1] = bits >>> 8;
  } else m.u8[address] = bits;
}

/** Reads an operand as raw zero-extended bits or as fp32 values. */
export function readDense(
  m: MemoryMap,
  o: Strided,
  offsets: Int32Array,
  raw: boolean,
): OperandData {
  const size = bytesOf(o.dtype);
  const n = offsets.length;
  if (raw) {
    const out = new Uint32Array(n);
    for (let i = 0; i < n; i++) out[i] = readBits(m, o.address + offsets[i]!, size);
    return out;
  }
  const out = new Float32Array(n);
  if (o.dtype === "float32")
    for (let i = 0; i < n; i++) out[i] = m.f32[(o.address + offsets[i]!) >>> 2]!;
  else if (size <= 2) {
    const table = decodeTable(o.dtype);
    for (let i = 0; i < n; i++) out[i] = table[readBits(m, o.address + offsets[i]!, size)]!;
  } else
    for (let i = 0; i < n; i++)
      out[i] = decode(readBits(m, o.address + offsets[i]!, size), o.dtype);
  return out;
}

/** Stores dense results: raw bits as they are, fp32 values rounded to the operand's type. */
export function writeDense(m: MemoryMap, o: Strided, offsets: Int32Array, data: OperandData): void {
  const size = bytesOf(o.dtype);
  const raw = data instanceof Uint32Array;
  for (let i = 0; i < offsets.length; i++) {
    const v = data[i]!;
    writeBits(m, o.address + offsets[i]!, size, raw ? v : encode(v, o.dtype));
  }
}
