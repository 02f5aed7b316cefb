/** A cost as reports give it. */
import type { Cost } from "./cost.ts";

/** With the price, and where that is from. */
export const costReport = ({ instance, price, tokensPerSecond, usdPerMillionTokens }: Cost) => ({
  instance,
  tokens_per_second: tokensPerSecond,
  usd_per_million_tokens: usdPerMillionTokens,
  usd_per_hour: price.usdPerHour.value,
  term: price.term,
  region: price.region,
  date: price.date,
  source: price.usdPerHour.source,
});
