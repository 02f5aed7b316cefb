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

/** A figure of another chip, for want of a better one: always assumed, with the reason. */
export const taken = <T>(from: Fact<T>, why: string): Fact<T> => ({
  value: from.value,
  basis: "assumed",
  source: why,
});

/** One fact with its place in a chip, such as `dma.startNs.ring`. */
export interface PlacedFact {
  readonly path: string;
  readonly fact: Fact<unknown>;
}

export const isFact = (x: unknown): x is Fact<unknown> =>
  typeof x === "object" && x !== null && "value" in x && "basis" in x && "source" in x;

/** All facts of a chip (or a part of one), in the order they are written. */
export function factsOf(x: unknown, path = ""): PlacedFact[] {
  if (isFact(x)) return [{ path, fact: x }];
  if (typeof x !== "object" || x === null || Array.isArray(x)) return [];
  return Object.entries(x).flatMap(([key, part]) => factsOf(part, path ? `${path}.${key}` : key));
}
