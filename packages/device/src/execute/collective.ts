/**
 * What the collectives of `nki.collectives` do with the tensors of all ranks (NKI API reference, nki.collectives). Reductions add in
 * ascending rank order, one fp32 rounding a step, and round once to the destination's type. A ring is the group's own order.
 */
import type { OperandData } from "@opentrn/isa";
import { type AluName, aluOp } from "@opentrn/numerics";
import { type Bound, bindCollective, groupOf, noSuchRank } from "./collective-operands.ts";
import type { MeetingMaker, Offer } from "./meeting.ts";
import { variableCollectives } from "./variable-collective.ts";

const rejoin = (parts: readonly OperandData[]): Float32Array | Uint32Array => {
  const n = parts.reduce((sum, p) => sum + p.length, 0);
  const out = parts[0] instanceof Uint32Array ? new Uint32Array(n) : new Float32Array(n);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
};

/** Element-wise over ranks in ascending order, whatever their order in the group. */
function reduced(
  tensors: readonly OperandData[],
  group: readonly number[],
  op: AluName,
): Float32Array {
  const row = aluOp(op);
  const order = group.map((_, n) => n).sort((a, b) => group[a]! - group[b]!);
  const out = Float32Array.from(tensors[order[0]!]!);
  for (const n of order.slice(1))
    for (let i = 0; i < out.length; i++) out[i] = row.evaluate(out[i]!, tensors[n]![i]!, 32);
  return out;
}

/** Rows of `P` partitions side by side: element (p, rank, f). */
function besides(parts: readonly OperandData[], partitions: number): OperandData {
  const free = parts[0]!.length / partitions;
  const rows: OperandData[] = [];
  for (let p = 0; p < partitions; p++)
    for (const part of parts) rows.push(part.subarray(p * free, (p + 1) * free));
  return rejoin(rows);
}

const share = (data: OperandData, ranks: number, n: number): OperandData =>
  data.subarray((n * data.length) / ranks, ((n + 1) * data.length) / ranks);

/** What one rank receives as its tensor `t`, from what all of its group sent. */
type Meaning = (
  sent: readonly OperandData[],
  self: number,
  bound: Bound,
  group: readonly number[],
) => OperandData;

const gather: Meaning = (sent, _, { attrs, dst }) =>
  attrs["collective_dim"] === 1 ? besides(sent, dst[0]!.strided.counts[0]!) : rejoin(sent);

const predecessor: Meaning = (sent, self, _, group) =>
  sent[(self + group.length - 1) % group.length]!;

interface Kind {
  /** Raw bits move as they are; reductions see fp32 values. */
  readonly raw: boolean;
  readonly meaning: Meaning;
}

const kinds: Readonly<Record<string, Kind>> = {
  all_reduce: {
    raw: false,
    meaning: (sent, _, { attrs }, group) => reduced(sent, group, attrs["op"] as AluName),
  },
  all_gather: { raw: true, meaning: gather },
  reduce_scatter: {
    raw: false,
    meaning: (sent, self, { attrs }, group) =>
      share(reduced(sent, group, attrs["op"] as AluName), group.length, self),
  },
  all_to_all: {
    raw: true,
    meaning: (sent, self, _, group) => rejoin(sent.map((s) => share(s, group.length, self))),
  },
  collective_permute_implicit: { raw: true, meaning: predecessor },
  collective_permute_implicit_reduce: { raw: false, meaning: predecessor },
};

const maker =
  (name: string, { raw, meaning }: Kind): MeetingMaker =>
  (ctx, i) => {
    const bound = bindCollective(ctx, i, raw);
    const group = (): readonly number[] => groupOf(ctx, i);
    const sums = name === "all_reduce" && i.attrs["op"] === "add";
    const op = i.attrs["op"] === undefined ? "" : ` ${i.attrs["op"]}`;
    const ranks = (i.attrs["replica_group"] as readonly number[]).slice(1);
    return {
      key: `${name} ${JSON.stringify(i.attrs)} of ${bound.sizes}`,
      what: `${name}${op} of ${bound.sizes} over ranks (${ranks})`,
      members: group,
      ...(sums ? { blocks: () => bound.blocks() } : {}),
      offer: () => ({ tensors: bound.read() }),
      accept: (offers: readonly Offer[], self: number) =>
        bound.write(
          bound.dst.map((_, t) =>
            meaning(
              offers.map((o) => o.tensors[t]!),
              self,
              bound,
              group(),
            ),
          ),
        ),
    };
  };

/** Pairs of (source, target); ranks that no pair names pass at once, a rank that only sends keeps its destination as it is. */
const permute: MeetingMaker = (ctx, i) => {
  const bound = bindCollective(ctx, i, true);
  const pairs = i.attrs["source_target_pairs"] as readonly number[];
  const ranks = [...new Set(pairs)].sort((a, b) => a - b);
  return {
    key: `collective_permute ${JSON.stringify(i.attrs)} of ${bound.sizes}`,
    what: `collective_permute of ${bound.sizes} by pairs (${pairs})`,
    members: () => {
      const absent = ranks.find((r) => r < 0 || r >= ctx.launch.ranks);
      if (absent !== undefined)
        throw noSuchRank("collective_permute: source_target_pairs", absent, ctx.launch.ranks);
      return ranks.includes(ctx.launch.rank) ? ranks : [];
    },
    offer: () => ({ tensors: bound.read() }),
    accept: (offers) => {
      const at = pairs.findIndex((r, n) => n % 2 === 1 && r === ctx.launch.rank);
      if (at < 0) return;
      const data = offers[ranks.indexOf(pairs[at - 1]!)]!.tensors;
      bound.write(data);
    },
  };
};

export const collectives: Readonly<Record<string, MeetingMaker>> = {
  ...Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, maker(name, kind)])),
  ...variableCollectives,
  collective_permute: permute,
};
