/**
 * What the records of `nki.collectives` have in common: lists of tensors, replica groups, priorities and the cost. The executor carries
 * them out across cores; a replica group travels as its size and then the ranks of all groups, one after another.
 */
import { OpenTrnError } from "@opentrn/base";
import type { AnyCall, AttrSpec, OperandSpec, Tile } from "../define.ts";
import type { SharedRule } from "./shared-rules.ts";

/** Tensors one call may join (the documentation names no limit). */
const most = 8;
type Index = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type Names<P extends string> = `${P}${Index}`;
type Specs<P extends string, S extends OperandSpec> = Readonly<
  Record<`${P}0`, S> & Record<Exclude<Names<P>, `${P}0`>, S & { readonly optional: true }>
>;

/** `prefix0` to `prefix7`, elements of the Python list parameter `list`; all but the first are optional. */
function listOf<const P extends string, const S extends OperandSpec>(
  prefix: P,
  spec: S,
): Specs<P, S> {
  const entries = Array.from({ length: most }, (_, i) => [
    `${prefix}${i}`,
    i === 0 ? spec : { ...spec, optional: true },
  ]);
  return Object.fromEntries(entries) as Specs<P, S>;
}

export const sources = <const S extends OperandSpec["spaces"]>(spaces: S, list = "srcs") =>
  listOf("src", { role: "in", spaces, list, doc: "tensor that is sent" });
export const results = <const S extends OperandSpec["spaces"]>(spaces: S, list = "dsts") =>
  listOf("dst", { role: "out", spaces, list, doc: "tensor that is received" });

/** The second operands of a reducing permute. */
export const others = <const S extends OperandSpec["spaces"]>(spaces: S, list: string) =>
  listOf("other", { role: "in", spaces, list, doc: "tensor that src is reduced with" });

export const namesOf = (prefix: string): string[] =>
  Array.from({ length: most }, (_, i) => `${prefix}${i}`);

export const replicaGroup = {
  kind: "ints",
  doc: "ranks of each group, then the ranks of all groups one after another",
} as const satisfies AttrSpec;
export const priority = {
  kind: "int",
  default: -1,
  doc: "quality of service 0 (most urgent) to 3, NeuronCore-v4; -1: unset",
} as const satisfies AttrSpec;
export const collectiveDim = {
  kind: "int",
  doc: "dimension that is split or concatenated",
} as const satisfies AttrSpec;

const given = (call: AnyCall, prefix: string): Tile[] =>
  namesOf(prefix).flatMap((n) => (call.tile[n] ? [call.tile[n]!] : []));
const count = (t: Tile): number => t.partitions * t.free;

/** Ranks of one group; 1 where pairs are named instead. */
export const groupSize = (call: Pick<AnyCall, "attr">): number =>
  (call.attr["replica_group"] as readonly number[] | undefined)?.[0] ?? 1;

export const priorityFits: SharedRule = {
  says: "priority is 0 to 3 and needs NeuronCore-v4",
  broken: ({ attr, chip }) => {
    const p = attr["priority"] as number;
    return p === -1 || (chip.generation >= 4 && p >= 0 && p <= 3)
      ? undefined
      : `priority is ${p} on ${chip.name}`;
  },
};

export const groupsAreDisjoint: SharedRule = {
  says: "replica_group holds disjoint groups of one size",
  broken: ({ attr }) => {
    const [size = 0, ...ranks] = attr["replica_group"] as readonly number[];
    return size > 0 &&
      ranks.length >= size &&
      ranks.length % size === 0 &&
      new Set(ranks).size === ranks.length
      ? undefined
      : `replica_group is groups of ${size} from (${ranks})`;
  },
};

export const oneMemory: SharedRule = {
  says: "all tensors are in HBM or all in SBUF, and several tensors only in HBM",
  broken: (call) => {
    const tiles = [...given(call, "src"), ...given(call, "dst")];
    const spaces = new Set(tiles.map((t) => t.space));
    if (spaces.size > 1) return "tensors in hbm and sbuf are mixed";
    return given(call, "src").length > 1 && spaces.has("sbuf")
      ? `${given(call, "src").length} tensors are in sbuf; call once for each`
      : undefined;
  },
};

/** Each destination holds as many elements of its source's type as `elements` says. */
export const sizesFit = (
  says: string,
  elements: (sent: number, ranks: number) => number,
): SharedRule => ({
  says,
  broken: (call) => {
    const [src, dst] = [given(call, "src"), given(call, "dst")];
    if (src.length !== dst.length)
      return `there are ${src.length} sources and ${dst.length} destinations`;
    for (const [i, s] of src.entries()) {
      const d = dst[i]!;
      const want = elements(count(s), groupSize(call));
      if (count(d) !== want || d.dtype !== s.dtype)
        return `dst${i} is ${d.dtype}[${d.shape}], must hold ${want} elements of ${s.dtype}`;
    }
    return undefined;
  },
});

export const dimensionIs = (
  ok: (call: AnyCall) => readonly number[],
  says: string,
): SharedRule => ({
  says,
  broken: (call) => {
    const d = call.attr["collective_dim"] as number;
    return ok(call).includes(d) ? undefined : `collective_dim is ${d}`;
  },
});

export const oneTensor: SharedRule = {
  says: "each list holds exactly one tensor",
  broken: (call) =>
    given(call, "src").length === 1 && given(call, "dst").length === 1
      ? undefined
      : `there are ${given(call, "src").length} sources and ${given(call, "dst").length} destinations`,
};

export const notExecuted = (name: string) => (): never => {
  throw new OpenTrnError(`${name} joins ranks of several cores, which this executor does not run`, {
    category: "unsupported here",
    rule: `${name} execution`,
  });
};

const nccom = "published times of collectives by size and topology (docs/accuracy.md)";
const runtime = "Neuron runtime, intra-node and inter-node collective communication";
const formula =
  "launch + steps of the algorithm for the size + bytes a rank sends over the narrowest part of its way";

/** Costs by how well they are known: reductions and gathers were measured, what follows the same way is derived, the rest assumed. */
export const collectiveCosts = {
  measured: { kind: "fabric", basis: "measured", formula, source: nccom },
  derived: { kind: "fabric", basis: "derived", formula, source: runtime },
  assumed: {
    kind: "fabric",
    basis: "assumed",
    formula,
    source: `${runtime}; its times are not published`,
  },
} as const;

/** One tensor a channel, channels numbered from 0, at most four (two for groups that are not a whole node). */
export const channelsFit: SharedRule = {
  says: "channel_ids count from 0, one for each source, at most 4",
  broken: (call) => {
    const ids = call.attr["channel_ids"] as readonly number[];
    const n = given(call, "src").length;
    return ids.length === n && n <= 4 && ids.every((c, i) => c === i)
      ? undefined
      : `channel_ids are (${ids}) for ${n} sources`;
  },
};

/** The counts and displacements of the variable-length collectives. */
export const metadata = {
  role: "inout",
  spaces: ["hbm", "sbuf"],
  dtypes: ["uint32"],
  keeps: true,
  doc: "[rows, ranks] in HBM, [1, rows, ranks] in SBUF: counts and displacements",
} as const satisfies OperandSpec;

export const metadataFits: SharedRule = {
  says: "metadata_tensor has 3 rows (4 with has_rdispls) and a column a rank, on one partition in SBUF",
  broken: (call) => {
    const m = call.tile["metadata_tensor"]!;
    const rows = call.attr["has_rdispls"] === true ? 4 : 3;
    const want = [...(m.space === "sbuf" ? [1] : []), rows, groupSize(call)];
    return m.shape.join() === want.join()
      ? undefined
      : `metadata_tensor is [${m.shape}] in ${m.space}, must be [${want}]`;
  },
};
