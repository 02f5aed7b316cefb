/** How long at least one of several things is busy, where each one's intervals are known in order of their starts. */

interface Lane {
  readonly starts: number[];
  readonly ends: number[];
  at: number;
}

/** Intervals by lane; within a lane they come in order of their starts, between lanes in any order. */
export class BusyTime {
  private readonly lanes = new Map<number, Lane>();

  add(lane: number, start: number, end: number): void {
    const known = this.lanes.get(lane);
    if (known) {
      known.starts.push(start);
      known.ends.push(end);
    } else this.lanes.set(lane, { starts: [start], ends: [end], at: 0 });
  }

  /** Length of the union of all intervals; linear in their number, lanes being few. */
  total(): number {
    const lanes = [...this.lanes.values()];
    let [busy, until] = [0, Number.NEGATIVE_INFINITY];
    for (;;) {
      let next: Lane | undefined;
      for (const l of lanes)
        if (l.at < l.starts.length && (!next || l.starts[l.at]! < next.starts[next.at]!)) next = l;
      if (!next) return busy;
      const end = next.ends[next.at]!;
      const start = next.starts[next.at++]!;
      if (end > until) {
        busy += end - Math.max(start, until);
        until = end;
      }
    }
  }
}
