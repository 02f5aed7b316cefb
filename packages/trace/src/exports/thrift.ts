/** Writes Thrift's compact protocol, as far as Parquet's metadata needs it. */

const code = { i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

/** A value of a struct's field: numbers are i32 unless given as bigint, text is binary. */
export type ThriftValue = number | bigint | string | Struct | readonly ThriftValue[];
/** Fields by number; absent ones are not written. */
export type Struct = { readonly [field: number]: ThriftValue };

export function thriftBytes(value: Struct): Uint8Array {
  const out: number[] = [];
  struct(value, out);
  return Uint8Array.from(out);
}

function varint(value: bigint, out: number[]): void {
  let rest = value;
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

const zigzag = (n: bigint): bigint => (n < 0n ? -2n * n - 1n : 2n * n);

function typeOf(value: ThriftValue): number {
  if (typeof value === "number") return code.i32;
  if (typeof value === "bigint") return code.i64;
  if (typeof value === "string") return code.binary;
  return Array.isArray(value) ? code.list : code.struct;
}

function struct(fields: Struct, out: number[]): void {
  let last = 0;
  const numbers = Object.keys(fields).map(Number);
  for (const n of numbers.sort((a, b) => a - b)) {
    const value = fields[n]!;
    // Field numbers are close together here, so the short form always fits.
    out.push(((n - last) << 4) | typeOf(value));
    last = n;
    write(value, out);
  }
  out.push(0);
}

function write(value: ThriftValue, out: number[]): void {
  if (typeof value === "number" || typeof value === "bigint") varint(zigzag(BigInt(value)), out);
  else if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    varint(BigInt(bytes.length), out);
    for (const b of bytes) out.push(b);
  } else if (Array.isArray(value)) {
    const list = value as readonly ThriftValue[];
    const type = typeOf(list[0] ?? {});
    if (list.length < 15) out.push((list.length << 4) | type);
    else {
      out.push(0xf0 | type);
      varint(BigInt(list.length), out);
    }
    for (const v of list) write(v, out);
  } else struct(value as Struct, out);
}
