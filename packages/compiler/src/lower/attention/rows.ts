/** What forward attention keeps of every query: its running maximum and sum, a column a tile, from which lse is made at the end. */
import type { AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Batch, P, type Tile } from "./plan.ts";
import { turn } from "./turn.ts";

/** Columns of a page, all tiles of which get their lse together: ScalarE changes to its table of logarithms once a page. */
const PAGE = 1024;

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
  /** Batches of it that are not finished yet. */
  readonly open: Set<Batch>;
}

export class Rows {
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly lse: readonly View[];
  private page: Page | undefined;
  private readonly pageOf = new Map<Batch, Page>();

  /** `lse`: where the log of the sums goes, views of [b, h, n]. */
  constructor(emit: Emitter, sizes: AttentionSizes, lse: readonly View[]) {
    this.emit = emit;
    this.sizes = sizes;
    this.lse = lse;
  }

  /** Columns for the tiles of a batch. */
  columns(batch: Batch): Columns {
    const count = batch.tiles.length;
    const full = this.page && this.page.entries.length + count > PAGE ? this.page : undefined;
    const page = full || !this.page ? this.open() : this.page;
    this.page = page;
    if (full?.open.size === 0) this.write(full);
    const { entries, negative, sum } = page;
    page.open.add(batch);
    this.pageOf.set(batch, page);
    const from = entries.length;
    for (const tile of batch.tiles)
      entries.push({ row: batch.panel.sequence * this.sizes.h + tile.head, tile });
    const mine = (v: View): View => v.slice(1, from, from + count);
    return { negative: [mine(negative[0]), mine(negative[1])], sum: mine(sum) };
  }

  private open(): Page {
    const { b, n, h } = this.sizes;
    const width = Math.min(PAGE, b * h * Math.ceil(n / P));
    const column = (name: string): View => this.emit.sbuf("float32", [P, width], name);
    const page: Page = {
      negative: [column("negative_max"), column("negative_max_before")],
      sum: column("sum"),
      entries: [],
      open: new Set(),
    };
    // The last tile of a head may have fewer rows; what lies below them is read, though never stored.
    if (this.lse.length > 0 && this.sizes.n % P !== 0) {
      this.emit.emit(records.memset, { dst: page.negative[0], value: 0 }, { engine: "gpsimd" });
      this.emit.emit(records.memset, { dst: page.sum, value: 1 }, { engine: "gpsimd" });
    }
    return page;
  }

  /** The columns of a batch are final. */
  finished(batch: Batch): void {
    const page = this.pageOf.get(batch)!;
    this.pageOf.delete(batch);
    page.open.delete(batch);
    if (page !== this.page && page.open.size === 0) this.write(page);
  }

  /** No batch comes any more, and all are finished. */
  end(): void {
    if (this.page) this.write(this.page);
  }

  /** lse = log(sum) + scale x maximum of all tiles of a page, queries turned into rows, to HBM. */
  private write(page: Page): void {
    const { emit } = this;
    if (this.lse.length === 0) return;
    const count = page.entries.length;
    const logs = emit.sbuf("float32", [P, count], "log_sums");
    const lse = emit.sbuf("float32", [P, count], "lse");
    emit.emit(records.activation, { dst: logs, data: page.sum.slice(1, 0, count) }, { op: "log" });
    emit.emit(
      records.tensorTensor,
      { dst: lse, data1: logs, data2: page.negative[0].slice(1, 0, count) },
      { op: "subtract", engine: "gpsimd" },
    );
    const blocks = Math.floor(count / P);
    const rest = count - blocks * P;
    const turned = emit.sbuf("float32", [P, Math.ceil(count / P), P], "lse_rows");
    if (blocks > 0) turn(emit, turned.slice(1, 0, blocks), lse);
    if (rest > 0)
      emit.emit(records.dmaTranspose, {
        dst: turned.slice(0, 0, rest).at(1, blocks),
        src: lse.slice(1, blocks * P, count),
      });
    for (const out of this.lse) this.store(out, turned, page.entries);
  }

  /** Row i of lse stands in partition i mod 128 of block i / 128. */
  private store(out: View, turned: View, entries: Page["entries"]): void {
    const { b, n, h } = this.sizes;
    const flat = out.tryReshape([b * h * n]);
    const at = ({ row, tile }: Page["entries"][number]): number => row * n + tile.from;
    for (let i = 0; i < entries.length; ) {
      const first = entries[i]!;
      const { rows, from } = first.tile;
      const follows = (k: number): boolean =>
        entries[k]!.tile.rows === rows && at(entries[k]!) === at(first) + (k - i) * rows;
      // Tiles that follow each other in lse go in one transfer: whole blocks, or what shares a block.
      let end = i + 1;
      while (flat && end < entries.length && follows(end)) end++;
      const block = Math.floor(i / P);
      const whole = i % P === 0 && end - i >= P;
      end = whole ? i + Math.floor((end - i) / P) * P : Math.min(end, (block + 1) * P);
      const count = whole ? (end - i) / P : 1;
      const src = turned
        .slice(1, block, block + count)
        .slice(0, i % P, whole ? P : (i % P) + end - i)
        .slice(2, 0, rows);
      const dst = flat
        ? flat
            .slice(0, at(first), at(first) + (end - i) * rows)
            .reshape([count, src.partitions, rows])
            .permute([1, 0, 2])
        : out
            .at(0, Math.floor(first.row / h))
            .slice(0, first.row % h, (first.row % h) + 1)
            .slice(1, from, from + rows);
      this.emit.emit(records.dmaCopy, { dst, src });
      i = end;
    }
  }
}
