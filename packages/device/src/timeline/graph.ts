/** Executed instructions and the waits between them, in flat arrays: a million instructions fit in a few tens of megabytes. */

/** Why an instruction waits for another. */
export const edgeKinds = ["data", "reuse", "overwrite", "depends_on", "register"] as const;
export type EdgeKind = (typeof edgeKinds)[number];
export const edge = { data: 0, reuse: 1, overwrite: 2, dependsOn: 3, register: 4 } as const;

/** Executed instructions ("instances") with their waits. */
export interface Graph {
  readonly count: number;
  /** Static instruction of each instance. */
  readonly index: Uint32Array;
  /** `core * units + unit` of each instance. */
  readonly unit: Uint8Array;
  /** DMA queue, or 255. */
  readonly queue: Uint8Array;
  /** Edges of instance `i` are `[edgeStart[i], edgeStart[i + 1])`. */
  readonly edgeStart: Uint32Array;
  readonly producer: Int32Array;
  readonly kind: Uint8Array;
  /** First partition of the on-chip tensor of a transfer, where it is not 0. */
  readonly shift: ReadonlyMap<number, number>;
}

export const NO_QUEUE = 255;

/** An int32 array that grows at its end. */
export class Growing {
  ints: Int32Array;
  length = 0;

  constructor(expected = 4096) {
    this.ints = new Int32Array(Math.max(16, expected));
  }

  push(v: number): void {
    if (this.length === this.ints.length) {
      const bigger = new Int32Array(this.length * 2);
      bigger.set(this.ints);
      this.ints = bigger;
    }
    this.ints[this.length++] = v;
  }

  taken(): Int32Array {
    return this.ints.subarray(0, this.length);
  }
}
