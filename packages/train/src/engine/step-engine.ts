/**
 * The seam between the training loop and what computes a step. `interpreter` runs the tensor programs as they are; the chip runs what
 * the compiler made of them, with parameters resident in HBM. The loop knows neither.
 */

/** Values of a tensor as they are kept between steps: fp32, row-major. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
export type NamedTensors = Readonly<Record<string, StateTensor>>;

/** What a step changes, and a checkpoint keeps. */
export interface TrainingState {
  /** fp32 masters by their Hugging Face names. */
  readonly parameters: NamedTensors;
  /** AdamW's moments: `m.NAME` and `v.NAME` of every parameter. */
  readonly optimizer: NamedTensors;
}

/** Row-major [batch, sequence] token ids; each label is the token after its input. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly labels: Int32Array;
}

/** What changes from step to step without changing the program. */
export interface StepScalars {
  /** Steps done before this one. */
  readonly step: number;
  readonly learningRate: number;
}

export interface StepResult {
  /** Mean over the micro-batches. */
  readonly loss: number;
  /** 2-norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** With a loss or norm that is not finite: the first tensor with such a value. */
  readonly firstBad?: string;
}

/** What the chip would take; absent where an engine predicts nothing. */
export interface Prediction {
  /** One optimiser step, all micro-batches. */
  readonly stepNs: number;
  /** Bounds of `stepNs`, from the uncertainty of the hardware's numbers. */
  readonly low?: number;
  readonly high?: number;
  readonly tokensPerSecond: number;
  /** Physical cores that the prediction uses. */
  readonly cores: number;
  readonly mfu?: number;
}

export interface StepEngine {
  readonly name: string;
  /** Takes over a state; later steps start from it. */
  load(state: TrainingState): Promise<void>;
  /**
   * One optimiser step over micro-batches whose gradients are averaged. With a result that is not finite the state stays as it was
   * where the engine can hold it back; the loop never saves it afterwards.
   */
  step(batches: readonly Batch[], scalars: StepScalars): Promise<StepResult>;
  /** The loss of a batch without changing anything. */
  evaluate(batch: Batch): Promise<number>;
  /** A copy of the state, which later steps do not change. */
  state(): Promise<TrainingState>;
  readonly predicted?: Prediction;
  close(): Promise<void>;
}
