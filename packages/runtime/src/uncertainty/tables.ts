/** What ranges and the envelope are looked up in; the package's own are fitted to the measured rows by `trn validate --write`. */

/** What measured whole kernels leave unexplained. */
export interface Residuals {
  /** Logarithms of measured over predicted time that a twentieth of the measurements is below, and above; families count alike. */
  readonly low: number;
  readonly high: number;
  /** The same for collectives between ranks. */
  readonly collectives: { readonly low: number; readonly high: number };
  /** Chips whose kernels the figures come from. */
  readonly generations: readonly string[];
}

/** Kinds of work by chip, as measured kernels have them, and the time of the shortest one. */
export type Measured = Readonly<
  Record<string, { readonly shortestUs: number; readonly regimes: readonly string[] }>
>;

export interface Tables {
  readonly residuals: Residuals;
  readonly measured: Measured;
}

/** The tables as a TypeScript file. */
export const tablesFile = (tables: Tables): string =>
  [
    "/** Fitted to the measured rows; written by `trn validate --write`. docs/accuracy.md says how. */",
    'import type { Tables } from "./tables.ts";',
    "",
    `export const fitted: Tables = ${JSON.stringify(tables, null, 2)};`,
    "",
  ].join("\n");
