/** Operand descriptors: the int32 words kernels read an n-d strided array from. See assembly/operand.ts for the layout. */
import { invariant, OpenTrnError } from "@opentrn/base";
import { type DType, dtypeId } from "@opentrn/numerics";

/** A strided array in the kernels' memory. */
export interface Operand {
  /** Byte address of element 0. */
  readonly address: number;
  readonly dtype: DType;
  /** Stride in bytes and count of each dimension, outermost first; 1 to 5 of them. On-chip, dimension 0 is the partition. */
  readonly dims: readonly (readonly [stride: number, count: number])[];
}

/** Most dimensions of an operand. */
export const MAX_RANK = 5;
const bytesFor = (rank: number): number => 12 + 8 * rank;

/** Writes descriptors and immediate values one after another into a region of memory. */
export class DescriptorArena {
  private readonly memory: WebAssembly.Memory;
  private readonly end: number;
  private readonly start: number;
  private next: number;

  /** `start` .. `end` are byte addresses; `start` must be a multiple of 4. */
  constructor(memory: WebAssembly.Memory, start: number, end: number) {
    invariant(start % 4 === 0, `descriptor arena starts at ${start}, not a multiple of 4`);
    this.memory = memory;
    this.start = start;
    this.next = start;
    this.end = end;
  }

  /** Forgets everything written so far. */
  reset(): void {
    this.next = this.start;
  }

  private take(bytes: number): number {
    const at = this.next;
    if (at + bytes > this.end)
      throw new OpenTrnError(
        `descriptor arena is full: ${this.end - this.start} bytes; make it larger or reset it between programs`,
        { category: "capacity" },
      );
    this.next = at + bytes;
    return at;
  }

  /** The address of a new descriptor of `operand`. */
  operand(operand: Operand): number {
    const { address, dtype, dims } = operand;
    invariant(
      dims.length >= 1 && dims.length <= MAX_RANK,
      `operand has ${dims.length} dimensions, 1 to ${MAX_RANK} allowed`,
    );
    const at = this.take(bytesFor(dims.length));
    const words = new Int32Array(this.memory.buffer, at, 3 + 2 * dims.length);
    words[0] = address;
    words[1] = dtypeId[dtype];
    words[2] = dims.length;
    dims.forEach(([stride, count], i) => {
      words[3 + 2 * i] = stride;
      words[4 + 2 * i] = count;
    });
    return at;
  }

  /** The address of a descriptor that reads the fp32 `value` for every element of an array with `counts`. */
  immediate(value: number, counts: readonly number[]): number {
    const address = this.take(4);
    new Float32Array(this.memory.buffer, address, 1)[0] = value;
    return this.operand({ address, dtype: "float32", dims: counts.map((n) => [0, n]) });
  }

  /** The address of a descriptor of a (P, 1) vector repeated along free dimensions of `free` elements. */
  perPartition(vector: Operand, free: readonly number[]): number {
    return this.operand({
      ...vector,
      dims: [vector.dims[0]!, ...free.map((n) => [0, n] as const)],
    });
  }
}
