/** A hardware number never travels without where it comes from. */

export type FactBasis = "documented" | "derived" | "measured" | "assumed";

export interface Fact<T = number> {
  readonly value: T;
  readonly basis: FactBasis;
  /** Document and place, or the working for a derived value. */
  readonly source: string;
  readonly note?: string;
}

export const fact = <const T>(
  value: T,
  basis: FactBasis,
  source: string,
  note?: string,
): Fact<T> => (note === undefined ? { value, basis, source } : { value, basis, source, note });
