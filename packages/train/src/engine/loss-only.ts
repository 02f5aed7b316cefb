/** The loss of a batch without gradients. */
import { cleanUp, functionOf } from "@opentrn/ir";
import {
  lossAndGradients,
  type ModelConfig,
  type ModelFunction,
  type TrainingOptions,
} from "@opentrn/models";

/** What `lossAndGradients` computes, down to the loss; parameters that it does not need are left out. */
export function lossOnly(config: ModelConfig, options: TrainingOptions): ModelFunction {
  const { fn, outputs } = lossAndGradients(config, options);
  const result = fn.results[outputs.indexOf("loss")]!;
  const whole = cleanUp(functionOf("loss", fn.params, [result]));
  const used = new Set([...whole.results, ...whole.body.flatMap((op) => op.operands)]);
  const needed = whole.params.filter((p) => used.has(p));
  return { fn: functionOf("loss", needed, whole.results), outputs: ["loss"] };
}
