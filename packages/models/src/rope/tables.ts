/** Cosines and sines of rotary positions: an input of every function, so that scaling costs nothing on the chip. */
import { OpenTrnError } from "@opentrn/base";
import type { ModelConfig, Rope, RopeScaling } from "../config/model-config.ts";

export interface RopeTables {
  /** [length, d / 2], row-major. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

type Scaled<T extends RopeScaling["type"]> = Extract<RopeScaling, { type: T }>;
type Frequencies = readonly number[];

/** 1 / theta^(2 i / d) for every pair. */
const plain = (theta: number, d: number): Frequencies =>
  Array.from({ length: d / 2 }, (_, i) => theta ** ((-2 * i) / d));

/** Long waves are stretched by the factor, short ones kept, the rest between. Source: Llama 3.1, `rope_scaling` of its config. */
function llama3(s: Scaled<"llama3">, frequencies: Frequencies): Frequencies {
  return frequencies.map((f) => {
    const turns = (s.originalPositions * f) / (2 * Math.PI);
    const smooth = (turns - s.lowFrequencyFactor) / (s.highFrequencyFactor - s.lowFrequencyFactor);
    const kept = Math.min(1, Math.max(0, smooth));
    return kept * f + ((1 - kept) * f) / s.factor;
  });
}

/** Dimensions that turn often are kept, those that turn rarely stretched. Source: YaRN (arXiv 2309.00071), section 3.2. */
function yarn(s: Scaled<"yarn">, theta: number, d: number): Frequencies {
  /** The dimension whose wave turns that often within the original positions. */
  const dimension = (turns: number): number =>
    (d * Math.log(s.originalPositions / (2 * Math.PI * turns))) / (2 * Math.log(theta));
  const [from, to] = [dimension(s.betaFast), dimension(s.betaSlow)];
  const low = Math.max(0, s.truncate ? Math.floor(from) : from);
  const high = Math.min(d - 1, s.truncate ? Math.ceil(to) : to);
  const width = Math.max(high - low, 0.001);
  return plain(theta, d).map((f, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / width));
    return f * (1 - stretched) + (f / s.factor) * stretched;
  });
}

interface Request {
  readonly theta: number;
  readonly d: number;
  readonly positions: number;
  readonly length: number;
}

const scalers: {
  readonly [T in RopeScaling["type"]]: (s: Scaled<T>, request: Request) => Frequencies;
} = {
  default: (_, { theta, d }) => plain(theta, d),
  linear: ({ factor }, { theta, d }) => plain(theta, d).map((f) => f / factor),
  dynamic: ({ factor }, { theta, d, positions, length }) => {
    const longer = (factor * Math.max(length, positions)) / positions - (factor - 1);
    return plain(theta * longer ** (d / (d - 2)), d);
  },
  llama3: (s, { theta, d }) => llama3(s, plain(theta, d)),
  yarn: (s, { theta, d }) => yarn(s, theta, d),
};

/** Turns a position of that many pairs makes, one angle a pair, before positions multiply it. */
export const ropeFrequencies = (
  { theta, scaling }: Rope,
  d: number,
  positions: number,
  length: number,
): Frequencies => scalers[scaling.type](scaling as never, { theta, d, positions, length });

/**
 * Tables for positions 0 to length - 1. Frequencies and angles are rounded to fp32 as PyTorch computes them, then cos and sin once. Stops
 * when the model has learned positions.
 */
export function ropeTables(config: ModelConfig, length: number): RopeTables {
  const { rope, headSize: d, positions } = config;
  if (!rope)
    throw new OpenTrnError(
      `${config.architecture} has learned positions and no rotary tables; pass none`,
      { category: "bad input", rule: "rope" },
    );
  const frequencies = ropeFrequencies(rope, d, positions, length).map(Math.fround);
  const factor = rope.scaling.type === "yarn" ? rope.scaling.attentionFactor : 1;
  const cos = new Float32Array((length * d) / 2);
  const sin = new Float32Array((length * d) / 2);
  let at = 0;
  for (let p = 0; p < length; p++)
    for (const f of frequencies) {
      const angle = Math.fround(p * f);
      cos[at] = Math.cos(angle) * factor;
      sin[at++] = Math.sin(angle) * factor;
    }
  return { cos, sin };
}
