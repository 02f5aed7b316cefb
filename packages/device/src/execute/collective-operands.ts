/** Operands of a collective in host memory, and the group of ranks that one rank belongs to. */
import { OpenTrnError } from "@opentrn/base";
import type { DecodedInstruction, OperandData } from "@opentrn/isa";
import { type AluName, aluOp, dtypeInfo } from "@opentrn/numerics";
import { type Block, blocksOf } from "./collective-blocks.ts";
import { elementsIn, readWhole, writeWhole } from "./dense.ts";
import { type LaidOut, type LayoutContext, layOut } from "./operand.ts";

export interface Bound {
  readonly src: readonly LaidOut[];
  readonly dst: readonly LaidOut[];
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Types and sizes of what is sent, e.g. `float32[8]`; participants must agree. */
  readonly sizes: string;
  /** The tensors as they are sent: `src`, or op(src, other) rounded to the destination's type where the collective has both. */
  readonly read: () => OperandData[];
  readonly write: (data: readonly OperandData[]) => void;
  /** Where `src` and `dst` are whole blocks of fp32. */
  readonly blocks: () => readonly Block[] | undefined;
}

/** Lays out `src0…`, `other0…` and `dst0…`; `raw` moves bits, otherwise values are fp32. */
export function bindCollective(ctx: LayoutContext, i: DecodedInstruction, raw: boolean): Bound {
  const laid = (prefix: string): LaidOut[] =>
    Object.entries(i.operands).flatMap(([name, o]) =>
      o?.kind === "tile" && name.startsWith(prefix)
        ? [layOut(ctx, i.op.name, name, o.pattern, false)]
        : [],
    );
  const [src, other, dst] = [laid("src"), laid("other"), laid("dst")];
  const packed = src.find((s) => dtypeInfo[s.pattern.dtype].kind === "packed");
  if (packed && !raw)
    throw new OpenTrnError(
      `${i.op.name}: ${packed.pattern.dtype} is moved and not computed with; reduce unpacked values`,
      { category: "invalid program", rule: `${i.op.name} G4` },
    );
  const values = (l: LaidOut): OperandData => {
    l.resolve?.();
    return readWhole(ctx.map, l.strided, () => l.offsets, raw);
  };
  return {
    src,
    dst,
    attrs: i.attrs,
    sizes: src.map((s) => `${s.pattern.dtype}[${elementsIn(s.strided)}]`).join(),
    read: () =>
      src.map((s, n) => {
        const sent = values(s);
        const second = other[n] && values(other[n]);
        if (!second) return sent;
        const row = aluOp(i.attrs["op"] as AluName);
        return Float32Array.from(sent, (v, k) => row.evaluate(v, second[k]!, 32));
      }),
    blocks: () => {
      for (const l of [...src, ...dst]) l.resolve?.();
      return other.length === 0 ? blocksOf(ctx.map, src, dst) : undefined;
    },
    write: (data) => {
      for (const [n, d] of dst.entries()) {
        d.resolve?.();
        writeWhole(ctx.map, d.strided, () => d.offsets, data[n]!);
      }
    },
  };
}

/** The ranks of this rank's group of `replica_group`, in the group's order; throws when the launch lacks one, or no group has this rank. */
export function groupOf(ctx: LayoutContext, i: DecodedInstruction): readonly number[] {
  const [size = 1, ...all] = i.attrs["replica_group"] as readonly number[];
  const { rank, ranks } = ctx.launch;
  const absent = all.find((r) => r < 0 || r >= ranks);
  if (absent !== undefined) throw noSuchRank(`${i.op.name}: replica_group`, absent, ranks);
  const at = all.indexOf(rank);
  if (at < 0)
    throw new OpenTrnError(
      `${i.op.name}: rank ${rank} takes part and is in no group of replica_group (${all}); name every rank that calls it`,
      { category: "invalid program", rule: "collective ranks" },
    );
  const from = at - (at % size);
  return all.slice(from, from + size);
}

export const noSuchRank = (what: string, rank: number, ranks: number): OpenTrnError =>
  new OpenTrnError(
    `${what} names rank ${rank}; this launch has ${ranks === 1 ? "one rank" : `ranks 0 to ${ranks - 1}`}. Run it with more ranks`,
    { category: "invalid program", rule: "collective ranks" },
  );
