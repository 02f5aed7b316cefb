/** dk and dv: a block's sums over all queries stand in PSUM, leave it scaled, and are rounded once. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import { storeTokens } from "./loads.ts";
import { P } from "./plan.ts";
import { lazily } from "./sources.ts";
import { scaledCopy } from "./turn.ts";

/** Keys of one sequence and some key heads, whose dk and dv are stored together. */
export interface KeyPanel {
  readonly sequence: number;
  readonly heads: readonly [from: number, to: number];
  readonly keys: readonly [from: number, to: number];
  /** Passes of query heads over each block. */
  readonly passes: number;
  /** Blocks of all heads. */
  readonly blocks: number;
}

/** A block of keys while queries pass by. */
export interface KeyBlock {
  readonly panel: KeyPanel;
  readonly head: number;
  readonly keys: readonly [from: number, to: number];
  /** Number of the pass. */
  readonly pass: number;
}

export interface KeyGradientsOptions {
  readonly scale: number;
  readonly tally: Tally;
  readonly dtype: View["dtype"];
  readonly d: number;
  /** Views of [b, m, g, d]. */
  readonly to: readonly View[];
  readonly name: string;
  /** The next bank of PSUM, [128, 512]. */
  readonly bank: () => View;
}

/** One of dk and dv. */
export class KeyGradients {
  private readonly emit: Emitter;
  private readonly options: KeyGradientsOptions;
  private bank: View | undefined;
  /** Chunks of the block at hand that have a sum already. */
  private readonly begun = new Set<number>();
  private readonly outs = new Map<KeyPanel, { out: View; sum: () => View; left: number }>();

  constructor(emit: Emitter, options: KeyGradientsOptions) {
    this.emit = emit;
    this.options = options;
  }

  /** Adds weights^T rows for each chunk of keys: `weights` [rows, keys], `rows` [rows, d]; the first key is `from` after the block's. */
  add(from: number, weights: View, rows: View): void {
    const { d } = this.options;
    this.bank ??= this.options.bank();
    for (let key = 0; key < weights.free; key += P) {
      const keys = Math.min(P, weights.free - key);
      const chunk = (from + key) / P;
      this.emit.emit(
        records.ncMatmul,
        {
          dst: this.bank.slice(0, 0, keys).slice(1, chunk * d, chunk * d + d),
          stationary: weights.slice(1, key, key + keys),
          moving: rows,
        },
        { accumulate: this.begun.has(chunk) },
      );
      this.begun.add(chunk);
    }
  }

  /** All queries of the pass were here. */
  finish(block: KeyBlock): void {
    const { emit } = this;
    const { panel, pass, keys } = block;
    this.begun.clear();
    const held = this.outs.get(panel) ?? this.open(panel);
    const last = pass === panel.passes - 1;
    for (const part of partsOf(keys)) this.move(block, part, held);
    this.bank = undefined;
    if (!last) return;
    held.left--;
    if (held.left > 0) return;
    for (const to of this.options.to)
      storeTokens(
        emit,
        to
          .at(0, panel.sequence)
          .slice(0, ...panel.keys)
          .slice(1, ...panel.heads),
        held.out,
      );
    this.outs.delete(panel);
  }

  private move(
    { panel, head, keys, pass }: KeyBlock,
    { rows, chunks }: Part,
    held: { readonly out: View; readonly sum: () => View },
  ): void {
    const { emit } = this;
    const { d, scale, tally } = this.options;
    const first = (keys[0] - panel.keys[0]) / P;
    const of = (x: View): View =>
      x
        .at(2, head - panel.heads[0])
        .slice(1, first + chunks[0], first + chunks[1])
        .slice(0, 0, rows);
    const src = this.bank!.slice(0, 0, rows)
      .slice(1, chunks[0] * d, chunks[1] * d)
      .reshape([rows, chunks[1] - chunks[0], d]);
    const dst = pass === panel.passes - 1 ? of(held.out) : of(held.sum());
    if (pass === 0) {
      scaledCopy(emit, tally, dst, src, scale);
      return;
    }
    tally.add("vector", tally.cost("vector", src.free));
    emit.emit(
      records.scalarTensorTensor,
      { dst, data: src, operand0: scale, operand1: of(held.sum()) },
      { op0: "multiply", op1: "add" },
    );
  }

  private open(panel: KeyPanel) {
    const { emit } = this;
    const { d, dtype, name } = this.options;
    const chunks = Math.ceil((panel.keys[1] - panel.keys[0]) / P);
    const shape = [P, chunks, panel.heads[1] - panel.heads[0], d];
    const made = {
      out: emit.sbuf(dtype, shape, name),
      sum: lazily(() => emit.sbuf("float32", shape, `${name}_sum`)),
      left: panel.blocks,
    };
    this.outs.set(panel, made);
    return made;
  }
}

interface Part {
  readonly rows: number;
  readonly chunks: readonly [from: number, to: number];
}

/** Whole chunks of keys, then the rest. */
function partsOf([from, to]: readonly [number, number]): readonly Part[] {
  const whole = Math.floor((to - from) / P);
  const rest = to - from - whole * P;
  const parts: Part[] = [
    { rows: P, chunks: [0, whole] },
    { rows: rest, chunks: [whole, whole + 1] },
  ];
  return parts.filter((p) => p.rows > 0 && p.chunks[0] < p.chunks[1]);
}
