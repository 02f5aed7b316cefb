/**
 * Axes: dimensions of different values that run together. Element-by-element operations tie the dimensions of their operands and results,
 * reshapes cut them into factors. An axis that is cut stands for its parts.
 */

/** Number of an axis. */
export type Axis = number;

interface Node {
  size: number;
  /** The axis that stands for this one. */
  parent: Axis | undefined;
  /** Parts, the slowest first. */
  parts: readonly Axis[] | undefined;
  /** Elements of it are picked or joined by position, so that it stays whole in a tile's free dimensions. */
  rigid: boolean;
}

export class Axes {
  private readonly nodes: Node[] = [];

  /** A new axis; sizes of 1 are no axes. */
  make(size: number, rigid = false): readonly Axis[] {
    if (size === 1) return [];
    this.nodes.push({ size, parent: undefined, parts: undefined, rigid });
    return [this.nodes.length - 1];
  }

  size(a: Axis): number {
    return this.nodes[this.root(a)]!.size;
  }

  isRigid(a: Axis): boolean {
    return this.nodes[this.root(a)]!.rigid;
  }

  private root(a: Axis): Axis {
    let at = a;
    for (let up = this.nodes[at]!.parent; up !== undefined; up = this.nodes[at]!.parent) at = up;
    return at;
  }

  /** The axes that the listed ones stand for now. */
  leaves(list: readonly Axis[]): readonly Axis[] {
    return list.flatMap((a) => {
      const r = this.root(a);
      const { parts } = this.nodes[r]!;
      return parts ? this.leaves(parts) : [r];
    });
  }

  /** Makes two lists run over the same elements in the same order; false where their sizes do not nest, or a rigid axis would be cut. */
  tie(x: readonly Axis[], y: readonly Axis[]): boolean {
    const a = [...this.leaves(x)];
    const b = [...this.leaves(y)];
    for (;;) {
      const p = a.pop();
      const q = b.pop();
      if (p === undefined || q === undefined) return p === q;
      if (p === q) continue;
      const [m, n] = [this.size(p), this.size(q)];
      if (m === n) this.join(p, q);
      else {
        const [large, small] = m > n ? [p, q] : [q, p];
        const ratio = this.size(large) / this.size(small);
        if (!Number.isInteger(ratio) || this.isRigid(large)) return false;
        const [slow] = this.make(ratio);
        const [fast] = this.make(this.size(small));
        this.nodes[large]!.parts = [slow!, fast!];
        this.join(fast!, small);
        (m > n ? a : b).push(slow!);
      }
    }
  }

  private join(a: Axis, b: Axis): void {
    const [p, q] = [this.nodes[a]!, this.nodes[b]!];
    q.rigid ||= p.rigid;
    p.parent = b;
  }
}
