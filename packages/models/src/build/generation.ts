/** Prefill and decode: logits of the next token, with keys and values of all tokens so far kept in caches. */
import { OpenTrnError } from "@opentrn/base";
import {
  attentionOp,
  cachedAttention,
  cleanUp,
  dynamicSlice,
  dynamicUpdateSlice,
  type ElementType,
  reshape,
  tensor,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import type { Attend, ComputeType, LayerContext } from "../layers/context.ts";
import { embed, finish, layers, unembed } from "../layers/model.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import {
  checkShape,
  type Given,
  type ModelFunction,
  modelFunction,
  ropeOf,
  ropeTypes,
  type Signature,
  weightTypes,
} from "./signature.ts";
import { firstPositions } from "./stack.ts";

export interface GenerationOptions {
  readonly batch: number;
  /** Tokens that the caches hold. */
  readonly maxLength: number;
  readonly computeDtype: ComputeType;
  /** Type of the parameters as they are given; `computeDtype` unless said otherwise. */
  readonly weightDtype?: ElementType;
}

function checkFits(seq: number, maxLength: number): void {
  if (seq > maxLength)
    throw new OpenTrnError(
      `${seq} tokens do not fit caches of ${maxLength}; raise maxLength or shorten the prompt`,
      { category: "bad input", rule: "maxLength" },
    );
}

/** cache.<layer>.k and .v: [b, maxLength, g, d] in the compute type, zero at first. */
export const cacheTypes = (
  { layers: n, keyHeads, headSize }: ModelConfig,
  { batch, maxLength, computeDtype }: GenerationOptions,
): Signature => {
  const type = tensor([batch, maxLength, keyHeads, headSize], computeDtype);
  return Object.fromEntries(
    Array.from({ length: n }, (_, i) => [
      [`cache.${i}.k`, type],
      [`cache.${i}.v`, type],
    ]).flat() as [string, typeof type][],
  );
};

/** Attention that leaves keys and values in the caches of its layer. */
function caching(
  given: Given,
  start: Value | number,
  attend: (q: Value, own: readonly [Value, Value], cached: readonly [Value, Value]) => Value,
): { readonly attend: Attend; readonly caches: Record<string, Value> } {
  const caches: Record<string, Value> = {};
  return {
    caches,
    attend: (q, k, v, layer) => {
      const [keys, values] = [k, v].map((x, i) => {
        const name = `cache.${layer}.${"kv"[i]}`;
        const written = dynamicUpdateSlice(given(name), x, [0, start, 0, 0]);
        caches[name] = written;
        return written;
      }) as [Value, Value];
      return attend(q, [k, v], [keys, values]);
    },
  };
}

/** Logits fp32 [b, vocabulary] of one row of each sequence. */
function nextLogits(context: LayerContext, given: Given, x: Value, last: Value | undefined): Value {
  const { batch, seq, config } = context;
  if (!last) return unembed(context, given, finish(context, given, x), "float32");
  const sequences = reshape(x, [batch, seq, config.width]);
  const row = dynamicSlice(sequences, [0, last, 0], [batch, 1, config.width]);
  const rows = reshape(row, [batch, config.width]);
  return unembed(context, given, finish(context, given, rows), "float32");
}

/**
 * (parameters, rope.cos, rope.sin, tokens int32 [b, seq], last int32 [], cache.*) -> logits fp32 [b, vocabulary], cache.*. The prompt
 * starts at position 0; tokens behind `last` are padding, and the logits are those of token `last`. Tables are those of `seq` positions.
 */
export function prefill(
  config: ModelConfig,
  options: GenerationOptions & { readonly seq: number },
): ModelFunction {
  const { batch, seq, maxLength, computeDtype: dtype, weightDtype = dtype } = options;
  checkShape(config, options, dtype, maxLength);
  checkFits(seq, maxLength);
  const signature = {
    ...weightTypes(parameterSpecs(config), weightDtype),
    ...ropeTypes(config, seq),
    tokens: tensor([batch, seq], "int32"),
    last: tensor([], "int32"),
    ...cacheTypes(config, options),
  };
  const { fn, outputs } = modelFunction("prefill", signature, (given) => {
    const rope = ropeOf(config, given);
    const context: LayerContext = { config, dtype, batch, seq, ...(rope ? { rope } : {}) };
    const { attend, caches } = caching(
      given,
      0,
      (q, [k, v]) => attentionOp(q, k, v, { causal: true }).o,
    );
    const x = embed(context, given, given("tokens"), rope ? undefined : firstPositions(context));
    const y = layers(context, given, attend, x);
    return { logits: nextLogits(context, given, y, given("last")), ...caches };
  });
  return { fn: cleanUp(fn), outputs };
}

/**
 * (parameters, rope.cos, rope.sin of maxLength positions, tokens int32 [b, seq], start int32 [], cache.*) -> logits fp32 [b, vocabulary]
 * of the last token, cache.*. The tokens, one a sequence unless `seq` says otherwise, stand at start, start + 1, ...; start + seq is at
 * most maxLength.
 */
export function decode(
  config: ModelConfig,
  options: GenerationOptions & { readonly seq?: number },
): ModelFunction {
  const { batch, seq = 1, maxLength, computeDtype: dtype, weightDtype = dtype } = options;
  checkShape(config, { batch, seq }, dtype, maxLength);
  checkFits(seq, maxLength);
  const signature = {
    ...weightTypes(parameterSpecs(config), weightDtype),
    ...ropeTypes(config, maxLength),
    tokens: tensor([batch, seq], "int32"),
    start: tensor([], "int32"),
    ...cacheTypes(config, options),
  };
  const { fn, outputs } = modelFunction("decode", signature, (given) => {
    const start = given("start");
    const rows = (table: Value): Value =>
      dynamicSlice(table, [start, 0], [seq, table.type.shape[1]!]);
    const tables = ropeOf(config, given);
    const context: LayerContext = {
      config,
      dtype,
      batch,
      seq,
      ...(tables ? { rope: { cos: rows(tables.cos), sin: rows(tables.sin) } } : {}),
    };
    const { attend, caches } = caching(given, start, (q, _, [k, v]) =>
      cachedAttention(q, k, v, start),
    );
    const x = embed(context, given, given("tokens"), tables ? undefined : rows);
    const y = layers(context, given, attend, x);
    const width = config.width;
    const last =
      seq === 1
        ? y
        : reshape(
            dynamicSlice(reshape(y, [batch, seq, width]), [0, seq - 1, 0], [batch, 1, width]),
            [batch, width],
          );
    return { logits: nextLogits(context, given, last, undefined), ...caches };
  });
  return { fn: cleanUp(fn), outputs };
}
