/** Training on the interpreter of the tensor IR: the reference that the chip is compared with. Slow, and it predicts nothing. */
import {
  compositeCalls,
  type Func,
  type Inputs,
  interpret,
  parameterName,
  type Tensor,
} from "@opentrn/ir";
import {
  type AdamW,
  adamScalars,
  type ComputeType,
  labelWeight,
  lossAndGradients,
  type ModelConfig,
  type ModelFunction,
  parameterSpecs,
  ropeTables,
  update,
} from "@opentrn/models";
import type { RunShape } from "../checkpoint/record.ts";
import { firstBadTensor } from "./first-bad.ts";
import { lossOnly } from "./loss-only.ts";
import type {
  Batch,
  NamedTensors,
  StepEngine,
  StepResult,
  StepScalars,
  TrainingState,
} from "./step-engine.ts";

export interface TrainingEngineRequest {
  readonly config: ModelConfig;
  readonly shape: RunShape;
  readonly computeDtype: ComputeType;
  readonly optimizer: AdamW;
  /** Absent: gradients are not clipped. */
  readonly clip?: number;
}

/** Values by name. */
type Values = Record<string, Tensor>;
const calls = { customCalls: compositeCalls };

export class InterpreterEngine implements StepEngine {
  readonly name = "interpreter";
  private readonly request: TrainingEngineRequest;
  private readonly first: ModelFunction;
  private readonly more: ModelFunction;
  private readonly updated: ModelFunction;
  private readonly loss: ModelFunction;
  /** Rotary tables, the same for every batch. */
  private readonly tables: Inputs;
  private values: Values = {};

  constructor(request: TrainingEngineRequest) {
    this.request = request;
    const { config, shape, computeDtype, optimizer, clip } = request;
    const options = { batch: shape.batch, seq: shape.sequence, computeDtype };
    this.first = lossAndGradients(config, options);
    this.more = lossAndGradients(config, { ...options, accumulate: true });
    this.updated = update(config, { optimizer, ...(clip === undefined ? {} : { clip }) });
    this.loss = lossOnly(config, options);
    this.tables = config.rope ? named("rope.", ropeTables(config, shape.sequence)) : {};
  }

  async load({ parameters, optimizer }: TrainingState): Promise<void> {
    const given: NamedTensors = { ...parameters, ...optimizer };
    this.values = Object.fromEntries(
      stateNames(this.request.config).map((name) => {
        const { shape, data } = given[name]!;
        return [name, { type: { shape, dtype: "float32" }, data: data.slice() }];
      }),
    );
  }

  async step(batches: readonly Batch[], scalars: StepScalars): Promise<StepResult> {
    const weight = labelWeight(...batches.map((b) => b.labels));
    let sums: Values = {};
    for (const [i, batch] of batches.entries())
      sums = this.run(i === 0 ? this.first : this.more, { ...this.batch(batch, weight), ...sums });
    const { optimizer } = this.request;
    const scalar = adamScalars(optimizer, scalars.step + 1, scalars.learningRate);
    const made = this.run(this.updated, {
      ...sums,
      ...Object.fromEntries(Object.entries(scalar).map(([name, x]) => [name, [x]])),
    });
    const [loss, gradNorm] = ["loss", "gradient_norm"].map((name) => made[name]!.data[0]!) as [
      number,
      number,
    ];
    // State that is not finite is of no use to anyone: the one before it stays.
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      return { loss, gradNorm, firstBad: this.firstBad(batches, weight) };
    for (const name of Object.keys(this.values)) this.values[name] = made[name]!;
    return { loss, gradNorm };
  }

  async evaluate(batch: Batch): Promise<number> {
    return this.run(this.loss, this.batch(batch, labelWeight(batch.labels)))["loss"]!.data[0]!;
  }

  async state(): Promise<TrainingState> {
    const copy = (name: string) => {
      const { type, data } = this.values[name]!;
      return [name, { shape: type.shape, data: Float32Array.from(data) }] as const;
    };
    const parameters = new Set(parameterSpecs(this.request.config).map(({ name }) => name));
    const names = Object.keys(this.values);
    return {
      parameters: Object.fromEntries(names.filter((n) => parameters.has(n)).map(copy)),
      optimizer: Object.fromEntries(names.filter((n) => !parameters.has(n)).map(copy)),
    };
  }

  async close(): Promise<void> {
    this.values = {};
  }

  private batch({ tokens, labels }: Batch, weight: number): Inputs {
    return { tokens, labels, label_weight: [weight] };
  }

  /** Runs a function on the state and what else it takes; results by name. */
  private run({ fn, outputs }: ModelFunction, inputs: Inputs): Values {
    const results = interpret(fn, this.inputsOf(fn, inputs), calls);
    return Object.fromEntries(outputs.map((name, i) => [name, results[i]!]));
  }

  private inputsOf(fn: Func, inputs: Inputs): Inputs {
    const all: Inputs = { ...this.values, ...this.tables, ...inputs };
    return Object.fromEntries(fn.params.map(parameterName).map((name) => [name, all[name]!]));
  }

  private firstBad(batches: readonly Batch[], weight: number): string {
    for (const batch of batches) {
      const { fn } = this.first;
      const found = firstBadTensor(fn, this.inputsOf(fn, this.batch(batch, weight)), calls);
      if (found) return found;
    }
    return "gradient_norm";
  }
}

/** Everything that a step changes, parameters first. */
export function stateNames(config: ModelConfig): readonly string[] {
  const names = parameterSpecs(config).map(({ name }) => name);
  return [...names, ...names.map((n) => `m.${n}`), ...names.map((n) => `v.${n}`)];
}

const named = (prefix: string, arrays: object): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => [prefix + name, data as Float32Array]),
  );
