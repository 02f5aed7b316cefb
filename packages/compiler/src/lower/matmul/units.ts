/**
 * The order of a tiled product: units of work (one tile of the result over one block of K), and the chunks of operands that they need.
 * A chunk is some columns of an operand over one block of K. It occupies a slot of its operand's ring in SBUF from its load to its last
 * use; loads are due as soon as their slot is free, which keeps the next block coming while this one is multiplied.
 */
import type { Tiling } from "./tiling.ts";

/** Columns [from, to) of one operand over K tiles [kFrom, kTo) of one batch index, in slot `slot` of its ring. */
export interface Chunk {
  readonly side: 0 | 1;
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

/** Rows [m, mTo) and columns [n, nTo) of the result of one batch index, summed over the chunks' K. */
export interface Unit {
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
  readonly N: number;
  readonly K: number;
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
    const key = `${wanted.batch} ${wanted.kFrom} ${wanted.from}`;
    let chunk = this.held.get(key);
    if (!chunk) {
      const slot = this.count++ % this.slots;
      const old = this.made[this.made.length - this.slots];
      if (old) this.held.delete(`${old.batch} ${old.kFrom} ${old.from}`);
      chunk = { ...wanted, slot, due: this.lastUse[slot]! + 1, first: unit };
      this.held.set(key, chunk);
      this.made.push(chunk);
    }
    this.lastUse[chunk.slot] = unit;
    return chunk;
  }
}

/** [from, to) in steps. */
function* steps(from: number, to: number, step: number): Generator<readonly [number, number]> {
  for (let at = from; at < to; at += step) yield [at, Math.min(to, at + step)];
}

/** Units and loads of a product. */
export function orderOf(sizes: Sizes, tiling: Tiling, rows: number): Order {
  const { resident, chunk, block, slots, kTiles, unit: width } = tiling;
  const rings = [new Ring(slots[0]), new Ring(slots[1])] as const;
  const tilesOfK = Math.ceil(sizes.K / rows);
  const units: Unit[] = [];
  const columns = [sizes.M, sizes.N] as const;

  const visit = (
    batch: number,
    k: readonly [number, number],
    l: readonly [number, number],
    r: readonly [number, number],
    m: readonly [number, number],
    place: () => number,
  ): void => {
    for (const n of steps(r[0], r[1], width)) {
      const at = units.length;
      const [kFrom, kTo] = k;
      const of = (side: 0 | 1, [from, to]: readonly [number, number]): Chunk =>
        rings[side].use(at, { side, batch, kFrom, kTo, from, to });
      const before = units.at(-1);
      if (before && (before.batch !== batch || before.m !== m[0] || before.nTo !== n[0]))
        units[at - 1] = { ...before, lastOfRow: true };
      units.push({
        batch,
        m: m[0],
        mTo: m[1],
        n: n[0],
        nTo: n[1],
        left: of(0, l),
        right: of(1, r),
        begins: kFrom === 0,
        ends: kTo === tilesOfK,
        lastOfRow: false,
        place: place(),
      });
    }
  };

  for (let batch = 0; batch < sizes.batch; batch++)
    for (const outer of steps(0, columns[resident], chunk[resident] * block[resident]))
      for (const inner of steps(
        0,
        columns[1 - resident]!,
        chunk[1 - resident]! * block[1 - resident]!,
      ))
        for (const k of steps(0, tilesOfK, kTiles)) {
          let places = 0;
          const place = (): number => places++;
          const [ls, rs] = resident === 0 ? [outer, inner] : [inner, outer];
          if (resident === 0) {
            for (const r of steps(...rs, chunk[1]))
              for (const l of steps(...ls, chunk[0]))
                for (const m of steps(...l, rows)) visit(batch, k, l, r, m, place);
          } else
            for (const l of steps(...ls, chunk[0]))
              for (const m of steps(...l, rows))
                for (const r of steps(...rs, chunk[1])) visit(batch, k, l, r, m, place);
        }
  const last = units.length - 1;
  units[last] = { ...units[last]!, lastOfRow: true };
  const chunks = [...rings[0].made, ...rings[1].made].sort(
    (a, b) => a.due - b.due || a.first - b.first || a.side - b.side,
  );
  return { units, chunks };
}
