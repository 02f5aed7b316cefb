/** Named inputs and outputs of the functions that this package builds. */
import { OpenTrnError } from "@opentrn/base";
import {
  type ElementType,
  type Func,
  func,
  type TensorType,
  tensor,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import { type ComputeType, computeTypes, type LayerContext } from "../layers/context.ts";
import type { ParameterSpec } from "../parameters/specs.ts";

/** A function whose results have names, in order; its parameters are named by the IR. */
export interface ModelFunction {
  readonly fn: Func;
  readonly outputs: readonly string[];
}

export interface Shape {
  /** Sequences. */
  readonly batch: number;
  /** Tokens of each. */
  readonly seq: number;
}

export type Signature = Record<string, TensorType>;
export type Given = (name: string) => Value;

/** Builds a function from named inputs to named outputs. */
export function modelFunction(
  name: string,
  signature: Signature,
  body: (given: Given) => Readonly<Record<string, Value>>,
): ModelFunction {
  let outputs: readonly string[] = [];
  const fn = func(name, signature, (params) => {
    const made = body((input) => params[input]!);
    outputs = Object.keys(made);
    return Object.values(made);
  });
  return { fn, outputs };
}

/** Parameters, each name behind `prefix`. */
export const weightTypes = (
  specs: readonly ParameterSpec[],
  dtype: ElementType = "float32",
  prefix = "",
): Signature =>
  Object.fromEntries(specs.map(({ name, shape }) => [prefix + name, tensor(shape, dtype)]));

/** `rope.cos` and `rope.sin` of that many positions; nothing with learned positions. */
export const ropeTypes = ({ rope, headSize }: ModelConfig, length: number): Signature =>
  rope
    ? { "rope.cos": tensor([length, headSize / 2]), "rope.sin": tensor([length, headSize / 2]) }
    : {};

/** The tables among a function's inputs. */
export const ropeOf = (
  config: ModelConfig,
  given: Given,
): (LayerContext["rope"] & object) | undefined =>
  config.rope && { cos: given("rope.cos"), sin: given("rope.sin") };

/** Stops when sizes are no counts, the sequence is longer than the model's positions or window, or the type is none of ours. */
export function checkShape(
  config: ModelConfig,
  { batch, seq }: Shape,
  dtype: ComputeType,
  length = seq,
): void {
  const fail = (rule: string, why: string): never => {
    throw new OpenTrnError(why, { category: "bad input", rule });
  };
  for (const [name, n] of Object.entries({ batch, seq, maxLength: length }))
    if (!Number.isSafeInteger(n) || n < 1)
      fail(name, `${name} is ${n}; it takes a whole number from 1`);
  const most = Math.max(seq, length);
  const stretches = config.rope?.scaling.type === "dynamic";
  if (most > config.positions && !stretches)
    fail(
      "positions",
      `a sequence of ${most} tokens is longer than the model's ${config.positions} positions; shorten it`,
    );
  if (config.slidingWindow !== undefined && most > config.slidingWindow)
    throw new OpenTrnError(
      `a sequence of ${most} tokens is longer than the model's sliding window ${config.slidingWindow}, which is not implemented; stay within it`,
      { category: "unsupported here", rule: "sliding window" },
    );
  if (!computeTypes.includes(dtype))
    fail("computeDtype", `computeDtype is ${dtype}; known are ${computeTypes.join(", ")}`);
}
