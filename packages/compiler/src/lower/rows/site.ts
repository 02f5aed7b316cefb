/** Where operations put their instructions: the Program, engines to choose from, and tiles to write. */
import { records } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { Engines } from "./engines.ts";
import type { Slot, TilePool } from "./pool.ts";
import { compact, type Tile } from "./tile.ts";

export class Site {
  readonly emit: Emitter;
  readonly engines: Engines;
  private readonly pool: TilePool;
  private readonly rank: number;
  private readonly fixedTiles = new Map<string, Tile>();
  private readonly scratches: Slot[] = [];

  /** `rank` is the number of dimensions of tiles. */
  constructor(emit: Emitter, pool: TilePool, rank: number) {
    this.emit = emit;
    this.pool = pool;
    this.rank = rank;
    this.engines = new Engines(emit.chip);
  }

  /** A tile that lives until its buffer is given back. */
  make(dtype: DType, counts: readonly number[]): Tile {
    return this.pool.take(dtype, counts);
  }

  give(slot: Slot): void {
    this.pool.give(slot);
  }

  /** A tile of this operation only. */
  scratch(dtype: DType, counts: readonly number[]): Tile {
    const made = this.pool.take(dtype, counts);
    this.scratches.push(made.slot);
    return made;
  }

  /** Where an operation starts, for `done`. */
  mark(): number {
    return this.scratches.length;
  }

  /** Ends an operation: its scratch tiles are free again. */
  done(mark = 0): void {
    for (const slot of this.scratches.splice(mark)) this.pool.give(slot);
  }

  /** A number in every partition, kept for the whole Program: [partitions, 1, ...]. */
  fixed(value: number, dtype: DType, partitions: number): Tile {
    const key = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    let tile = this.fixedTiles.get(key);
    if (!tile) {
      const all = this.emit.chip.partitions.value;
      const counts = [all, ...new Array<number>(this.rank - 1).fill(1)];
      tile = { view: this.emit.sbuf(dtype, counts, "number") };
      this.emit.emit(records.memset, { dst: compact(tile.view), value }, { engine: "vector" });
      this.fixedTiles.set(key, tile);
    }
    return { view: tile.view.slice(0, 0, partitions) };
  }

  /** A resident tile of any shape. */
  keep(dtype: DType, counts: readonly number[], name: string): Tile {
    return { view: this.emit.sbuf(dtype, counts, name) };
  }
}
