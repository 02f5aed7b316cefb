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

/** Elements of an operand. */
export const elementsIn = (o: Strided): number => o.counts.reduce((a, b) => a * b, 1);

/** Whether 32-bit elements follow each other in memory, so that they move as one block. */
export function isBlock(o: Strided): boolean {
  let run = bytesOf(o.dtype);
  if (run !== 4) return false;
  for (let d = o.counts.length - 1; d >= 0; d--) {
    if (o.counts[d] !== 1 && o.strides[d] !== run) return false;
    run *= o.counts[d]!;
  }
  return true;
}

/** All elements of an operand; `offsets` are asked for only where elements move one by one. */
export function readWhole(
  m: MemoryMap,
  o: Strided,
  offsets: () => Int32Array,
  raw: boolean,
): OperandData {
  if (!isBlock(o) || !(raw || o.dtype === "float32")) return readDense(m, o, offsets(), raw);
  const from = o.address >>> 2;
  return (raw ? m.u32 : m.f32).slice(from, from + elementsIn(o));
}

/** Stores all elements of an operand. */
export function writeWhole(
  m: MemoryMap,
  o: Strided,
  offsets: () => Int32Array,
  data: OperandData,
): void {
  const raw = data instanceof Uint32Array;
  if (!isBlock(o) || !(raw || o.dtype === "float32")) {
    writeDense(m, o, offsets(), data);
    return;
  }
  const from = o.address >>> 2;
  const values = data.length === elementsIn(o) ? data : data.subarray(0, elementsIn(o));
  (raw ? m.u32 : m.f32).set(values, from);
  if (raw) return;
  // What is computed is stored with the one NaN of its type.
  const nan = encode(Number.NaN, "float32");
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) m.u32[from + i] = nan;
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
