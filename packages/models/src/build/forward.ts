/** Logits of whole sequences. */
import { cleanUp, type ElementType, reshape, tensor } from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import type { ComputeType, LayerContext } from "../layers/context.ts";
import { unembed } from "../layers/model.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import {
  checkShape,
  type ModelFunction,
  modelFunction,
  ropeOf,
  ropeTypes,
  type Shape,
  weightTypes,
} from "./signature.ts";
import { trunk } from "./stack.ts";

export interface ForwardOptions extends Shape {
  readonly computeDtype: ComputeType;
  /** Type of the parameters as they are given; fp32 unless said otherwise. */
  readonly weightDtype?: ElementType;
}

/** (parameters, rope.cos, rope.sin, tokens int32 [b, s]) -> logits fp32 [b, s, vocabulary]. */
export function forward(config: ModelConfig, options: ForwardOptions): ModelFunction {
  const { batch, seq, computeDtype: dtype, weightDtype = "float32" } = options;
  checkShape(config, options, dtype);
  const signature = {
    ...weightTypes(parameterSpecs(config), weightDtype),
    ...ropeTypes(config, seq),
    tokens: tensor([batch, seq], "int32"),
  };
  const { fn, outputs } = modelFunction("forward", signature, (given) => {
    const rope = ropeOf(config, given);
    const context: LayerContext = { config, dtype, batch, seq, ...(rope ? { rope } : {}) };
    const rows = trunk(context, given, given("tokens"));
    const logits = unembed(context, given, rows, "float32");
    return { logits: reshape(logits, [batch, seq, config.vocabSize]) };
  });
  return { fn: cleanUp(fn), outputs };
}
