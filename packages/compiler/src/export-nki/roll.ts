/**
 * Straight-line statements to loops. A statement is a shape and numbers; runs of equal shapes whose numbers grow by the same steps become
 * a loop, and loops of loops follow from doing that again.
 */

export interface Statement {
  readonly kind: "statement";
  /** Equal for statements that differ in their numbers only. */
  readonly shape: number;
  readonly numbers: readonly number[];
}

export interface Loop {
  readonly kind: "loop";
  readonly shape: number;
  readonly count: number;
  readonly body: readonly Node[];
  /** Of the whole body in the first round, in order. */
  readonly numbers: readonly number[];
  /** What each number grows by in a round. */
  readonly steps: readonly number[];
}

export type Node = Statement | Loop;

/** Statements of the longest loop body that is looked for. */
const LONGEST = 192;
/** Fewer rounds of a body of several statements stay as they are. */
const LEAST_ROUNDS = 2;

/** Numbers texts: equal texts, equal numbers. */
export class Interned {
  private readonly ids = new Map<string, number>();
  of(text: string): number {
    const known = this.ids.get(text);
    if (known !== undefined) return known;
    this.ids.set(text, this.ids.size);
    return this.ids.size - 1;
  }
}

/** The same statements with runs of them as loops; executing the loops gives the statements in their order. */
export function roll(statements: readonly Node[], shapes: Interned): readonly Node[] {
  let now = statements;
  for (;;) {
    const before = now.length;
    for (let length = 1; length <= Math.min(LONGEST, now.length / 2); length++)
      now = rollBy(now, length, shapes);
    if (now.length === before) return now;
  }
}

function rollBy(nodes: readonly Node[], length: number, shapes: Interned): readonly Node[] {
  const out: Node[] = [];
  let at = 0;
  while (at < nodes.length) {
    const rounds = roundsAt(nodes, at, length);
    // Two rounds of one statement read better written out.
    if (rounds >= LEAST_ROUNDS && rounds * length > 2) {
      out.push(loopOf(nodes, at, length, rounds, shapes));
      at += rounds * length;
    } else out.push(nodes[at++]!);
  }
  return out;
}

/** How many rounds of `length` nodes follow each other from `at`, growing evenly. */
function roundsAt(nodes: readonly Node[], at: number, length: number): number {
  let rounds = 1;
  for (;;) {
    const next = at + rounds * length;
    if (next + length > nodes.length) return rounds;
    for (let k = 0; k < length; k++) {
      const [first, before, here] = [nodes[at + k]!, nodes[next - length + k]!, nodes[next + k]!];
      if (here.shape !== first.shape) return rounds;
      if (rounds > 1 && !evenly(first, nodes[at + length + k]!, before, here)) return rounds;
    }
    rounds++;
  }
}

/** Whether `here` differs from `before` as `second` does from `first`. */
function evenly(first: Node, second: Node, before: Node, here: Node): boolean {
  for (let i = 0; i < first.numbers.length; i++)
    if (here.numbers[i]! - before.numbers[i]! !== second.numbers[i]! - first.numbers[i]!)
      return false;
  return true;
}

function loopOf(
  nodes: readonly Node[],
  at: number,
  length: number,
  count: number,
  shapes: Interned,
): Loop {
  const body = nodes.slice(at, at + length);
  const numbers = body.flatMap((n) => n.numbers);
  const second = nodes.slice(at + length, at + 2 * length).flatMap((n) => n.numbers);
  const steps = numbers.map((n, i) => second[i]! - n);
  const shape = shapes.of(`loop ${count} [${body.map((n) => n.shape)}] ${steps}`);
  return { kind: "loop", shape, count, body, numbers, steps };
}

/** Statements that the nodes stand for, in order; the inverse of `roll`. */
export const unroll = (nodes: readonly Node[]): readonly Statement[] =>
  nodes.flatMap((n) => unrolled(n, n.numbers));

/** A node of a loop's body holds the numbers of the first round; `numbers` are those of the round at hand. */
function unrolled(n: Node, numbers: readonly number[]): readonly Statement[] {
  if (n.kind === "statement") return [{ ...n, numbers }];
  return Array.from({ length: n.count }, (_, round) => {
    let from = 0;
    return n.body.flatMap((b) => {
      const width = b.numbers.length;
      const here = numbers.slice(from, from + width).map((x, i) => x + round * n.steps[from + i]!);
      from += width;
      return unrolled(b, here);
    });
  }).flat();
}
