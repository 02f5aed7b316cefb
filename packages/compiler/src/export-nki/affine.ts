/** Numbers of a statement inside loops: a base and what it grows by in each loop around it. */

export interface Affine {
  readonly base: number;
  /** One step a loop around, from the outermost. */
  readonly steps: readonly number[];
}

export interface LoopVariable {
  readonly name: string;
  readonly count: number;
}

/** Python for `base + sum(step * variable)`. */
export function affineText({ base, steps }: Affine, loops: readonly LoopVariable[]): string {
  const terms = steps.flatMap((step, i) => {
    const { name } = loops[i]!;
    return step === 0 ? [] : [step === 1 ? name : step === -1 ? `-${name}` : `${step} * ${name}`];
  });
  if (base !== 0 || terms.length === 0) terms.push(String(base));
  return terms.join(" + ").replaceAll("+ -", "- ");
}

/** Largest value over all rounds. */
export const most = ({ base, steps }: Affine, loops: readonly LoopVariable[]): number =>
  steps.reduce((n, s, i) => n + Math.max(0, s * (loops[i]!.count - 1)), base);

/** Smallest value over all rounds. */
export const least = ({ base, steps }: Affine, loops: readonly LoopVariable[]): number =>
  steps.reduce((n, s, i) => n + Math.min(0, s * (loops[i]!.count - 1)), base);

export const plus = (a: Affine, n: number): Affine => ({ ...a, base: a.base + n });

/**
 * An element offset as one index a dimension of `strides` (descending), or undefined where rounds would carry from one dimension into
 * another or an index would leave [0, sizes).
 */
export function digits(
  offset: Affine,
  strides: readonly number[],
  sizes: readonly number[],
  loops: readonly LoopVariable[],
): readonly Affine[] | undefined {
  const split = (n: number): readonly number[] => {
    let rest = n;
    return strides.map((s) => {
      const digit = Math.trunc(rest / s);
      rest -= digit * s;
      return digit;
    });
  };
  const base = split(offset.base);
  const steps = offset.steps.map(split);
  const found = strides.map((_, d): Affine => ({ base: base[d]!, steps: steps.map((s) => s[d]!) }));
  const fits = found.every((a, d) => least(a, loops) >= 0 && most(a, loops) < sizes[d]!);
  return fits ? found : undefined;
}
