/** Instructions at which the cores of a launch wait for each other: `core_barrier` and `sendrecv` (NKI API reference, nki.isa). */
import { invariant } from "@opentrn/base";
import type { DecodedInstruction } from "@opentrn/isa";
import { readDense, writeDense } from "./dense.ts";
import { type LayoutContext, layOut } from "./operand.ts";

export interface Meeting {
  /** Cores meet when all of them stand at meetings of the same key. */
  readonly key: string;
  readonly what: string;
  /** Raw data this core offers to the others. */
  readonly offer?: () => Uint32Array;
  readonly sendTo?: number;
  readonly receiveFrom?: number;
  readonly accept?: (data: Uint32Array) => void;
}

export const meetings: Readonly<
  Record<string, (ctx: LayoutContext, i: DecodedInstruction) => Meeting>
> = {
  core_barrier: (_, i) => {
    const cores = (i.attrs["cores"] as readonly number[] | undefined) ?? [0, 1];
    return { key: `barrier ${cores}`, what: `core_barrier of cores ${cores}` };
  },
  sendrecv: (ctx, i) => {
    const [src, dst] = [i.operands["src"], i.operands["dst"]];
    invariant(src?.kind === "tile" && dst?.kind === "tile", "sendrecv lacks a tile");
    const from = layOut(ctx, "sendrecv", "src", src.pattern, false);
    const to = layOut(ctx, "sendrecv", "dst", dst.pattern, false);
    const pipe = i.attrs["pipe_id"] as number;
    return {
      key: `sendrecv ${pipe}`,
      what: `sendrecv on pipe ${pipe}`,
      sendTo: i.attrs["send_to_rank"] as number,
      receiveFrom: i.attrs["recv_from_rank"] as number,
      offer: () => readDense(ctx.map, from.strided, from.offsets, true) as Uint32Array,
      accept: (data) => writeDense(ctx.map, to.strided, to.offsets, data),
    };
  },
};
