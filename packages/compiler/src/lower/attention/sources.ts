/** Keys, values and queries of forward attention: what is loaded together, and where it goes. Each is loaded when first asked for. */
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { ForwardTensors } from "./forward.ts";
import { loadTokens, loadTurned, type Room, type Turned } from "./loads.ts";
import { PaddedPool } from "./padded.ts";
import type { Panel } from "./plan.ts";

type Range = readonly [from: number, to: number];

interface Source {
  /** Names a step that reads it, by its position among all steps. */
  readonly readBy: (step: number) => void;
}

export interface Keys extends Source {
  readonly load: () => { readonly k: Turned; readonly v: View };
  /** First key and first key head of what is loaded. */
  readonly from: number;
  readonly group: number;
}

export interface Queries extends Source {
  readonly load: () => Turned;
}

/** What a segment reads. */
export interface Reads {
  readonly keys: Keys;
  readonly queries: Queries;
}

/** Rounds between the stage that loads and the stage that makes scores. */
export const SCORE_LAG = 8;

/** Runs `make` when it is first asked. */
export function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export class Sources {
  private readonly emit: Emitter;
  private readonly tensors: ForwardTensors;
  private readonly pools: Readonly<Record<"q" | "k", PaddedPool>> | undefined;

  /** `padded`: features are padded to 128. */
  constructor(emit: Emitter, tensors: ForwardTensors, padded: boolean) {
    this.emit = emit;
    this.tensors = tensors;
    const { dtype } = tensors.q;
    this.pools = padded
      ? {
          q: new PaddedPool(emit, dtype, "q", "gpsimd"),
          k: new PaddedPool(emit, dtype, "k", "vector"),
        }
      : undefined;
  }

  /** Keys and values of some key heads. */
  keys(sequence: number, heads: Range, range: Range): Keys {
    const part = (x: View): View =>
      x
        .at(0, sequence)
        .slice(0, ...range)
        .slice(1, ...heads);
    const place = this.place("k", (range[1] - range[0]) * (heads[1] - heads[0]));
    const load = lazily(() => ({
      k: loadTurned(this.emit, part(this.tensors.k), place.room()),
      v: loadTokens(this.emit, part(this.tensors.v), "v"),
    }));
    return { load, from: range[0], group: heads[0], readBy: place.readBy };
  }

  queries({ sequence, heads, queries }: Panel): Queries {
    const part = this.tensors.q
      .at(0, sequence)
      .slice(0, ...queries)
      .slice(1, ...heads);
    const place = this.place("q", (queries[1] - queries[0]) * (heads[1] - heads[0]));
    const load = lazily(() => loadTurned(this.emit, part, place.room()));
    return { load, readBy: place.readBy };
  }

  private place(name: "q" | "k", elements: number): Source & { readonly room: () => Room } {
    const pool = this.pools?.[name];
    if (!pool)
      return {
        readBy: () => {},
        room: () => (features, heads, tokens) =>
          this.emit.sbuf(this.tensors[name].dtype, [features, heads, tokens], name),
      };
    const use = pool.announce(elements);
    return { readBy: (step) => use.readBy(step), room: () => pool.room(use, SCORE_LAG) };
  }
}
