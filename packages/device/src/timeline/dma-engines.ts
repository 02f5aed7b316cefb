/**
 * The DMA engines of one core. A transfer occupies every engine it has pieces for, and all of them for its semaphore write; one
 * queue is served in order, and an engine takes turns between queues that have work. Taking turns is computed per transfer, not
 * per packet: a transfer that finds other queues busy lasts longer by their share, and what they get later starts later, so that
 * an engine never does more work than it has time for.
 */
import { queues } from "./units.ts";

export class DmaEngines {
  /** First byte and last semaphore write of the transfer just submitted. */
  firstData = 0;
  end = 0;
  /** Until when the engines work on it and on what it holds up. */
  busyUntil = 0;
  /** When each queue will have finished on each engine. */
  private readonly free: Float64Array[];
  private readonly seen: number[] = [];

  constructor(engines: number) {
    this.free = queues.map(() => new Float64Array(engines));
  }

  /**
   * Queues a transfer whose descriptors reach engine 0 at `arrival` and each further engine `stagger` later; `service` is the time
   * each engine needs for it. Ticks. Calls must come in order of their triggers.
   */
  submit(queue: number, arrival: number, stagger: number, service: Float64Array): void {
    if (!this.seen.includes(queue)) this.seen.push(queue);
    const mine = this.free[queue]!;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    let until = 0;
    for (let e = 0; e < mine.length; e++) {
      const work = service[e]!;
      const from = Math.max(arrival + e * stagger, mine[e]!);
      let end = from + work;
      for (const other of this.seen) {
        if (other === queue) continue;
        const theirs = this.free[other]!;
        const busy = theirs[e]! - from;
        if (busy <= 0) continue;
        const share = Math.min(work, busy);
        end += share;
        theirs[e] = theirs[e]! + share;
        if (theirs[e]! > until) until = theirs[e]!;
      }
      mine[e] = end;
      if (from < first) first = from;
      if (end > last) last = end;
    }
    this.firstData = first;
    this.end = last;
    this.busyUntil = Math.max(last, until);
  }

  /** Holds a queue's engines up until `time`, when memory and not the engines is the limit. */
  delay(queue: number, time: number): void {
    const mine = this.free[queue]!;
    for (let e = 0; e < mine.length; e++) if (mine[e]! < time) mine[e] = time;
  }
}
