/** How much predictions change when one assumed figure takes its lowest or highest plausible value, all others as they are. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed, type Fact, factsOf } from "@opentrn/chips";
import { type ModelChanges, type ModelConstant, modelConstants } from "@opentrn/device";
import { instructions } from "@opentrn/isa";
import type { PublishedRow } from "./row.ts";
import { type ValidateOptions, validate } from "./validation.ts";

export interface AssumedBounds {
  readonly low: number;
  readonly high: number;
  readonly why: string;
}

/** Contents of `validation/assumed.json`; `model` holds the timing model's own, those of no chip. */
export interface Assumed {
  /** Rows that stand for the main kernels, by chip. */
  readonly kernels: Readonly<Record<string, readonly string[]>>;
  /** Bounds by chip and path of the fact. */
  readonly bounds: Readonly<Record<string, Readonly<Record<string, AssumedBounds>>>>;
  readonly model: Readonly<Record<string, AssumedBounds>>;
}

export interface Sensitivity {
  readonly chip: string;
  readonly path: string;
  readonly value: number;
  readonly bounds: AssumedBounds;
  /** Change of each main kernel's time, per cent, at the lower and the upper bound. */
  readonly changes: readonly (readonly [low: number, high: number])[];
}

export function readAssumed(path: string): Assumed {
  return JSON.parse(readFileSync(path, "utf8")) as Assumed;
}

/** The chip's assumed numbers; what is assumed besides them is no number. */
export const assumedNumbers = (chip: Chip): readonly { path: string; value: number }[] =>
  factsOf(chip).flatMap(({ path, fact: { basis, value } }) =>
    basis === "assumed" && typeof value === "number" ? [{ path, value }] : [],
  );

/** The timing model's assumed numbers that belong to no chip. */
export const assumedOfModel = (): readonly { path: ModelConstant; value: number }[] =>
  (Object.keys(modelConstants) as ModelConstant[]).flatMap((path) => {
    const { basis, value } = modelConstants[path];
    return (basis as string) === "assumed" ? [{ path, value }] : [];
  });

/** Instructions whose cost is assumed, or unknown and guessed. */
export const assumedCosts = (): readonly string[] =>
  instructions
    .filter(({ cost }) => cost.kind === "unknown" || cost.basis === "assumed")
    .map((o) => o.name);

/** `chip` with another value in one fact. */
export function withFact(chip: Chip, path: string, value: number): Chip {
  const set = (part: unknown, [key, ...rest]: readonly string[]): unknown => {
    const here = part as Readonly<Record<string, unknown>>;
    if (key === undefined) return { ...(part as Fact), value };
    if (!(key in here))
      throw new OpenTrnError(`${chip.name} has no ${path}`, { category: "internal" });
    return { ...here, [key]: set(here[key], rest) };
  };
  return set(chip, path.split(".")) as Chip;
}

/** Replays the main kernels at both bounds of every assumed figure. */
export async function sensitivities(
  assumed: Assumed,
  rows: readonly PublishedRow[],
  options: ValidateOptions,
): Promise<{ readonly rows: readonly PublishedRow[]; readonly table: readonly Sensitivity[] }[]> {
  const result: { rows: readonly PublishedRow[]; table: readonly Sensitivity[] }[] = [];
  for (const [name, ids] of Object.entries(assumed.kernels)) {
    const chip = chipNamed(name);
    const main = ids.map((id) => rows.find((r) => r.id === id)!);
    const times = async (of: Chip, model: ModelChanges = {}): Promise<readonly number[]> => {
      const { checked } = await validate(main, { ...options, chipNamed: () => of, model });
      return checked.map((c) => c.predicted);
    };
    const base = await times(chip);
    const table: Sensitivity[] = [];
    const vary = async (
      path: string,
      value: number,
      bounds: AssumedBounds,
      at: (bound: number) => Promise<readonly number[]>,
    ): Promise<void> => {
      const change = async (bound: number): Promise<readonly number[]> =>
        bound === value
          ? base.map(() => 0)
          : (await at(bound)).map((t, i) => 100 * (t / base[i]! - 1));
      const [low, high] = [await change(bounds.low), await change(bounds.high)];
      table.push({ chip: name, path, value, bounds, changes: low.map((l, i) => [l, high[i]!]) });
    };
    for (const { path, value } of assumedNumbers(chip))
      await vary(path, value, assumed.bounds[name]![path]!, (bound) =>
        times(withFact(chip, path, bound)),
      );
    for (const { path, value } of assumedOfModel())
      await vary(path, value, assumed.model[path]!, (bound) => times(chip, { [path]: bound }));
    result.push({ rows: main, table });
  }
  return result;
}
