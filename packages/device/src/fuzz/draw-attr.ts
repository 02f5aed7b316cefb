/** A random value for an attribute, from its own description. */
import type { Random } from "@opentrn/base";
import type { AttrSpec } from "@opentrn/isa";
import { activationNames, aluNames } from "@opentrn/numerics";

type Drawers = {
  readonly [K in AttrSpec["kind"]]: (r: Random, spec: AttrSpec & { readonly kind: K }) => unknown;
};

const drawers: Drawers = {
  bool: (r) => r.below(2) === 1,
  tristate: (r) => r.pick([undefined, true, false]),
  int: (r, spec) => (r.below(3) === 0 ? r.below(9) - 4 : spec.default),
  float: (r) => r.pick([0, 1, -2.5, 1e-4]),
  enum: (r, spec) => (r.below(2) === 0 ? (spec.default ?? spec.values[0]) : r.pick(spec.values)),
  alu: (r, spec) => (spec.optional && r.below(3) === 0 ? undefined : r.pick(aluNames)),
  activation: (r) => r.pick(activationNames),
  ints: (_, spec) => spec.default ?? [],
};

export const drawAttr = (r: Random, spec: AttrSpec): unknown =>
  (drawers[spec.kind] as (r: Random, spec: AttrSpec) => unknown)(r, spec);
