/** Physical bytes of an operand, read from a Program's words into a reused record: nothing is allocated per instruction. */
import type { Program } from "@opentrn/isa";
import { bytesOf, dtypeOf } from "@opentrn/numerics";
import type { Placement } from "../placement/index.ts";
import { dynamicTag } from "../placement/references.ts";
import { byteShape } from "./byte-set.ts";
import type { OperandPlan } from "./class-plan.ts";
import type { Registers } from "./stream.ts";

/** Positions in `Located.bytes`. */
export const LO = 0;
export const HI = 1;
export const PITCH = 2;
export const RUN = 3;

/** Bytes `lo + k * pitch + [0, run)` below `hi`, in partitions `p0` to `p1`. */
export class Located {
  /** `[lo, hi, pitch, run]`, in an array so that passing them on allocates nothing. */
  readonly bytes = new Float64Array(4);
  storage = 0;
  p0 = 0;
  p1 = 1;
  /** Word after the operand. */
  next = 0;
  /** Word of the tile that holds run-time offsets, or -1. */
  index = -1;

  set(lo: number, hi: number, pitch: number, run: number): void {
    this.bytes[LO] = lo;
    this.bytes[HI] = hi;
    this.bytes[PITCH] = pitch;
    this.bytes[RUN] = run;
  }
}

/** Locates the tile operand whose tag is at word `at`. */
export function locate(
  words: Int32Array,
  at: number,
  o: OperandPlan,
  registers: Registers,
  placement: Placement,
  out: Located,
): void {
  const head = words[at]!;
  const storage = words[at + 1]!;
  const high = words[at + 2]!;
  const offset = words[at + 3]! + (high >> 8) * 2 ** 31;
  const lo = placement.address[storage]! + offset * o.size + o.base;
  out.storage = storage;
  const { bytes } = out;
  bytes[LO] = lo;
  bytes[HI] = lo + o.length;
  bytes[PITCH] = o.pitch;
  bytes[RUN] = o.run;
  if (o.onChip) {
    out.p0 = placement.partition[storage]! + (high & 255);
    out.p1 = out.p0 + o.partitions;
  } else {
    out.p0 = 0;
    out.p1 = 1;
  }
  out.index = -1;
  out.next = at + 4 + 2 * ((head >> 4) & 15);
  const dynamic = (head >> 16) & 7;
  if (dynamic === dynamicTag.none) return;
  const stride = words[out.next]! * o.size;
  const limit = words[out.next + 1]!;
  if (dynamic === dynamicTag.register) {
    const v = registers.get(words[out.next + 2]!);
    out.next += 3;
    if (v !== undefined) {
      bytes[LO] = lo + stride * v;
      bytes[HI] = lo + stride * v + o.length;
      return;
    }
  } else {
    out.index = out.next + 2;
    out.next += 6 + 2 * ((words[out.next + 2]! >> 4) & 15);
  }
  // The position is not known: everything it can reach counts.
  const reach = stride * (limit - 1);
  const from = reach >= 0 ? lo : lo + reach;
  const to = lo + o.length + Math.max(reach, 0);
  out.set(from, to, 0, to - from);
}

/** Locates a tile of run-time offsets, whose shape is not part of any class. */
export function locateIndex(
  words: Int32Array,
  at: number,
  program: Program,
  placement: Placement,
  out: Located,
): void {
  const head = words[at]!;
  const storage = words[at + 1]!;
  const high = words[at + 2]!;
  const rank = (head >> 4) & 15;
  const size = bytesOf(dtypeOf((head >> 8) & 255));
  const dims: (readonly [number, number])[] = [];
  for (let d = 0; d < rank; d++) dims.push([words[at + 4 + 2 * d]!, words[at + 5 + 2 * d]!]);
  const onChip = program.storages[storage]!.space !== "hbm";
  const shape = byteShape(onChip ? dims.slice(1) : dims, size);
  out.storage = storage;
  const lo =
    placement.address[storage]! + (words[at + 3]! + (high >> 8) * 2 ** 31) * size + shape.base;
  out.set(lo, lo + shape.length, shape.pitch, shape.run);
  out.p0 = onChip ? placement.partition[storage]! + (high & 255) : 0;
  out.p1 = out.p0 + (onChip ? (dims[0]?.[1] ?? 1) : 1);
}
