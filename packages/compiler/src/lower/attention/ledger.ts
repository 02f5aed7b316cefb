/** What lies in SBUF while steps go by: how many bytes of a partition at the fullest moment, known before anything is emitted. */

/** Something that is on chip from the first step that reads it to the last. */
export class Stay {
  readonly bytes: number;
  first = Number.POSITIVE_INFINITY;
  last = -1;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Names a step that reads it, by its position among all steps. */
  readBy(step: number): void {
    this.first = Math.min(this.first, step);
    this.last = Math.max(this.last, step);
  }
}

export class Ledger {
  private readonly stays: Stay[] = [];

  stay(bytes: number): Stay {
    const made = new Stay(bytes);
    this.stays.push(made);
    return made;
  }

  /** Most bytes at once. `lag`: rounds from a step's loads to its last reading. */
  peak(lag: number): number {
    const read = this.stays.filter((s) => s.last >= 0);
    const starts = read.toSorted((a, b) => a.first - b.first);
    const ends = read.toSorted((a, b) => a.last - b.last);
    let [now, most, ended] = [0, 0, 0];
    for (const stay of starts) {
      for (; ends[ended]!.last + lag < stay.first; ended++) now -= ends[ended]!.bytes;
      now += stay.bytes;
      most = Math.max(most, now);
    }
    return most;
  }
}
