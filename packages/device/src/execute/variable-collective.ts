/**
 * `all_gather_v` and `all_to_all_v`: chunks whose lengths and places ranks read from a metadata tensor when they run (NKI API reference,
 * nki.collectives). Rows: counts sent, where chunks begin in src, counts received (written), where chunks go in dst.
 */
import { invariant, OpenTrnError } from "@opentrn/base";
import type { DecodedInstruction } from "@opentrn/isa";
import { bindCollective, groupOf } from "./collective-operands.ts";
import { readDense, writeDense } from "./dense.ts";
import type { MeetingMaker, Offer } from "./meeting.ts";
import { type LayoutContext, layOut } from "./operand.ts";

const rows = { sendCount: 0, sendFrom: 1, received: 2, receiveAt: 3 } as const;

const outside = (i: DecodedInstruction, why: string): OpenTrnError =>
  new OpenTrnError(`${i.op.name}: ${why}; correct the metadata tensor`, {
    category: "out of bounds",
    rule: `${i.op.name} metadata`,
  });

/** `column(receiver)` is the metadata column that describes what a rank sends to that receiver. */
const maker =
  (column: (receiver: number) => number): MeetingMaker =>
  (ctx, i) => {
    const bound = bindCollective(ctx, i, true);
    const meta = i.operands["metadata_tensor"];
    invariant(meta?.kind === "tile", `${i.op.name} lacks its metadata`);
    const table = layOut(ctx, i.op.name, "metadata_tensor", meta.pattern, false);
    const readTable = (): Uint32Array =>
      readDense(ctx.map, table.strided, table.offsets, true) as Uint32Array;
    const at = (t: Uint32Array, row: number, n: number): number =>
      t[row * groupOf(ctx, i).length + n]!;
    return {
      key: `${i.op.name} ${JSON.stringify(i.attrs)} of ${bound.src[0]!.pattern.dtype}`,
      what: `${i.op.name} of ${bound.sizes} over ranks (${(i.attrs["replica_group"] as readonly number[]).slice(1)})`,
      members: () => groupOf(ctx, i),
      offer: () => ({ tensors: chunks(ctx, i, bound.read()[0]!, readTable(), at, column) }),
      accept: (offers: readonly Offer[], self: number) => {
        const t = readTable();
        const d = bound.dst[0]!;
        const slot = Math.floor(d.offsets.length / offers.length);
        offers.forEach((o, r) => {
          const chunk = o.tensors[self]!;
          const to = i.attrs["has_rdispls"] ? at(t, rows.receiveAt, r) : r * slot;
          const room = i.attrs["has_rdispls"] ? d.offsets.length - to : slot;
          if (chunk.length > room)
            throw outside(
              i,
              `rank ${ctx.launch.rank} receives ${chunk.length} elements from the group's member ${r} and has room for ${Math.max(0, room)}`,
            );
          writeDense(ctx.map, d.strided, d.offsets.subarray(to, to + chunk.length), chunk);
          t[rows.received * offers.length + r] = chunk.length;
        });
        if (!i.attrs["recv_counts_known"]) writeDense(ctx.map, table.strided, table.offsets, t);
      },
    };
  };

function chunks(
  ctx: LayoutContext,
  i: DecodedInstruction,
  src: ReturnType<typeof readDense>,
  table: Uint32Array,
  at: (t: Uint32Array, row: number, n: number) => number,
  column: (receiver: number) => number,
): ReturnType<typeof readDense>[] {
  return groupOf(ctx, i).map((_, receiver) => {
    const n = column(receiver);
    const [count, from] = [at(table, rows.sendCount, n), at(table, rows.sendFrom, n)];
    if (from + count > src.length)
      throw outside(
        i,
        `rank ${ctx.launch.rank} sends elements ${from} to ${from + count - 1} of src, which has ${src.length}`,
      );
    return src.subarray(from, from + count);
  });
}

export const variableCollectives: Readonly<Record<string, MeetingMaker>> = {
  all_gather_v: maker(() => 0),
  all_to_all_v: maker((receiver) => receiver),
};
