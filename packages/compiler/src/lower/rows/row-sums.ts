/**
 * Reductions over rows, which lie on partitions and in many blocks. Sums of floats go through TensorE, where ones times a block adds its
 * rows up in PSUM; everything else is folded element by element into a tile, whose partitions are folded at the end.
 */
import type { Body, Operation } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type DType, isFloat } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import type { Evaluator } from "./evaluate.ts";
import { copy } from "./instructions.ts";
import { foldedAxes } from "./layout.ts";
import { accumulate, fold, identityOf, partialType } from "./reduce.ts";
import { compact, countsOf, repeated, type Tile } from "./tile.ts";

/** fp32 numbers of a PSUM bank, which one matmul may write. */
const BANK = 512;

/** A reduction over rows while blocks go by. */
export interface RowSum {
  readonly op: Operation;
  /** Takes in one block's (or chunk's) operand. */
  readonly add: () => void;
  /** The result as a tile on one partition, when all blocks are in. */
  readonly finish: () => Tile;
}

/** What all kinds need of a reduction. */
interface Parts {
  readonly e: Evaluator;
  readonly op: Operation;
  readonly body: Body;
  readonly held: "float32" | "int32" | "uint32";
  /** Counts of what is left of a block, on all partitions. */
  readonly counts: readonly number[];
}

/** The reduction `op`, which may have `columns` fp32 columns of PSUM; a total collects `most` parts before they are folded. */
export function rowSum(e: Evaluator, op: Operation, columns: number, most: number): RowSum {
  const body = op.attrs["body"] as Body;
  const [y] = op.results;
  const counts = e.countsFor(e.domain.varies(y!)).with(0, e.site.emit.chip.partitions.value);
  const parts: Parts = { e, op, body, held: partialType(y!.type.dtype), counts };
  const n = counts.slice(1).reduce((a, b) => a * b, 1);
  if (n === 1) return totals(parts, most);
  return body === "add" && parts.held === "float32" && n <= columns
    ? inPsum(parts, n)
    : elementwise(parts);
}

/** Columns of PSUM that the reduction would use. */
export function psumColumns(e: Evaluator, op: Operation): number {
  const [y] = op.results;
  const n = e
    .countsFor(e.domain.varies(y!))
    .slice(1)
    .reduce((a, b) => a * b, 1);
  const fits = n > 1 && op.attrs["body"] === "add" && isFloat(y!.type.dtype);
  return fits ? Math.ceil(n / BANK) * BANK : 0;
}

/** The operand's tile repeated to all axes that the reduction folds or keeps. */
function whole({ e, op }: Parts): Tile {
  const [x] = op.operands;
  const all = new Set([...foldedAxes(e.domain, op), ...e.domain.varies(x!)]);
  return { view: repeated(e.tile(x!), e.countsFor(all)) };
}

/** The block's operand with its free axes folded away, and with `beside` the rows beside each other too. */
function folded(p: Parts, beside: boolean): Tile {
  const { e, op, body, held } = p;
  const x = whole(p);
  const gone = foldedAxes(e.domain, op)
    .map((a) => e.dimOf(a))
    .filter((d) => d >= 2 && countsOf(x)[d]! > 1);
  if (beside && countsOf(x)[1]! > 1) gone.unshift(1);
  if (gone.length === 0) return x;
  const counts = countsOf(x).map((n, d) => (gone.includes(d) ? 1 : n));
  const part = e.site.scratch(held, counts);
  fold(e.site, part, x, gone, body, op.operands[0]!.type.dtype);
  return part;
}

const over = ({ e, op }: Parts): void => {
  e.finish(op);
  e.site.done();
};

/** Ones that TensorE multiplies a block with. */
function onesFor(e: Evaluator, dtype: DType, partitions: number): View {
  const wide = dtype === "float32" || dtype === "tfloat32";
  return compact(e.site.fixed(1, wide ? "float32" : "bfloat16", partitions).view);
}

/** dst [1, n] (+)= the sums of the partitions of x [p, n]. */
function addPartitions(e: Evaluator, dst: View, x: View, add: boolean): void {
  e.site.emit.emit(
    records.ncMatmul,
    { dst, stationary: onesFor(e, x.dtype, x.partitions), moving: x },
    { accumulate: add, is_stationary_onezero: true },
  );
}

const multipliable: readonly DType[] = [
  "bfloat16",
  "float16",
  "float8_e4m3",
  "float8_e5m2",
  "float32",
];

/** A dense float tile [p, rows beside each other, n] that TensorE takes. */
function forTensor(e: Evaluator, t: Tile, n: number): View {
  const counts = countsOf(t);
  const shape = [counts[0]!, counts[1]!, n];
  const fits = t.view.space === "sbuf" && multipliable.includes(t.view.dtype);
  const flat = fits ? t.view.tryReshape(shape) : undefined;
  if (flat) return flat;
  const held = e.site.scratch("float32", counts);
  copy(e.site, held, t);
  return held.view.reshape(shape);
}

function inPsum(p: Parts, n: number): RowSum {
  const { e, op, counts } = p;
  const sums = e.site.emit.psum("float32", [1, n], "sums");
  let blocks = 0;
  return {
    op,
    add: () => {
      const x = forTensor(e, folded(p, false), n);
      for (let j = 0; j < x.shape[1]!; j++)
        for (let c = 0; c < n; c += BANK) {
          const to = Math.min(n, c + BANK);
          const row = x.at(1, j).slice(1, c, to);
          addPartitions(e, sums.slice(1, c, to), row, blocks + j > 0);
        }
      blocks++;
      over(p);
    },
    finish: () => ({ view: sums.reshape(counts.with(0, 1).with(1, 1)) }),
  };
}

/** One number out of all: every block leaves a column, which are folded at the end. */
function totals(p: Parts, most: number): RowSum {
  const { e, op, body, held, counts } = p;
  const { site } = e;
  const wide = counts.with(1, most);
  const columns = site.keep(held, wide, "parts");
  site.emit.emit(records.memset, { dst: compact(columns.view), value: identityOf(body, held) });
  let blocks = 0;
  return {
    op,
    add: () => {
      const part = folded(p, true);
      const at = blocks % most;
      const into = columns.view.slice(1, at, at + 1).slice(0, 0, part.view.partitions);
      if (blocks < most) copy(site, { view: into }, part);
      else accumulate(site, { view: into }, part, body);
      blocks++;
      over(p);
    },
    finish: () => {
      const used = { view: columns.view.slice(1, 0, Math.min(blocks, most)) };
      const one = site.scratch(held, counts);
      fold(site, one, used, [1], body, held);
      return foldPartitions(p, one, 1);
    },
  };
}

function elementwise(p: Parts): RowSum {
  const { e, op, body, held, counts } = p;
  const { site } = e;
  const sums = site.keep(held, counts.with(1, 1), "sums");
  site.emit.emit(records.memset, { dst: compact(sums.view), value: identityOf(body, held) });
  return {
    op,
    add: () => {
      const part = folded(p, true);
      const into = { view: sums.view.slice(0, 0, part.view.partitions) };
      accumulate(site, into, typed(p, part), body);
      over(p);
    },
    finish: () =>
      foldPartitions(
        p,
        sums,
        counts.slice(2).reduce((a, b) => a * b, 1),
      ),
  };
}

/** Exact integer arithmetic takes tiles of one type. */
function typed({ e, held }: Parts, t: Tile): Tile {
  if (held === "float32" || t.view.dtype === held) return t;
  const wide = e.site.scratch(held, countsOf(t));
  copy(e.site, wide, t);
  return wide;
}

/** [128, n] to [1, n]. */
function foldPartitions(p: Parts, t: Tile, n: number): Tile {
  const { e, body, held, counts } = p;
  const { site } = e;
  const one = counts.with(0, 1).with(1, 1);
  const out = site.keep(held, one, "folded");
  const lanes = site.emit.chip.partitions.value;
  const flat = t.view.reshape([lanes, n]);
  if (body === "add" && held === "float32") {
    const to = out.view.reshape([1, n]);
    for (let c = 0; c < n; c += BANK) {
      const end = Math.min(n, c + BANK);
      const bank = site.emit.psum("float32", [1, end - c], "sums");
      addPartitions(e, bank, flat.slice(1, c, end), false);
      copy(site, { view: to.slice(1, c, end) }, { view: bank });
    }
    site.done();
    return out;
  }
  // The other way round through HBM: columns on partitions, what was on partitions side by side.
  const rows = site.emit.hbm("turned", held, [lanes, n]);
  site.emit.emit(records.dmaCopy, { dst: rows, src: flat });
  const line = site.emit.hbm("folded", held, [n]);
  for (let c = 0; c < n; c += lanes) {
    const end = Math.min(n, c + lanes);
    const side = site.scratch(held, [end - c, lanes]);
    const src = rows.slice(1, c, end).permute([1, 0]);
    site.emit.emit(records.dmaCopy, { dst: side.view, src });
    const sum = site.scratch(held, [end - c, 1]);
    fold(site, sum, side, [1], body, held);
    site.emit.emit(records.dmaCopy, { dst: line.slice(0, c, end), src: sum.view });
    site.done();
  }
  site.emit.emit(records.dmaCopy, { dst: out.view.reshape([1, n]), src: line });
  return out;
}
