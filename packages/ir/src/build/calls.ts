/** Builders of functions, their parameters, calls of them, calls of what lies outside, and random bits. */
import { emit, emitOne, type Func, operationsOf, type Value } from "../graph.ts";
import type { TensorType } from "../types.ts";

/** The results of `callee` for those inputs, in its order. */
export const call = (callee: Func, inputs: readonly Value[]): readonly Value[] =>
  emit("call", inputs, { callee });

export interface CustomCallSpec {
  /** What the target gets beside its inputs, such as JSON of its compile-time arguments. */
  readonly config?: string;
  readonly results: readonly TensorType[];
}

/** The results of the computation called `target`, e.g. an NKI kernel. */
export const customCall = (
  target: string,
  inputs: readonly Value[],
  { config = "", results }: CustomCallSpec,
): readonly Value[] =>
  emit("custom_call", inputs, { call_target_name: target, backend_config: config, types: results });

/** Uniform ui32 bits of that shape, and the next state; `state` is tensor<4xui32>. */
export function rngBitGenerator(
  state: Value,
  shape: readonly number[],
): { readonly state: Value; readonly bits: Value } {
  const [next, bits] = emit("rng_bit_generator", [state], {
    rng_algorithm: "THREE_FRY",
    output_shape: shape,
  });
  return { state: next!, bits: bits! };
}

/** A named input; `func` makes them from its signature. */
export const parameter = (name: string, type: TensorType): Value =>
  emitOne("parameter", [], { name, shape: type.shape, dtype: type.dtype });

/** A function of values that exist already: `params` are parameters, and every operation that `results` need becomes its body. */
export const functionOf = (
  name: string,
  params: readonly Value[],
  results: readonly Value[],
): Func => ({
  name,
  params,
  results,
  body: operationsOf(results).filter((op) => op.name !== "parameter"),
});

type Signature = Readonly<Record<string, TensorType>>;

/**
 * Builds a function: `func("double", { x: tensor([4]) }, ({ x }) => add(x, x))`. The body is what the results need; several results
 * are returned as an array.
 */
export function func<S extends Signature>(
  name: string,
  signature: S,
  body: (params: { readonly [K in keyof S]: Value }) => Value | readonly Value[],
): Func {
  const params = Object.entries(signature).map(([n, type]) => [n, parameter(n, type)] as const);
  const made = body(Object.fromEntries(params) as { [K in keyof S]: Value });
  return functionOf(
    name,
    params.map(([, v]) => v),
    "op" in made ? [made] : made,
  );
}
