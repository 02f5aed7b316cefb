/** The report of a generation, as `trn generate --json` prints it. Field names are a contract: docs/report.md. */
import { type Cost, costOf } from "../prices/cost.ts";
import { costReport } from "../prices/cost-report.ts";
import type { PriceTerm } from "../prices/price.ts";
import type { OpenGeneration } from "../setup/open-generation.ts";
import type { Generated } from "./generate.ts";

/** Cost of decoding one sequence at a time; undefined where nothing is predicted or no price is published. */
export function costOfDecoding(
  { chip, engine }: OpenGeneration,
  price: { readonly instance?: string; readonly term?: PriceTerm },
): Cost | undefined {
  const p = engine.predicted;
  if (!p) return undefined;
  return costOf({ chip, tokensPerSecond: 1e9 / p.tokenNs, cores: p.cores, ...price });
}

export function generateReport(open: OpenGeneration, made: Generated, cost: Cost | undefined) {
  const { predicted: p } = made;
  return {
    model: open.checkpoint,
    target: open.chip.name,
    engine: open.engine.name,
    tokenizer: open.tokenizer.name,
    text: made.text,
    prompt_tokens: made.promptTokens,
    tokens: made.tokens,
    ended: made.ended,
    predicted: p
      ? {
          ttft_ns: p.ttftNs,
          token_ns: p.tokenNs,
          tokens_per_second: 1e9 / p.tokenNs,
          cores: p.cores,
          cost: cost ? costReport(cost) : null,
        }
      : null,
    host: {
      prefill_ms: made.hostPrefillMs,
      decode_ms: made.hostDecodeMs,
      tokens_per_second:
        made.tokens.length > 1 ? ((made.tokens.length - 1) / made.hostDecodeMs) * 1000 : 0,
    },
  };
}

export type GenerateReport = ReturnType<typeof generateReport>;
