/**
 * Settles `nc_matmul(accumulate=None)`: the first matmul into a PSUM region overwrites, later ones accumulate
 * (NKI API reference, nki.isa.nc_matmul, accumulation mode).
 */
import { bytesOf } from "@opentrn/numerics";
import type { Storage } from "./pattern.ts";
import type { DecodedInstruction } from "./program.ts";

type Box = readonly [fromPartition: number, toPartition: number, fromByte: number, toByte: number];

export class MatmulTargets {
  private readonly written = new Map<number, Box[]>();

  /** Attributes with `accumulate` settled, or undefined when the instruction needs no change. */
  settle(
    i: DecodedInstruction,
    storages: readonly Storage[],
  ): Readonly<Record<string, unknown>> | undefined {
    if (!("accumulate" in i.op.attrs)) return undefined;
    const dst = i.operands["dst"];
    if (dst?.kind !== "tile" || storages[dst.pattern.storage]?.space !== "psum") return undefined;
    const { storage, partition, offset, dims, dtype } = dst.pattern;
    const size = bytesOf(dtype);
    let last = offset;
    for (let d = 1; d < dims.length; d++) last += dims[d]![0] * (dims[d]![1] - 1);
    const box: Box = [partition, partition + (dims[0]?.[1] ?? 1), offset * size, (last + 1) * size];
    const boxes = this.written.get(storage) ?? [];
    const seen = boxes.some(
      (b) => b[0] < box[1] && box[0] < b[1] && b[2] < box[3] && box[2] < b[3],
    );
    if (!boxes.some((b) => b[0] <= box[0] && b[1] >= box[1] && b[2] <= box[2] && b[3] >= box[3]))
      boxes.push(box);
    this.written.set(storage, boxes);
    return i.attrs["accumulate"] === undefined ? { ...i.attrs, accumulate: seen } : undefined;
  }
}
