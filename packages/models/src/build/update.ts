/** AdamW with clipping by the norm of all gradients. */
import {
  add,
  allReduce,
  broadcastInDim,
  divide,
  minimum,
  multiply,
  sqrt,
  subtract,
  sum,
  tensor,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import { type ParameterSpec, parameterSpecs } from "../parameters/specs.ts";
import { gradientName } from "./loss-and-gradients.ts";
import {
  type Given,
  type ModelFunction,
  modelFunction,
  type Signature,
  weightTypes,
} from "./signature.ts";

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Of matrices; norms and biases do not decay. */
  readonly weightDecay: number;
}

/** What GPT-3 and Llama were trained with. */
export const defaultAdamW: AdamW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

export interface UpdateOptions {
  readonly optimizer: AdamW;
  /** Largest norm of all gradients together; absent: not clipped, the norm is still returned. */
  readonly clip?: number;
  /** Sum loss and gradients over that many replicas first. */
  readonly replicas?: number;
}

/** `lr`, and 1 / (1 - beta^step) of both moments, which the host knows. */
export const scalarTypes: Signature = {
  lr: tensor([]),
  m_correction: tensor([]),
  v_correction: tensor([]),
};

/** The scalars of step `step`, counted from 1. */
export const adamScalars = (
  { beta1, beta2 }: AdamW,
  step: number,
  lr: number,
): { readonly lr: number; readonly m_correction: number; readonly v_correction: number } => ({
  lr,
  m_correction: 1 / (1 - beta1 ** step),
  v_correction: 1 / (1 - beta2 ** step),
});

/** m.<parameter> and v.<parameter>: running means of the gradient and its square, fp32, zero at first. */
export const momentTypes = (specs: readonly ParameterSpec[]): Signature => ({
  ...weightTypes(specs, "float32", "m."),
  ...weightTypes(specs, "float32", "v."),
});

interface State {
  readonly parameter: Value;
  readonly m: Value;
  readonly v: Value;
}

/** Scalars of a step that every parameter shares: what m is multiplied by, and what is left of a parameter that decays. */
function shared(given: Given, { weightDecay }: AdamW) {
  const lr = given("lr");
  return {
    rate: multiply(lr, given("m_correction")),
    correction: given("v_correction"),
    kept: subtract(1, multiply(lr, weightDecay)),
  };
}

/** One parameter's step: p (1 - lr decay) - lr m' / (sqrt(v') + epsilon), m' and v' corrected for their start at zero. */
function step(
  { parameter, m, v }: State,
  gradient: Value,
  decays: boolean,
  { beta1, beta2, epsilon }: AdamW,
  { rate, correction, kept }: ReturnType<typeof shared>,
): State {
  const whole = (x: Value): Value => broadcastInDim(x, parameter.type.shape, []);
  const nextM = add(multiply(m, beta1), multiply(gradient, 1 - beta1));
  const nextV = add(multiply(v, beta2), multiply(multiply(gradient, gradient), 1 - beta2));
  const root = add(sqrt(multiply(nextV, whole(correction))), epsilon);
  const change = divide(multiply(nextM, whole(rate)), root);
  const left = decays ? multiply(parameter, whole(kept)) : parameter;
  return { parameter: subtract(left, change), m: nextM, v: nextV };
}

/** The norm of all gradients, and what they are multiplied by. */
function clipping(gradients: readonly Value[], clip: number | undefined) {
  const norm = sqrt(gradients.map((g) => sum(multiply(g, g))).reduce(add));
  // PyTorch's clip_grad_norm_ divides by the norm plus 1e-6.
  const scale = clip === undefined ? undefined : minimum(divide(clip, add(norm, 1e-6)), 1);
  return { norm, scale };
}

/** Loss, norm and new state as values; called while a function is built. */
export function updateValues(
  config: ModelConfig,
  { optimizer, clip, replicas }: UpdateOptions,
  given: Given,
  values: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> {
  const specs = parameterSpecs(config);
  const local = [values["loss"]!, ...specs.map(({ name }) => values[gradientName(name)]!)];
  const [loss, ...gradients] = replicas === undefined ? local : allReduce(local, replicas);
  const { norm, scale } = clipping(gradients, clip);
  const scalars = shared(given, optimizer);
  const states = specs.map(({ name, decays }, i) => {
    const g = gradients[i]!;
    const clipped = scale ? multiply(g, broadcastInDim(scale, g.type.shape, [])) : g;
    const state = { parameter: given(name), m: given(`m.${name}`), v: given(`v.${name}`) };
    return step(state, clipped, decays && optimizer.weightDecay > 0, optimizer, scalars);
  });
  const named = (prefix: string, of: (s: State) => Value) =>
    Object.fromEntries(specs.map(({ name }, i) => [prefix + name, of(states[i]!)]));
  return {
    loss: loss!,
    gradient_norm: norm,
    ...named("", (s) => s.parameter),
    ...named("m.", (s) => s.m),
    ...named("v.", (s) => s.v),
  };
}

/**
 * (parameters, m.*, v.*, loss, gradient.*, lr, m_correction, v_correction) -> loss, gradient_norm, parameters, m.*, v.*; all fp32. The
 * loss passes through, summed over replicas when there are several.
 */
export function update(config: ModelConfig, options: UpdateOptions): ModelFunction {
  const specs = parameterSpecs(config);
  const signature = {
    ...weightTypes(specs),
    ...momentTypes(specs),
    loss: tensor([]),
    ...weightTypes(specs, "float32", "gradient."),
    ...scalarTypes,
  };
  return modelFunction("update", signature, (given) => {
    const names = ["loss", ...specs.map(({ name }) => gradientName(name))];
    return updateValues(
      config,
      options,
      given,
      Object.fromEntries(names.map((n) => [n, given(n)])),
    );
  });
}
