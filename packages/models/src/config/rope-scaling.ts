/** `rope_theta` and `rope_scaling`, or `rope_parameters` as newer files have both. */
import { type Fields, unsupported } from "./fields.ts";
import type { Rope, RopeScaling } from "./model-config.ts";

const types = ["default", "linear", "dynamic", "llama3", "yarn"] as const;

const factor = (f: Fields): number => f.real("factor", 1, 1e6);

/** What YaRN multiplies cos and sin by. Source: Peng et al., YaRN (arXiv 2309.00071), section 3.4. */
const magnitude = (scale: number, weight: number): number =>
  scale <= 1 ? 1 : 0.1 * weight * Math.log(scale) + 1;

const readers: Readonly<
  Record<(typeof types)[number], (f: Fields, positions: number) => RopeScaling>
> = {
  default: () => ({ type: "default" }),
  linear: (f) => ({ type: "linear", factor: factor(f) }),
  dynamic: (f) => ({ type: "dynamic", factor: factor(f) }),
  llama3: (f) => {
    const low = f.real("low_freq_factor", 1e-6, 1e6);
    const high = f.real("high_freq_factor", 1e-6, 1e6);
    if (high <= low) f.fail("high_freq_factor", `is ${high}; it takes more than low_freq_factor`);
    return {
      type: "llama3",
      factor: factor(f),
      lowFrequencyFactor: low,
      highFrequencyFactor: high,
      originalPositions: f.size("original_max_position_embeddings", 2 ** 24),
    };
  },
  yarn: (f, positions) => {
    const scale = factor(f);
    const weights = f.has("mscale") && f.has("mscale_all_dim");
    const [own, all] = [f.real("mscale", 0, 1e3, 0), f.real("mscale_all_dim", 0, 1e3, 0)];
    const inferred =
      weights && own > 0 && all > 0
        ? magnitude(scale, own) / magnitude(scale, all)
        : magnitude(scale, 1);
    return {
      type: "yarn",
      factor: scale,
      originalPositions: f.size("original_max_position_embeddings", 2 ** 24, positions),
      betaFast: f.real("beta_fast", 1e-6, 1e6, 32),
      betaSlow: f.real("beta_slow", 1e-6, 1e6, 1),
      truncate: f.flag("truncate", true),
      attentionFactor: f.real("attention_factor", 1e-6, 1e6, inferred),
    };
  },
};

/** The rotary embedding of a config with that many positions. */
export function readRope(f: Fields, positions: number): Rope {
  const scaling = f.object("rope_parameters") ?? f.object("rope_scaling");
  f.ignore(["rope_scaling", "rope_parameters"]);
  const plain = f.has("rope_theta") ? f.real("rope_theta", 1.0001, 1e12) : 10_000;
  if (!scaling) return { theta: plain, scaling: { type: "default" } };
  const theta = scaling.real("rope_theta", 1.0001, 1e12, plain);
  const name = scaling.has("rope_type") ? "rope_type" : "type";
  const type = scaling.word(name, types, "default");
  scaling.ignore(["type", "rope_type"]);
  const rope = { theta, scaling: readers[type](scaling, positions) };
  const partial = scaling.real("partial_rotary_factor", 0, 1, 1);
  if (partial !== 1)
    throw unsupported(f.file, "partial_rotary_factor", partial, "heads are turned whole");
  // Only one form stretches, so that what is left over would be misread.
  const left = scaling
    .unread()
    .filter((field) => !field.endsWith("original_max_position_embeddings"));
  if (left.length > 0)
    throw unsupported(
      f.file,
      left[0]!,
      scaling.raw(left[0]!.split(".").at(-1)!),
      `rope type ${type} does not take it`,
    );
  return rope;
}
