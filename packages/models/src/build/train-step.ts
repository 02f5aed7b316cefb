/** Loss, gradients and update in one function. */
import { cleanUp } from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import { batchTypes, lossValues, type TrainingOptions } from "./loss-and-gradients.ts";
import { checkShape, type ModelFunction, modelFunction, weightTypes } from "./signature.ts";
import { momentTypes, scalarTypes, type UpdateOptions, updateValues } from "./update.ts";

/**
 * (parameters, m.*, v.*, rope.cos, rope.sin, tokens, labels, label_weight, lr, m_correction, v_correction) -> loss, gradient_norm,
 * parameters, m.*, v.*. With `replicas`, loss and gradients are summed over them in between.
 */
export function trainStep(
  config: ModelConfig,
  options: TrainingOptions & UpdateOptions,
): ModelFunction {
  checkShape(config, options, options.computeDtype);
  const specs = parameterSpecs(config);
  const signature = {
    ...weightTypes(specs),
    ...momentTypes(specs),
    ...batchTypes(config, options),
    ...scalarTypes,
  };
  const made = modelFunction("train_step", signature, (given) =>
    updateValues(config, options, given, lossValues(config, options, given)),
  );
  return { fn: cleanUp(made.fn), outputs: made.outputs };
}
