/** Rows of `trn bench`: what is measured, in which unit, against which target and which peer. */

export interface BenchRow {
  readonly name: string;
  /** Null where it could not be measured. */
  readonly value: number | null;
  readonly unit: string;
  readonly target: number;
  /** Null where it could not be measured. */
  readonly met: boolean | null;
  /** The same figure of the peer, in the same unit. */
  readonly peer: number | null;
  /** How many times better than the peer; above 1 we are ahead. */
  readonly ratio: number | null;
  readonly note?: string;
}

export interface Measured {
  readonly value: number;
  readonly peer?: number | undefined;
  readonly note?: string | undefined;
}

export interface Bench {
  readonly name: string;
  readonly unit: string;
  readonly target: number;
  /** Whether larger values are better. */
  readonly higher: boolean;
  readonly measure: () => Measured | Promise<Measured>;
}

/** Thrown by a benchmark that cannot run here; the reason becomes the row's note. */
export class CannotMeasure extends Error {}

export async function runBench(b: Bench): Promise<BenchRow> {
  const { name, unit, target, higher } = b;
  try {
    const { value, peer, note } = await b.measure();
    return {
      name,
      value,
      unit,
      target,
      met: higher ? value >= target : value <= target,
      peer: peer ?? null,
      ratio: peer === undefined ? null : higher ? value / peer : peer / value,
      ...(note === undefined ? {} : { note }),
    };
  } catch (e) {
    if (!(e instanceof CannotMeasure)) throw e;
    return { name, value: null, unit, target, met: null, peer: null, ratio: null, note: e.message };
  }
}
