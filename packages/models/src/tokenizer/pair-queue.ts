/** Pairs of neighbouring tokens by how often they occur; counts change while the most frequent one is taken. */

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words that have held the pair. */
  readonly words: Set<number>;
}

interface Entry {
  readonly pair: Pair;
  /** The count when it was queued; an entry whose pair has another count by now is out of date. */
  readonly count: number;
}

/** Whether a comes out before b: more often, then smaller numbers, so that the order is the same everywhere. */
const before = (a: Entry, b: Entry): boolean =>
  a.count !== b.count
    ? a.count > b.count
    : a.pair.left !== b.pair.left
      ? a.pair.left < b.pair.left
      : a.pair.right < b.pair.right;

/** A binary heap with stale entries: a changed count is queued again, and what is out of date is dropped when it surfaces. */
export class PairQueue {
  private readonly pairs = new Map<number, Pair>();
  private readonly heap: Entry[] = [];
  private readonly changed = new Set<Pair>();

  /** Adds `by` to the count of a pair, which word `w` holds. */
  change(left: number, right: number, by: number, w: number): void {
    // Token numbers are below 2^20, so that the key is exact.
    const key = left * 2 ** 20 + right;
    const known = this.pairs.get(key);
    const pair = known ?? { left, right, count: 0, words: new Set() };
    if (!known) this.pairs.set(key, pair);
    pair.count += by;
    if (by > 0) pair.words.add(w);
    this.changed.add(pair);
  }

  /** The most frequent pair of at least that count. */
  take(minimum: number): Pair | undefined {
    for (const pair of this.changed)
      if (pair.count >= minimum) this.push({ pair, count: pair.count });
    this.changed.clear();
    for (let top = this.pop(); top; top = this.pop()) {
      if (top.count === top.pair.count) return top.pair;
    }
    return undefined;
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): Entry | undefined {
    const { heap } = this;
    const [top] = heap;
    const last = heap.pop();
    if (!last || last === top) return top;
    let at = 0;
    for (;;) {
      const child = 2 * at + 1;
      if (child >= heap.length) break;
      const next =
        child + 1 < heap.length && before(heap[child + 1]!, heap[child]!) ? child + 1 : child;
      if (!before(heap[next]!, last)) break;
      heap[at] = heap[next]!;
      at = next;
    }
    heap[at] = last;
    return top;
  }
}
