/** Keys, values and queries of forward attention: what is loaded together, and where it goes. Each is loaded when first asked for. */
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { ForwardTensors } from "./forward.ts";
import type { Ledger } from "./ledger.ts";
import {
  type Loaded,
  loadedBytes,
  loadTokens,
  loadTurned,
  type Room,
  type Turned,
  turnedBytes,
} from "./loads.ts";
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

/** Runs `make` when it is first asked. */
export function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export interface SourcesOptions {
  /** Whether features are padded to 128. */
  readonly padded: boolean;
  /** Rounds from loads to scores. */
  readonly lag: number;
  readonly ledger: Ledger;
}

export class Sources {
  private readonly emit: Emitter;
  private readonly tensors: ForwardTensors;
  private readonly options: SourcesOptions;
  private readonly pools: Readonly<Record<"q" | "k", PaddedPool>> | undefined;

  constructor(emit: Emitter, tensors: ForwardTensors, options: SourcesOptions) {
    this.emit = emit;
    this.tensors = tensors;
    this.options = options;
    const { dtype } = tensors.q;
    this.pools = options.padded
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
    const size = { tokens: range[1] - range[0], heads: heads[1] - heads[0] };
    const place = this.place("k", size, loadedBytes(this.tensors.v, size));
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
    const size = { tokens: queries[1] - queries[0], heads: heads[1] - heads[0] };
    // o takes as much as queries with tokens on partitions do.
    const place = this.place("q", size, loadedBytes(this.tensors.q, size));
    const load = lazily(() => loadTurned(this.emit, part, place.room()));
    return { load, readBy: place.readBy };
  }

  private place(
    name: "q" | "k",
    size: Loaded,
    others: number,
  ): Source & { readonly room: () => Room } {
    const { emit, options } = this;
    const { dtype } = this.tensors[name];
    const stay = options.ledger.stay(turnedBytes(this.tensors[name], size) + others);
    const readBy = (step: number): void => stay.readBy(step);
    const pool = this.pools?.[name];
    pool?.announce(size.tokens * size.heads, stay);
    return {
      readBy,
      room: () =>
        pool?.room(stay, options.lag) ??
        ((features, heads, tokens) => emit.sbuf(dtype, [features, heads, tokens], name)),
    };
  }
}
