/** Fresh parameters: the same for the same seed on every host, each tensor from a stream of its own. */
import { Random } from "@opentrn/base";
import type { ModelConfig } from "../config/model-config.ts";
import { type ParameterSpec, parameterSpecs } from "./specs.ts";

/** Parameters by name, fp32, row-major. */
export type Parameters = Record<string, Float32Array>;

export const elementsOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** FNV-1a, so that a tensor's numbers depend on its name and not on what comes before it. */
function seedOf(name: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** One fresh tensor. */
export function initialiseOne(
  { name, shape, initialisation }: ParameterSpec,
  seed: number,
): Float32Array {
  const out = new Float32Array(elementsOf(shape));
  if (initialisation.kind === "ones") out.fill(1);
  if (initialisation.kind !== "normal") return out;
  const random = new Random(seedOf(name, seed));
  // Box-Muller, both of its values.
  for (let i = 0; i < out.length; i += 2) {
    const radius = initialisation.deviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** All parameters of a model: normal with the config's deviation, norms one, biases zero. */
export const initialise = (config: ModelConfig, seed: number): Parameters =>
  Object.fromEntries(parameterSpecs(config).map((spec) => [spec.name, initialiseOne(spec, seed)]));
