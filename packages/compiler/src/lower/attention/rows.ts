/** What forward attention keeps of every query: its running maximum and sum, a column a tile, from which lse is made at the end. */
import type { AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Batch, P, type Tile } from "./plan.ts";

/** Columns of a page, all tiles of which get their lse together: ScalarE changes to its table of logarithms once a page. */
const PAGE = 512;

/** Columns of a batch, one a tile in order of slots. */
export interface Columns {
  /** -scale x maximum; segments of a tile use the two in turn, and the last one the first. */
  readonly negative: readonly [View, View];
  /** Sum of exp(scale x score - scale x maximum). */
  readonly sum: View;
}

interface Page {
  readonly negative: readonly [View, View];
  readonly sum: View;
  /** Tiles with the row of lse, [b h, n], that they belong to. */
  readonly entries: { readonly row: number; readonly tile: Tile }[];
}

export class Rows {
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly lse: readonly View[];
  private page: Page | undefined;

  /** `lse`: where the log of the sums goes, views of [b, h, n]. */
  constructor(emit: Emitter, sizes: AttentionSizes, lse: readonly View[]) {
    this.emit = emit;
    this.sizes = sizes;
    this.lse = lse;
  }

  /** Columns for the tiles of a batch. */
  columns(batch: Batch): Columns {
    const count = batch.tiles.length;
    if (this.page && this.page.entries.length + count > PAGE) this.flush();
    this.page ??= this.open();
    const { entries, negative, sum } = this.page;
    const from = entries.length;
    for (const tile of batch.tiles)
      entries.push({ row: batch.sequence * this.sizes.h + tile.head, tile });
    const mine = (v: View): View => v.slice(1, from, from + count);
    return { negative: [mine(negative[0]), mine(negative[1])], sum: mine(sum) };
  }

  private open(): Page {
    const column = (name: string): View => this.emit.sbuf("float32", [P, PAGE], name);
    const page: Page = {
      negative: [column("negative_max"), column("negative_max_before")],
      sum: column("sum"),
      entries: [],
    };
    // The last tile of a head may have fewer rows; what lies below them is read, though never stored.
    if (this.lse.length > 0 && this.sizes.n % P !== 0) {
      this.emit.emit(records.memset, { dst: page.negative[0], value: 0 }, { engine: "gpsimd" });
      this.emit.emit(records.memset, { dst: page.sum, value: 1 }, { engine: "gpsimd" });
    }
    return page;
  }

  /** lse = log(sum) + scale x maximum of all tiles of the page, queries turned into rows, to HBM. */
  flush(): void {
    const { emit, page } = this;
    this.page = undefined;
    if (!page || this.lse.length === 0) return;
    const count = page.entries.length;
    const rows = emit.sbuf("float32", [P, count], "log_sums");
    const lse = emit.sbuf("float32", [P, count], "lse");
    emit.emit(records.activation, { dst: rows, data: page.sum.slice(1, 0, count) }, { op: "log" });
    emit.emit(
      records.tensorTensor,
      { dst: lse, data1: rows, data2: page.negative[0].slice(1, 0, count) },
      { op: "subtract", engine: "gpsimd" },
    );
    for (let from = 0; from < count; from += P) {
      const to = Math.min(from + P, count);
      const turned = emit.sbuf("float32", [to - from, P], "lse_rows");
      emit.emit(records.dmaTranspose, { dst: turned, src: lse.slice(1, from, to) });
      for (const out of this.lse) this.store(out, turned, page.entries.slice(from, to));
    }
  }

  private store(out: View, turned: View, entries: Page["entries"]): void {
    const { b, n, h } = this.sizes;
    const flat = out.tryReshape([b * h * n]);
    for (let i = 0; i < entries.length; ) {
      const { row, tile } = entries[i]!;
      const at = row * n + tile.from;
      let end = i + 1;
      // Tiles that follow each other in lse go in one transfer.
      for (; flat && end < entries.length; end++) {
        const next = entries[end]!;
        const follows = next.row * n + next.tile.from === at + (end - i) * tile.rows;
        if (!follows || next.tile.rows !== tile.rows) break;
      }
      const src = turned.slice(0, i, end).slice(1, 0, tile.rows);
      const dst = flat
        ? flat.slice(0, at, at + (end - i) * tile.rows).reshape([end - i, tile.rows])
        : out
            .at(0, Math.floor(row / h))
            .slice(0, row % h, (row % h) + 1)
            .slice(1, tile.from, tile.from + tile.rows);
      this.emit.emit(records.dmaCopy, { dst, src });
      i = end;
    }
  }
}
