/** The loss of a batch and its derivative by every parameter. */
import {
  add,
  cleanUp,
  compositeCalls,
  functionOf,
  pullback,
  reshape,
  tensor,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import type { ComputeType, LayerContext } from "../layers/context.ts";
import { unembed } from "../layers/model.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { chipForms } from "./gradient-forms.ts";
import {
  checkShape,
  type Given,
  type ModelFunction,
  modelFunction,
  ropeOf,
  ropeTypes,
  type Shape,
  type Signature,
  weightTypes,
} from "./signature.ts";
import { trunk } from "./stack.ts";

export interface TrainingOptions extends Shape {
  readonly computeDtype: ComputeType;
  /** Keep only the inputs of layers and compute each again for its gradient. False unless said otherwise. */
  readonly recompute?: boolean;
}

export interface GradientOptions extends TrainingOptions {
  /** Takes `loss` and `gradient.*` of the batches before and returns the sums. False unless said otherwise. */
  readonly accumulate?: boolean;
}

/** Inputs of a batch: tables, tokens, labels and the weight of a label. */
export const batchTypes = (config: ModelConfig, { batch, seq }: Shape): Signature => ({
  ...ropeTypes(config, seq),
  tokens: tensor([batch, seq], "int32"),
  labels: tensor([batch, seq], "int32"),
  label_weight: tensor([]),
});

/** Name of the gradient of a parameter. */
export const gradientName = (parameter: string): string => `gradient.${parameter}`;

/** Loss and gradients as values, from weights and a batch; called while a function is built. */
export function lossValues(
  config: ModelConfig,
  { batch, seq, computeDtype: dtype, recompute }: TrainingOptions,
  given: Given,
): Readonly<Record<string, Value>> {
  const rope = ropeOf(config, given);
  const context: LayerContext = { config, dtype, batch, seq, ...(rope ? { rope } : {}) };
  const rows = trunk(
    context,
    given,
    given("tokens"),
    recompute ? { weightType: "float32" } : undefined,
  );
  const logits = unembed(context, given, rows, dtype);
  const labels = reshape(given("labels"), [batch * seq]);
  const { loss, cotangent } = crossEntropy(logits, labels, given("label_weight"));
  const names = parameterSpecs(config).map(({ name }) => name);
  const found = pullback([logits], [cotangent], names.map(given), { customCalls: compositeCalls });
  const raw = functionOf("loss", [], [loss, ...found]);
  const { results } = chipForms(
    raw,
    found.map((_, i) => i + 1),
  );
  return Object.fromEntries(
    ["loss", ...names.map(gradientName)].map((name, i) => [name, results[i]!]),
  );
}

/**
 * (parameters fp32, rope.cos, rope.sin, tokens, labels int32 [b, s], label_weight fp32 []) -> loss, gradient.<parameter> fp32 for each.
 * Labels of -100 do not count; `label_weight` is one over the number of labels that do, over all batches and replicas of a step, so
 * that losses and gradients of batches add up (`labelWeight`).
 */
export function lossAndGradients(config: ModelConfig, options: GradientOptions): ModelFunction {
  checkShape(config, options, options.computeDtype);
  const specs = parameterSpecs(config);
  const before: Signature = options.accumulate
    ? { loss: tensor([]), ...weightTypes(specs, "float32", "gradient.") }
    : {};
  const signature = { ...weightTypes(specs), ...batchTypes(config, options), ...before };
  const made = modelFunction("loss_and_gradients", signature, (given) => {
    const values = lossValues(config, options, given);
    if (!options.accumulate) return values;
    return Object.fromEntries(
      Object.entries(values).map(([name, v]) => [name, add(given(name), v)]),
    );
  });
  return { fn: cleanUp(made.fn), outputs: made.outputs };
}

/** One over the number of labels that count; 0 when none does. */
export function labelWeight(...labels: readonly ArrayLike<number>[]): number {
  let n = 0;
  for (const part of labels) for (let i = 0; i < part.length; i++) if (part[i]! >= 0) n++;
  return n === 0 ? 0 : 1 / n;
}
