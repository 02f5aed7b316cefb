/** The seam between generation and what computes logits: a prompt at once, then token by token with cached keys and values. */

/** What the chip would take; absent where an engine predicts nothing. */
export interface DecodePrediction {
  /** Time to first token: the prefill of a prompt of the length given. */
  readonly ttftNs: number;
  /** One token, with the cache as full as the program allows for. */
  readonly tokenNs: number;
  readonly cores: number;
}

export interface DecodeEngine {
  readonly name: string;
  /** Positions that the cache holds: prompt and new tokens together. */
  readonly context: number;
  /** Starts over with a prompt of at least one token; returns the logits [vocabulary] that follow its last token. */
  prefill(prompt: Int32Array): Promise<Float32Array>;
  /** Appends a token; returns the logits that follow it. */
  decode(token: number): Promise<Float32Array>;
  /** For the prompt of the last `prefill`. */
  readonly predicted?: DecodePrediction | undefined;
  close(): Promise<void>;
}
