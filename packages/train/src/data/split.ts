/** Divides the tokens into those trained on and, at the end of the text, those that are only measured. */
import { OpenTrnError } from "@opentrn/base";
import type { TokenRange } from "./windows.ts";

export interface Split {
  readonly train: TokenRange;
  /** Absent: nothing is held back. */
  readonly evaluation?: TokenRange;
}

export interface SplitRequest {
  readonly tokens: number;
  readonly sequence: number;
  /** Share of the tokens held back, 0 to below 1. */
  readonly share: number;
  /** The user asked for evaluation; otherwise a text too short for it is trained on whole. */
  readonly required: boolean;
}

/** Stops with `bad input` when the text is empty or shorter than a window, saying how many tokens there must be. */
export function split({ tokens, sequence, share, required }: SplitRequest): Split {
  const window = sequence + 1;
  const whole: Split = { train: { start: 0, length: tokens } };
  if (tokens === 0) throw tooShort("the text is empty; training needs", tokens, window, sequence);
  if (tokens < window)
    throw tooShort("the text is too short: training needs", tokens, window, sequence);
  if (share === 0) return whole;
  const held = Math.max(window, Math.floor(tokens * share));
  if (tokens - held < window) {
    if (!required) return whole;
    throw tooShort("training and evaluation need", tokens, 2 * window, sequence);
  }
  return {
    train: { start: 0, length: tokens - held },
    evaluation: { start: tokens - held, length: held },
  };
}

const tooShort = (what: string, tokens: number, needed: number, sequence: number): OpenTrnError =>
  new OpenTrnError(
    `--data: ${what} at least ${needed} tokens at --seq ${sequence}, there are ${tokens}; give more text or a shorter --seq`,
    { category: "bad input", rule: "--data" },
  );
