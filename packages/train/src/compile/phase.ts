/** What of a model is compiled: a training step, a forward pass, a prompt, or one token. */
import { OpenTrnError } from "@opentrn/base";
import type { Func } from "@opentrn/ir";
import {
  type ComputeType,
  decode,
  defaultAdamW,
  forward,
  forwardFlops,
  type ModelConfig,
  prefill,
  trainStep,
} from "@opentrn/models";

export const phases = ["train", "forward", "prefill", "decode"] as const;
export type PhaseName = (typeof phases)[number];

export interface PhaseRequest {
  readonly batch: number;
  /** Tokens of a sequence; for decode the length of the cache. */
  readonly seq: number;
  readonly computeDtype: ComputeType;
  /** Type of the weights in HBM outside training, which keeps fp32 masters. */
  readonly weightDtype?: ComputeType;
  readonly recompute?: boolean;
  /** Data-parallel copies, each a core. */
  readonly replicas?: number;
}

export interface Phase {
  readonly fn: Func;
  /** Tokens that one run of it is about. */
  readonly tokens: number;
  /** Multiplications and additions that the model needs, without what is computed again. */
  readonly flops: number;
}

type Build = (config: ModelConfig, request: PhaseRequest) => Phase;

const builders: Readonly<Record<PhaseName, Build>> = {
  train: (config, { batch, seq, computeDtype, recompute = false, replicas = 1 }) => ({
    fn: trainStep(config, {
      batch,
      seq,
      computeDtype,
      recompute,
      optimizer: defaultAdamW,
      clip: 1,
      ...(replicas > 1 ? { replicas } : {}),
    }).fn,
    tokens: batch * seq,
    flops: 3 * forwardFlops(config, { batch, seq }).total,
  }),
  forward: (config, { batch, seq, computeDtype, weightDtype = computeDtype }) => ({
    fn: forward(config, { batch, seq, computeDtype, weightDtype }).fn,
    tokens: batch * seq,
    flops: forwardFlops(config, { batch, seq }).total,
  }),
  prefill: (config, { batch, seq, computeDtype, weightDtype = computeDtype }) => {
    const { total, unembedding } = forwardFlops(config, { batch, seq });
    return {
      fn: prefill(config, { batch, seq, maxLength: seq, computeDtype, weightDtype }).fn,
      tokens: batch * seq,
      // Only the last token is unembedded.
      flops: total - unembedding + unembedding / seq,
    };
  },
  decode: (config, { batch, seq, computeDtype, weightDtype = computeDtype }) => ({
    fn: decode(config, { batch, maxLength: seq, computeDtype, weightDtype }).fn,
    tokens: batch,
    flops: decodeFlops(config, batch, seq),
  }),
};

/** One token after `seq` others: all matrices once, attention over the whole cache. */
function decodeFlops(config: ModelConfig, batch: number, seq: number): number {
  const { layers, unembedding } = forwardFlops(config, { batch, seq: 1 });
  return layers + unembedding + 4 * batch * seq * config.heads * config.headSize * config.layers;
}

/** The function of that phase. Stops with `bad input` for an unknown phase or a shape that the model does not take. */
export function phaseOf(name: string, config: ModelConfig, request: PhaseRequest): Phase {
  if (!(phases as readonly string[]).includes(name))
    throw new OpenTrnError(`--phase is ${name}; choose ${phases.join(", ")}`, {
      category: "bad input",
      rule: "--phase",
    });
  return builders[name as PhaseName](config, request);
}
