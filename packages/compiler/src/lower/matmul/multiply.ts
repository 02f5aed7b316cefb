/** Emits tiled products: loads when they are due, matmuls of one unit into PSUM, and its sums to whoever drains them. */
import type { Chip } from "@opentrn/chips";
import { records } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { bankColumns, psumBanks } from "./costs.ts";
import {
  fullTiles,
  type Held,
  type KTiles,
  pairOf,
  roomFor,
  tileCount,
  tileOf,
} from "./k-tiles.ts";
import { loadChunk, type Operand } from "./load.ts";
import { Deferred, Prepare } from "./prepare.ts";
import type { Tiling } from "./tiling.ts";
import { type Chunk, type Order, orderOf, type Sizes, type Unit } from "./units.ts";

/** Takes the sums of a unit once all of its matmuls are emitted: [rows, columns] in PSUM for every product of the segment. */
export type Drain = (unit: Unit, sums: readonly View[]) => void;

/** One of the products that are summed side by side: positions of its operands among those of each side. */
export interface Term {
  readonly left: number;
  readonly right: number;
}

/** An operand that is loaded, or computed by `prepare`. */
export interface Source {
  readonly layout: KTiles;
  readonly turned: boolean;
  readonly from: Operand | Prepare;
}

export interface Multiplied {
  readonly sizes: Sizes;
  readonly dtype: DType;
  readonly terms: readonly Term[];
  /** What the array takes for a unit. */
  readonly unitNs: number;
  /** Operands of a side of a segment. Left ones are the same for all segments. */
  readonly operands: (side: 0 | 1, segment: number) => readonly Source[];
  readonly tiling: Tiling;
}

export function multiply(emit: Emitter, made: Multiplied, drain: Drain): void {
  const { sizes, terms, tiling } = made;
  const rows = emit.chip.tensor.rows.value;
  const order = orderOf(sizes, tiling, rows);
  const slots = new Map<string, readonly Held[]>();
  const names = ["left", "right"] as const;
  const widest = [sizes.M, Math.max(...sizes.N)] as const;
  const held = (side: 0 | 1, { slot, segment }: Chunk): readonly Held[] => {
    const key = `${side} ${slot}`;
    const most = Math.min(tiling.chunk[side], widest[side]);
    const known =
      slots.get(key) ??
      made
        .operands(side, segment)
        .map(({ layout, turned }) =>
          roomFor(emit, made.dtype, layout, turned, tiling.kTiles, most, names[side]),
        );
    slots.set(key, known);
    return known;
  };
  const depth = psumDepth(emit.chip, tiling.unit, terms.length);
  const sums = terms.map(() =>
    ring(depth, () => emit.psum("float32", [Math.min(rows, sizes.M), tiling.unit], "sums")),
  );
  const loads = new Loads(order, Math.max(LEAST_AHEAD, Math.ceil(AHEAD_NS / made.unitNs)));
  const deferred = new Deferred(emit, Math.ceil(LOAD_NS / made.unitNs));
  order.units.forEach((unit, u) => {
    for (const chunk of loads.before(u)) {
      const into = held(chunk.side, chunk);
      made.operands(chunk.side, chunk.segment).forEach(({ from }, i) => {
        if (!(from instanceof Prepare)) loadChunk(emit, from, chunk, into[i]!);
        else for (const p of from.chunk(chunk, into[i]!)) deferred.add(p, u, chunk.first);
      });
    }
    deferred.before(u);
    const [left, right] = [held(0, unit.left), held(1, unit.right)];
    const all = terms.map((term, i) => {
      const into = sums[i]!(u)
        .slice(0, 0, unit.mTo - unit.m)
        .slice(1, 0, unit.nTo - unit.n);
      matmuls(emit, unit, into, left[term.left]!, right[term.right]!);
      return into;
    });
    drain(unit, all);
  });
}

/** Loads are issued this long before their data is needed, or as soon as there is room, so that small ones come between large ones. */
const AHEAD_NS = 40_000;
const LEAST_AHEAD = 4;
/** What a load takes until its data is there, about. */
const LOAD_NS = 6_000;

/** Hands out loads in the order of need, once their slot is free and need comes near. */
class Loads {
  private readonly order: Order;
  private readonly ahead: number;
  private readonly open: Chunk[] = [];
  private next = 0;

  constructor(order: Order, ahead: number) {
    this.order = order;
    this.ahead = ahead;
  }

  /** Those to issue before unit `u`. */
  before(u: number): readonly Chunk[] {
    const { chunks } = this.order;
    for (; this.next < chunks.length && chunks[this.next]!.due <= u; this.next++) {
      const chunk = chunks[this.next]!;
      const at = this.open.findIndex((c) => c.first > chunk.first);
      this.open.splice(at < 0 ? this.open.length : at, 0, chunk);
    }
    const near = this.open.findIndex((c) => c.first > u + this.ahead);
    return this.open.splice(0, near < 0 ? this.open.length : near);
  }
}

/** How many units PSUM holds, of so many columns for each of their products. */
export const psumDepth = (chip: Chip, columns: number, products: number): number =>
  Math.max(1, Math.floor(psumBanks(chip) / (Math.ceil(columns / bankColumns(chip)) * products)));

/** All matmuls of a product of a unit, K tile by K tile. */
function matmuls(emit: Emitter, unit: Unit, into: View, left: Held, right: Held): void {
  const { left: l, right: r } = unit;
  const { layout } = left;
  const bank = bankColumns(emit.chip);
  const full = Math.min(l.kTo, fullTiles(layout)) - l.kFrom;
  const tiles = Math.min(l.kTo, tileCount(layout)) - l.kFrom;
  const pairs = bytesOf(left.dtype) === 1 && emit.chip.tensor.doubleRow.value;
  for (let n = unit.n; n < unit.nTo; n += bank) {
    const nTo = Math.min(unit.nTo, n + bank);
    const dst = into.slice(1, n - unit.n, nTo - unit.n);
    for (let k = 0; k < tiles; ) {
      const double = pairs && (layout.paired || k + 1 < full);
      const tile = (h: Held): View => (double ? pairOf(h, k, full) : tileOf(h, k, full));
      const cut = (v: View, from: number, to: number): View =>
        v.slice(v.shape.length - 1, from, to);
      const stationary = cut(tile(left), unit.m - l.from, unit.mTo - l.from);
      const moving = cut(tile(right), n - r.from, nTo - r.from);
      const mode = double ? { perf_mode: "double_row" } : {};
      emit.emit(records.ncMatmul, { dst, stationary, moving }, { accumulate: k > 0, ...mode });
      k += double ? 2 : 1;
    }
  }
}
