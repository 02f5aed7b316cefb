/** Which tokens a step trains on: windows of the text without overlap, in an order that the seed and the epoch decide. */
import { Random } from "@opentrn/base";
import type { Batch } from "../engine/step-engine.ts";
import type { TokenFile } from "./token-file.ts";

/** A stretch of a token file. */
export interface TokenRange {
  readonly start: number;
  readonly length: number;
}

/** Windows of `sequence` inputs and as many labels, each the token after its input. */
export const windowsIn = (range: TokenRange, sequence: number): number =>
  Math.max(0, Math.floor((range.length - 1) / sequence));

/** Where the loader stands; kept in checkpoints. */
export interface DataPosition {
  readonly epoch: number;
  /** Windows of this epoch that are used up. */
  readonly window: number;
}

export interface BatchShape {
  readonly batch: number;
  readonly sequence: number;
}

/** Two seeds that differ, or two epochs, give unrelated orders. Constant: 2^32 over the golden ratio. */
const epochSeed = (seed: number, epoch: number): number =>
  (seed ^ Math.imul(epoch + 1, 0x9e3779b1)) >>> 0;

/** The order of windows in an epoch, and how many tokens its first window is shifted by. */
export function epochOrder(
  seed: number,
  epoch: number,
  range: TokenRange,
  sequence: number,
): { readonly order: Uint32Array; readonly shift: number } {
  const random = new Random(epochSeed(seed, epoch));
  const windows = windowsIn(range, sequence);
  // Tokens that fill no window are at the end in one epoch and at the start in another.
  const shift = random.below(range.length - 1 - windows * sequence + 1);
  const order = Uint32Array.from({ length: windows }, (_, i) => i);
  for (let i = windows - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return { order, shift };
}

/** Batches for training, without end. A batch that an epoch cannot fill goes on with the next one. */
export class TrainingBatches {
  private epoch: number;
  private window: number;
  private current: ReturnType<typeof epochOrder> | undefined;
  private readonly tokens: TokenFile;
  private readonly range: TokenRange;
  private readonly shape: BatchShape;
  private readonly seed: number;

  /** `range` holds one window at least. */
  constructor(
    tokens: TokenFile,
    range: TokenRange,
    shape: BatchShape,
    seed: number,
    position: DataPosition = { epoch: 0, window: 0 },
  ) {
    this.tokens = tokens;
    this.range = range;
    this.shape = shape;
    this.seed = seed;
    this.epoch = position.epoch;
    this.window = position.window;
  }

  get position(): DataPosition {
    return { epoch: this.epoch, window: this.window };
  }

  /** Windows in an epoch. */
  get windows(): number {
    return windowsIn(this.range, this.shape.sequence);
  }

  next(): Batch {
    return filled(this.shape, () => this.nextWindow());
  }

  private nextWindow(): Int32Array {
    if (this.window >= this.windows) {
      this.epoch++;
      this.window = 0;
      this.current = undefined;
    }
    const { sequence } = this.shape;
    this.current ??= epochOrder(this.seed, this.epoch, this.range, sequence);
    const { order, shift } = this.current;
    const at = this.range.start + shift + order[this.window++]! * sequence;
    return this.tokens.read(at, sequence + 1);
  }
}

/**
 * The same batches at every evaluation: windows in the order of the text, at most `limit` batches. Where there are fewer windows than a
 * batch has rows, they repeat.
 */
export function* evaluationBatches(
  tokens: TokenFile,
  range: TokenRange,
  shape: BatchShape,
  limit: number,
): Generator<Batch> {
  const windows = windowsIn(range, shape.sequence);
  const batches = Math.min(limit, Math.max(1, Math.floor(windows / shape.batch)));
  let at = 0;
  const next = (): Int32Array =>
    tokens.read(range.start + (at++ % windows) * shape.sequence, shape.sequence + 1);
  for (let i = 0; i < batches; i++) yield filled(shape, next);
}

function filled({ batch, sequence }: BatchShape, next: () => Int32Array): Batch {
  const tokens = new Int32Array(batch * sequence);
  const labels = new Int32Array(batch * sequence);
  for (let row = 0; row < batch; row++) {
    const window = next();
    tokens.set(window.subarray(0, sequence), row * sequence);
    labels.set(window.subarray(1), row * sequence);
  }
  return { tokens, labels };
}
