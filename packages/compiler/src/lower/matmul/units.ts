/**
 * The order of a tiled product: units of work (one tile of the result over one block of K), and the chunks of operands that they need.
 * A chunk is some columns of an operand over one block of K. It occupies a slot of its operand's ring in SBUF from its load to its last
 * use; loads are due as soon as their slot is free, which keeps the next block coming while this one is multiplied.
 */
import type { Tiling } from "./tiling.ts";

/** Columns [from, to) of one operand over K tiles [kFrom, kTo) of one batch index, in slot `slot` of its ring. */
export interface Chunk {
  readonly side: 0 | 1;
  readonly segment: number;
  readonly batch: number;
  readonly kFrom: number;
  readonly kTo: number;
  readonly from: number;
  readonly to: number;
  readonly slot: number;
  /** The unit before which the chunk may be loaded, and the first one that needs it. */
  readonly due: number;
  readonly first: number;
}

/** Rows [m, mTo) and columns [n, nTo) of one segment's result of one batch index, summed over the chunks' K. */
export interface Unit {
  readonly segment: number;
  readonly batch: number;
  readonly m: number;
  readonly mTo: number;
  readonly n: number;
  readonly nTo: number;
  readonly left: Chunk;
  readonly right: Chunk;
  /** Whether the block of K is the first and the last one. */
  readonly begins: boolean;
  readonly ends: boolean;
  /** The last unit of a run that has the same rows and neighbouring columns. */
  readonly lastOfRow: boolean;
  /** Where the unit's sums stand among those of its block of the result. */
  readonly place: number;
}

export interface Sizes {
  readonly batch: number;
  readonly M: number;
  /** Columns of every segment. */
  readonly N: readonly number[];
  /** K tiles, the longest of products that meet. */
  readonly tiles: number;
}

export interface Order {
  readonly units: readonly Unit[];
  /** Every chunk in the order of loading. */
  readonly chunks: readonly Chunk[];
}

/** A ring of slots that holds what was loaded last. */
class Ring {
  private readonly held = new Map<string, Chunk>();
  private readonly lastUse: number[];
  private count = 0;
  private readonly slots: number;
  readonly made: Chunk[] = [];

  constructor(slots: number) {
    this.slots = slots;
    this.lastUse = new Array<number>(slots).fill(-1);
  }

  use(unit: number, wanted: Omit<Chunk, "slot" | "due" | "first">): Chunk {
    const key = `${wanted.batch} ${wanted.kFrom} ${wanted.segment} ${wanted.from}`;
    let chunk = this.held.get(key);
    if (!chunk) {
      const slot = this.count++ % this.slots;
      const old = this.made[this.made.length - this.slots];
      if (old) this.held.delete(`${old.batch} ${old.kFrom} ${old.segment} ${old.from}`);
      chunk = { ...wanted, slot, due: this.lastUse[slot]! + 1, first: unit };
      this.held.set(key, chunk);
      this.made.push(chunk);
    }
    this.lastUse[chunk.slot] = unit;
    return chunk;
  }
}

interface Range {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
}

function steps(from: number, to: number, step: number, segment = 0): readonly Range[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => ({
    segment,
    from: from + i * step,
    to: Math.min(to, from + (i + 1) * step),
  }));
}

/** `count` neighbours together. */
const groups = <T>(list: readonly T[], count: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / count) }, (_, i) =>
    list.slice(i * count, (i + 1) * count),
  );

/** Units and loads of a product; `rows` of the array are rows of a unit and K of a tile. */
export function orderOf(sizes: Sizes, tiling: Tiling, rows: number): Order {
  const { resident, chunk, block, slots, kTiles, unit: width } = tiling;
  const rings = [new Ring(slots[0]), new Ring(slots[1])] as const;
  const units: Unit[] = [];
  const lefts = groups(steps(0, sizes.M, chunk[0]), block[0]);
  const rights = groups(
    sizes.N.flatMap((n, segment) => steps(0, n, chunk[1], segment)),
    block[1],
  );

  const visit = (batch: number, k: Range, l: Range, r: Range, m: Range, places: Places): void => {
    for (const n of steps(r.from, r.to, width)) {
      const at = units.length;
      const of = (side: 0 | 1, { segment, from, to }: Range): Chunk =>
        rings[side].use(at, { side, segment, batch, kFrom: k.from, kTo: k.to, from, to });
      const before = units.at(-1);
      const follows =
        before?.segment === r.segment &&
        before.batch === batch &&
        before.m === m.from &&
        before.nTo === n.from;
      if (before && !follows) units[at - 1] = { ...before, lastOfRow: true };
      units.push({
        segment: r.segment,
        batch,
        m: m.from,
        mTo: m.to,
        n: n.from,
        nTo: n.to,
        left: of(0, l),
        right: of(1, r),
        begins: k.from === 0,
        ends: k.to === sizes.tiles,
        lastOfRow: false,
        place: places.count++,
      });
    }
  };

  const [outers, inners] = resident === 0 ? [lefts, rights] : [rights, lefts];
  for (let batch = 0; batch < sizes.batch; batch++)
    for (const outer of outers)
      for (const inner of inners)
        for (const k of steps(0, sizes.tiles, kTiles)) {
          const places = { count: 0 };
          const [ls, rs] = resident === 0 ? [outer, inner] : [inner, outer];
          if (resident === 0) {
            for (const r of rs)
              for (const l of ls)
                for (const m of steps(l.from, l.to, rows)) visit(batch, k, l, r, m, places);
          } else
            for (const l of ls)
              for (const m of steps(l.from, l.to, rows))
                for (const r of rs) visit(batch, k, l, r, m, places);
        }
  const last = units.length - 1;
  units[last] = { ...units[last]!, lastOfRow: true };
  const chunks = [...rings[0].made, ...rings[1].made].sort(
    (a, b) => a.due - b.due || a.first - b.first || a.side - b.side,
  );
  return { units, chunks };
}

interface Places {
  count: number;
}
