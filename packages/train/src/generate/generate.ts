/** Generation: a prompt, then one token after the other until there are enough, the model ends its text, or the cache is full. */
import { setImmediate } from "node:timers/promises";
import { OpenTrnError } from "@opentrn/base";
import { decodeStream, type Tokenizer } from "@opentrn/models";
import type { DecodeEngine, DecodePrediction } from "./decode-engine.ts";
import { Sampler, type Sampling } from "./sampler.ts";

export interface GenerateRequest {
  readonly engine: DecodeEngine;
  readonly tokenizer: Tokenizer;
  readonly prompt: string;
  readonly maxNewTokens: number;
  readonly sampling: Sampling;
  /** Ids that end a text, besides the tokenizer's own. */
  readonly endIds?: readonly number[];
  /** Gets the text as it is made, without the prompt. */
  readonly onText?: (text: string) => void;
  /** Asked after every token; true: end. */
  readonly stopRequested?: () => boolean;
}

export interface Generated {
  readonly text: string;
  readonly promptTokens: number;
  readonly tokens: readonly number[];
  readonly ended: "length" | "end of text" | "context" | "stopped";
  readonly hostPrefillMs: number;
  readonly hostDecodeMs: number;
  readonly predicted?: DecodePrediction;
}

/** Stops with `bad input` for a prompt without tokens, or one that leaves no room in the cache. */
export async function generate(request: GenerateRequest): Promise<Generated> {
  const { engine, tokenizer, maxNewTokens } = request;
  const prompt = tokenizer.encode(request.prompt);
  checkPrompt(prompt.length, engine.context);
  const ends = new Set([...(request.endIds ?? []), tokenizer.eos ?? -1]);
  const sampler = new Sampler(request.sampling);
  const stream = decodeStream(tokenizer);
  const tokens: number[] = [];
  let text = "";
  const show = (piece: string): void => {
    text += piece;
    if (piece !== "") request.onText?.(piece);
  };
  const started = performance.now();
  let logits = await engine.prefill(prompt);
  const hostPrefillMs = performance.now() - started;
  let ended: Generated["ended"] = "length";
  while (tokens.length < maxNewTokens) {
    const id = sampler.pick(logits);
    if (ends.has(id)) {
      ended = "end of text";
      break;
    }
    tokens.push(id);
    show(stream.push(id));
    await setImmediate();
    if (request.stopRequested?.()) {
      ended = "stopped";
      break;
    }
    if (tokens.length === maxNewTokens) break;
    if (prompt.length + tokens.length > engine.context) {
      ended = "context";
      break;
    }
    logits = await engine.decode(id);
  }
  show(stream.end());
  return {
    text,
    promptTokens: prompt.length,
    tokens,
    ended,
    hostPrefillMs,
    hostDecodeMs: performance.now() - started - hostPrefillMs,
    ...(engine.predicted ? { predicted: engine.predicted } : {}),
  };
}

/** Whether a prompt of that many tokens can be gone on from. */
export function checkPrompt(tokens: number, context: number): void {
  const stop = (why: string): never => {
    throw new OpenTrnError(`--prompt ${why}`, { category: "bad input", rule: "--prompt" });
  };
  if (tokens === 0) stop("is empty; generation goes on from a prompt of at least one token");
  if (tokens > context)
    stop(`has ${tokens} tokens, the model's context has ${context}; give a shorter one`);
}
