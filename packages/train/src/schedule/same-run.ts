/** What a resumed run must share with the one it goes on with. */
import { OpenTrnError } from "@opentrn/base";
import type { RunIdentity } from "../checkpoint/record.ts";

/** Each choice by the option that makes it. */
const rows: readonly (readonly [string, (i: RunIdentity) => string | number | boolean])[] = [
  ["--batch", (i) => i.shape.batch],
  ["--seq", (i) => i.shape.sequence],
  ["--accumulate", (i) => i.shape.accumulate],
  ["--seed", (i) => i.seed],
  ["--cores", (i) => i.cores],
  ["--engine", (i) => i.engine],
  ["--compute-dtype", (i) => i.computeDtype],
  ["--stochastic-rounding", (i) => i.stochasticRounding],
  ["--fp8", (i) => i.fp8],
  ["--eval-share", (i) => i.evaluationShare],
  ["--data", (i) => i.data],
];

/** Stops with `bad input` at the first choice that differs, naming both values. */
export function checkSameRun(before: RunIdentity, now: RunIdentity): void {
  for (const [option, value] of rows) {
    const [was, is] = [value(before), value(now)];
    if (was === is) continue;
    const what =
      option === "--data"
        ? "the text or its tokenizer has changed since"
        : `the checkpoint was made with ${was}, this run has ${is}`;
    throw new OpenTrnError(
      `${option}: ${what}; a resumed run gives the same bytes only with the same choice. Leave it as it was, or start another --out`,
      { category: "bad input", rule: option },
    );
  }
}
