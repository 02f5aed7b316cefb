/**
 * Instructions at which cores wait for others: `core_barrier` and `sendrecv` between the cores of one launch (NKI API reference,
 * nki.isa), the collectives of `nki.collectives` between the launches of several ranks.
 */
import { invariant, OpenTrnError } from "@opentrn/base";
import type { DecodedInstruction, OperandData } from "@opentrn/isa";
import { collectives } from "./collective.ts";
import type { Block } from "./collective-blocks.ts";
import { readDense, writeDense } from "./dense.ts";
import { type LayoutContext, layOut } from "./operand.ts";

/** What one participant brings. */
export interface Offer {
  readonly tensors: readonly OperandData[];
  /** The only participant that takes it; absent: all do. */
  readonly to?: number;
}

export interface Meeting {
  /** Participants meet when all of them stand at meetings of the same key. */
  readonly key: string;
  readonly what: string;
  /** `cores`: all cores of the launch. Otherwise the ranks whose same-numbered cores meet; none: nobody to wait for. */
  readonly members: () => "cores" | readonly number[];
  readonly offer?: () => Offer;
  /** Instead of offers, where every participant has them: tensors to be summed over the members in ascending order. */
  readonly blocks?: () => readonly Block[] | undefined;
  /** Takes what all participants offered, in the order of `members`; `self` is this one's position. */
  readonly accept?: (offers: readonly Offer[], self: number) => void;
}

export type MeetingMaker = (ctx: LayoutContext, i: DecodedInstruction) => Meeting;

const allCores = (): "cores" => "cores";

export const meetings: Readonly<Record<string, MeetingMaker>> = {
  ...collectives,
  core_barrier: (_, i) => {
    const cores = i.attrs["cores"] as readonly number[];
    return {
      key: `barrier ${cores}`,
      what: `core_barrier of cores ${cores.join(" and ")}`,
      members: allCores,
    };
  },
  sendrecv: (ctx, i) => {
    const [src, dst] = [i.operands["src"], i.operands["dst"]];
    invariant(src?.kind === "tile" && dst?.kind === "tile", "sendrecv lacks a tile");
    const from = layOut(ctx, "sendrecv", "src", src.pattern, false);
    const to = layOut(ctx, "sendrecv", "dst", dst.pattern, false);
    const pipe = i.attrs["pipe_id"] as number;
    const sender = i.attrs["recv_from_rank"] as number;
    return {
      key: `sendrecv ${pipe}`,
      what: `sendrecv on pipe ${pipe}`,
      members: allCores,
      offer: () => {
        from.resolve?.();
        return {
          tensors: [readDense(ctx.map, from.strided, from.offsets, true)],
          to: i.attrs["send_to_rank"] as number,
        };
      },
      accept: (offers, self) => {
        const offer = offers[sender];
        const data = offer?.tensors[0];
        if (offer?.to !== self)
          throw new OpenTrnError(
            `sendrecv: core ${self} receives from core ${sender}, which sends to core ${offer?.to ?? "none"}; ranks must name each other`,
            { category: "invalid program", rule: "sendrecv ranks" },
          );
        if (data?.length !== to.offsets.length)
          throw new OpenTrnError(
            `sendrecv: core ${self} receives ${to.offsets.length} elements, core ${sender} sends ${data?.length ?? 0}; both sides take the same shape`,
            { category: "invalid program", rule: "sendrecv size" },
          );
        to.resolve?.();
        writeDense(ctx.map, to.strided, to.offsets, data);
      },
    };
  },
};
