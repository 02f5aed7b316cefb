/** Generation on the interpreter: prefill and decode as tensor programs, caches as plain arrays. */
import {
  allocate,
  compositeCalls,
  type Inputs,
  interpret,
  parameterName,
  type Tensor,
  tensorOf,
} from "@opentrn/ir";
import {
  type ComputeType,
  cacheTypes,
  decode,
  type GenerationOptions,
  type ModelConfig,
  type ModelFunction,
  type Parameters,
  parameterSpecs,
  prefill,
  ropeTables,
} from "@opentrn/models";
import type { DecodeEngine } from "../generate/decode-engine.ts";

export interface DecodeEngineRequest {
  readonly config: ModelConfig;
  /** fp32 by Hugging Face name. */
  readonly parameters: Parameters;
  readonly computeDtype: ComputeType;
  /** Tokens that the cache holds. */
  readonly context: number;
}

export class InterpreterDecoder implements DecodeEngine {
  readonly name = "interpreter";
  readonly context: number;
  private readonly config: ModelConfig;
  private readonly options: GenerationOptions;
  /** In the compute type, rounded once. */
  private readonly weights: Record<string, Tensor>;
  private readonly step: ModelFunction;
  private caches: Record<string, Tensor> = {};
  private length = 0;

  constructor({ config, parameters, computeDtype, context }: DecodeEngineRequest) {
    this.config = config;
    this.context = context;
    this.options = { batch: 1, maxLength: context, computeDtype };
    this.weights = Object.fromEntries(
      parameterSpecs(config).map(({ name, shape }) => [
        name,
        tensorOf({ shape, dtype: computeDtype }, parameters[name]!),
      ]),
    );
    this.step = decode(config, this.options);
  }

  async prefill(prompt: Int32Array): Promise<Float32Array> {
    this.length = prompt.length;
    this.caches = Object.fromEntries(
      Object.entries(cacheTypes(this.config, this.options)).map(([name, type]) => [
        name,
        { type, data: allocate(type, "fp32") },
      ]),
    );
    const fn = prefill(this.config, { ...this.options, seq: prompt.length });
    return this.run(fn, prompt.length, { tokens: prompt, last: [prompt.length - 1] });
  }

  async decode(token: number): Promise<Float32Array> {
    const start = this.length++;
    return this.run(this.step, this.context, { tokens: [token], start: [start] });
  }

  async close(): Promise<void> {
    this.caches = {};
  }

  /** Logits; the caches move on. `positions`: rows of the rotary tables. */
  private run({ fn, outputs }: ModelFunction, positions: number, own: Inputs): Float32Array {
    const tables = this.config.rope ? ropeTables(this.config, positions) : undefined;
    const all: Inputs = {
      ...this.weights,
      ...(tables ? { "rope.cos": tables.cos, "rope.sin": tables.sin } : {}),
      ...this.caches,
      ...own,
    };
    const inputs = Object.fromEntries(fn.params.map(parameterName).map((n) => [n, all[n]!]));
    const results = interpret(fn, inputs, { customCalls: compositeCalls });
    const made = Object.fromEntries(outputs.map((name, i) => [name, results[i]!]));
    for (const name of Object.keys(this.caches)) this.caches[name] = made[name]!;
    return Float32Array.from(made["logits"]!.data);
  }
}
