/** Emits steps as a software pipeline: every engine runs in order, so a stage that comes later is issued some rounds later. */

/** Emits a stage of one step, `delay` rounds after the step's first. */
export type Stage<S> = readonly [emit: (step: S, n: number) => void, delay: number];

/** In every round, in the order of `stages`, each stage of the step whose turn it is; nothing where there is no step. */
export function pipeline<S>(steps: readonly (S | undefined)[], stages: readonly Stage<S>[]): void {
  const rounds = steps.length + Math.max(...stages.map(([, delay]) => delay));
  for (let round = 0; round < rounds; round++)
    for (const [emit, delay] of stages) {
      const n = round - delay;
      const step = steps[n];
      if (step !== undefined) emit(step, n);
    }
}
