/**
 * Strided arrays in a real memory for kernel tests: random shapes, strides, types and values; and a check that a kernel wrote exactly what
 * was expected and not one byte more.
 */
import { Random } from "@opentrn/base";
import { bytesOf, type DType, decode, dtypeNames, encode, f32OfBits } from "@opentrn/numerics";
import { DescriptorArena, loadKernels, type Operand } from "../src/index.ts";

const REGION_BYTES = 1 << 20;

/** Every type that can be read and written through fp32. */
export const convertible = dtypeNames.filter((d) => !d.endsWith("_x4"));

/** Patterns where conversions go wrong: limits, ties, subnormals, infinities, NaN. */
const edges = [
  0, 0x80000000, 1, 0x80000001, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001,
  0x7f7fffff, 0xff7fffff, 0x00800000, 0x33800000, 0x33800001, 0x38800000, 0x387fe000, 0x387fffff,
  0x477fe000, 0x477fefff, 0x477ff000, 0x3f808000, 0x3f818000, 0x3f000000, 0x3fc00000, 0x40200000,
  0x4b000001, 0x4f000000, 0xcf000000, 0x4f7fffff, 0x4f800000, 0x43700000, 0x43780000, 0x43e00000,
  0x43e80000, 0x43f00000, 0x47600000, 0x47700000, 0x3b000000, 0x3a800000, 0x37800000, 0x37000000,
  0x7f000000,
];

export class Bench {
  readonly memory = new WebAssembly.Memory({ initial: 96 });
  readonly kernels = loadKernels(this.memory);
  readonly exports = this.kernels.exports;
  readonly random: Random;
  readonly arena: DescriptorArena;
  private readonly base: number;
  private next: number;
  private readonly view: DataView;

  constructor(seed: number) {
    this.random = new Random(seed);
    const first = this.kernels.firstFreeByte;
    this.arena = new DescriptorArena(this.memory, first, first + 65536);
    this.base = first + 65536;
    this.next = this.base;
    this.view = new DataView(this.memory.buffer);
  }

  /** Forgets all arrays and descriptors. */
  reset(): void {
    this.arena.reset();
    this.next = this.base;
  }

  /** A new array with gaps and, when `shuffle`, dimensions laid out in any order; dimension 0 outermost otherwise. */
  array(dtype: DType, counts: readonly number[], shuffle = this.random.below(3) === 0): Strided {
    const order = counts.map((_, i) => i);
    if (shuffle) order.sort(() => this.random.uniform() - 0.5);
    const strides = new Array<number>(counts.length).fill(0);
    let extent = bytesOf(dtype);
    for (const d of order.reverse()) {
      const gap = this.random.below(3) === 0 ? this.random.below(4) * bytesOf(dtype) : 0;
      strides[d] = extent + gap;
      extent = strides[d]! * counts[d]!;
    }
    return this.place(dtype, counts, strides, extent);
  }

  /** A dense array with whole rows `pitch` bytes apart. */
  tile(
    dtype: DType,
    partitions: number,
    free: number,
    pitch = free * bytesOf(dtype) + 64,
  ): Strided {
    return this.place(dtype, [partitions, free], [pitch, bytesOf(dtype)], pitch * partitions);
  }

  private place(
    dtype: DType,
    counts: readonly number[],
    strides: number[],
    extent: number,
  ): Strided {
    const gap = this.random.below(4) * 4;
    const address = Math.ceil((this.next + gap) / 4) * 4;
    this.next = address + extent;
    if (this.next > this.base + REGION_BYTES) throw new Error("test region is full");
    return new Strided(this.view, { address, dtype, dims: counts.map((n, i) => [strides[i]!, n]) });
  }

  /** Fills the array with values of every kind; `plain` keeps to moderate numbers. */
  fill(array: Strided, plain = false): Strided {
    for (let i = 0; i < array.size; i++) array.setBits(i, this.value(array.dtype, plain));
    return array;
  }

  private value(dtype: DType, plain: boolean): number {
    const r = this.random;
    const kind = plain ? 0 : r.below(4);
    if (kind === 0) return encode(Math.fround(r.normal() * 4), dtype);
    if (kind === 1) return encode(Math.fround(r.normal() * 2 ** (r.below(60) - 30)), dtype);
    if (kind === 2 && bytesOf(dtype) === 4) return r.pick(edges);
    if (kind === 2) return encode(f32OfBits(r.pick(edges)), dtype);
    return r.u32() % 2 ** (8 * bytesOf(dtype));
  }

  /** Runs `kernel` (which returns a status) and compares all of the region with `dst` replaced by `expected` raw bits. */
  expectWrites(
    kernel: () => number,
    ...writes: [dst: Strided, expected: readonly number[]][]
  ): void {
    const region = new Uint8Array(this.memory.buffer, this.base, REGION_BYTES);
    const before = region.slice();
    const status = kernel();
    if (status !== 0) throw new Error(`the kernel returned status ${status}`);
    const after = region.slice();
    region.set(before);
    for (const [dst, bits] of writes) for (let i = 0; i < dst.size; i++) dst.setBits(i, bits[i]!);
    const same = Buffer.compare(region, after) === 0;
    if (!same) {
      region.set(after);
      for (const [dst, bits] of writes)
        for (let i = 0; i < dst.size; i++) {
          const got = dst.bits(i);
          if (got !== bits[i]!)
            throw new Error(
              `${dst.dtype} ${JSON.stringify(dst.operand.dims)} element ${i}: 0x${got.toString(16)}, not 0x${bits[i]!.toString(16)}`,
            );
        }
      throw new Error("the kernel wrote outside its destination");
    }
  }
}

/** One strided array; elements are numbered in row-major order. */
export class Strided {
  readonly operand: Operand;
  readonly size: number;
  private readonly view: DataView;
  private readonly bytes: number;

  constructor(view: DataView, operand: Operand) {
    this.view = view;
    this.operand = operand;
    this.size = operand.dims.reduce((n, [, count]) => n * count, 1);
    this.bytes = bytesOf(operand.dtype);
  }

  get dtype(): DType {
    return this.operand.dtype;
  }

  addressOf(i: number): number {
    let rest = i;
    let at = this.operand.address;
    for (const [stride, count] of [...this.operand.dims].reverse()) {
      at += (rest % count) * stride;
      rest = Math.floor(rest / count);
    }
    return at;
  }

  bits(i: number): number {
    const at = this.addressOf(i);
    if (this.bytes === 4) return this.view.getUint32(at, true);
    return this.bytes === 2 ? this.view.getUint16(at, true) : this.view.getUint8(at);
  }

  setBits(i: number, bits: number): void {
    const at = this.addressOf(i);
    if (this.bytes === 4) this.view.setUint32(at, bits, true);
    else if (this.bytes === 2) this.view.setUint16(at, bits, true);
    else this.view.setUint8(at, bits);
  }

  allBits(): number[] {
    return Array.from({ length: this.size }, (_, i) => this.bits(i));
  }

  /** All elements as an engine reads them. */
  values(): number[] {
    return this.allBits().map((b) => decode(b, this.dtype));
  }
}

/** The bits a store of fp32 `values` as `dtype` leaves. */
export const stored = (values: readonly number[], dtype: DType): number[] =>
  values.map((x) => encode(x, dtype));
