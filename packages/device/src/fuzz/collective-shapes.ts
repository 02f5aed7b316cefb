/** Operand shapes of the collectives for the rule fuzzer: two or four ranks, HBM tensors. */
import { type Draw, type Form, oneType, typed } from "./shape-parts.ts";

/** Elements of dst for `n` of src with `ranks` ranks. */
type Sizes = (n: number, ranks: number) => number;
const same: Sizes = (n) => n;

const joining =
  (received: Sizes, reduces = false, lists = 1): Draw =>
  (r, op, chip) => {
    const ranks = r.pick([2, 4] as const);
    const n = ranks * (1 + r.below(20));
    const dtype = oneType(r, op, chip, "src0");
    const forms: Record<string, Form> = {};
    const names = reduces && lists === 2 ? ["src0", "other0"] : ["src0"];
    for (const name of names) forms[name] = typed(dtype, n);
    forms["dst0"] = typed(dtype, received(n, ranks));
    const replica_group = [ranks, ...Array.from({ length: ranks }, (_, i) => i)];
    return {
      forms,
      attrs: { replica_group, collective_dim: 0, channel_ids: [0], op: "add", priority: -1 },
    };
  };

const variable: Draw = (r, op, chip) => {
  const { forms, attrs } = joining(same)(r, op, chip);
  const replica_group = [4, 0, 1, 2, 3];
  return {
    forms: { ...forms, metadata_tensor: typed("uint32", 3, 4) },
    attrs: { ...attrs, replica_group, has_rdispls: false },
  };
};

export const collectiveShapes: Readonly<Record<string, Draw>> = {
  all_reduce: joining(same, true),
  all_gather: joining((n, ranks) => n * ranks),
  reduce_scatter: joining((n, ranks) => n / ranks, true),
  all_to_all: joining(same),
  all_gather_v: variable,
  all_to_all_v: variable,
  collective_permute_implicit: joining(same),
  collective_permute_implicit_reduce: joining(same, true, 2),
  collective_permute: (r, op, chip) => {
    const { forms } = joining(same)(r, op, chip);
    return { forms, attrs: { source_target_pairs: [0, 1, 1, 0], priority: -1 } };
  },
  collective_permute_implicit_current_processing_rank_id: (r) => ({
    forms: { iteration_id: { value: r.below(4) } },
    attrs: { replica_group: [2, 0, 1], channel_id: r.below(4) },
  }),
};
