/** Picks the next token: temperature, then the k likeliest, then the fewest of these whose probabilities reach p, then a draw. */
import { OpenTrnError, Random } from "@opentrn/base";

export interface Sampling {
  /** 0: always the likeliest. */
  readonly temperature: number;
  /** 0: all. */
  readonly topK: number;
  /** 1: all. */
  readonly topP: number;
  readonly seed: number;
}

export class Sampler {
  private readonly random: Random;
  private readonly sampling: Sampling;

  constructor(sampling: Sampling) {
    this.sampling = sampling;
    this.random = new Random(sampling.seed);
  }

  /** The next id. Stops with `invalid program` where a logit is NaN or none is finite: the model is broken, not the choice. */
  pick(logits: Float32Array): number {
    const best = likeliest(logits);
    const { temperature, topK, topP } = this.sampling;
    if (temperature === 0) return best;
    const ids = topK > 0 && topK < logits.length ? top(logits, topK) : byLogit(logits);
    // Relative to the largest, so that nothing overflows.
    const weights = ids.map((id) => Math.exp((logits[id]! - logits[best]!) / temperature));
    const total = weights.reduce((a, b) => a + b, 0);
    let kept = 0;
    let mass = 0;
    while (kept < ids.length && (kept === 0 || mass < topP * total)) mass += weights[kept++]!;
    let draw = this.random.uniform() * mass;
    for (let i = 0; i < kept; i++) {
      draw -= weights[i]!;
      if (draw < 0) return ids[i]!;
    }
    return ids[kept - 1]!;
  }
}

/** The first id with the largest logit. */
function likeliest(logits: Float32Array): number {
  let best = -1;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) throw broken(i, x);
    if (x !== Number.NEGATIVE_INFINITY && (best < 0 || x > logits[best]!)) best = i;
  }
  if (best < 0) throw broken(0, Number.NEGATIVE_INFINITY);
  return best;
}

const broken = (id: number, value: number): OpenTrnError =>
  new OpenTrnError(
    `the logit of token ${id} is ${value}; the checkpoint holds values that overflow, so nothing can be sampled`,
    { category: "invalid program", rule: "logits" },
  );

/** Ids by falling logit; equal ones by rising id, so that the order is the same on every host. */
const byLogit = (logits: Float32Array): number[] =>
  Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);

/** The k first of `byLogit`: only what reaches the k-th value is sorted. */
function top(logits: Float32Array, k: number): number[] {
  const threshold = logits.slice().sort()[logits.length - k]!;
  const reaching = Array.from(logits.keys()).filter((i) => logits[i]! >= threshold);
  return reaching.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, k);
}
