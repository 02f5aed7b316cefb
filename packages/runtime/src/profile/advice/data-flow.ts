/**
 * Which instances need results of which, whoever already waited for them: the graph of a timeline leaves out waits that an engine has
 * done before, so the bytes are looked at once more.
 */
import { edge, Growing, retime, type Timeline } from "@opentrn/device";

export class DataFlow {
  /** Producers of instance `i` are `producer[start[i] .. start[i + 1])`; each comes before `i`. */
  readonly start: Int32Array;
  readonly producer: Int32Array;

  constructor(t: Timeline) {
    const start = new Growing(t.graph.count + 1);
    const producers = new Growing(2 * t.graph.count);
    retime(t, {
      waits: () => ({
        conflict(consumer, producer, kind) {
          while (start.length <= consumer) start.push(producers.length);
          if (kind === edge.data && producer < consumer) producers.push(producer);
          return true;
        },
      }),
    });
    while (start.length <= t.graph.count) start.push(producers.length);
    this.start = start.taken();
    this.producer = producers.taken();
  }

  /** Calls `each` for every instance whose result `instance` reads. */
  visit(instance: number, each: (producer: number) => void): void {
    for (let e = this.start[instance]!; e < this.start[instance + 1]!; e++) each(this.producer[e]!);
  }

  /**
   * How many instances of `chosen` each instance's data has come through at most. Chosen instances with the same number do not depend
   * on each other.
   */
  depthOver(chosen: (instance: number) => boolean): Int32Array {
    const n = this.start.length - 1;
    const depth = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      let d = 0;
      for (let e = this.start[i]!; e < this.start[i + 1]!; e++) {
        const p = this.producer[e]!;
        const through = depth[p]! + (chosen(p) ? 1 : 0);
        if (through > d) d = through;
      }
      depth[i] = d;
    }
    return depth;
  }
}
