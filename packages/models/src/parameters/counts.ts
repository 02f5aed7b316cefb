/** Sizes of a model: parameters, and the floating-point operations of its matrix products, from which MFU is taken. */
import type { ModelConfig } from "../config/model-config.ts";
import { elementsOf } from "./initialise.ts";
import { layerSpecs, parameterSpecs } from "./specs.ts";

/** Number of parameters; tied embeddings count once. */
export const parameterCount = (config: ModelConfig): number =>
  parameterSpecs(config).reduce((n, { shape }) => n + elementsOf(shape), 0);

export interface ModelFlops {
  /** Products with parameters in the layers. */
  readonly layers: number;
  /** Scores and weighted sums; causal attention counts the half that is seen. */
  readonly attention: number;
  readonly unembedding: number;
  readonly total: number;
}

/**
 * Operations (a multiply and an add are two) of one forward pass over `batch` sequences of `seq` tokens; training takes three times
 * as many. Norms, activations and the optimizer are not counted, nor is recomputation, as is usual for MFU.
 */
export function forwardFlops(
  config: ModelConfig,
  { batch, seq }: { readonly batch: number; readonly seq: number },
): ModelFlops {
  const tokens = batch * seq;
  const matrices = layerSpecs(config)
    .filter(({ shape }) => shape.length === 2)
    .reduce((n, { shape }) => n + elementsOf(shape), 0);
  const layers = 2 * tokens * matrices * config.layers;
  const seen = (tokens * (seq + 1)) / 2;
  const attention = 4 * seen * config.heads * config.headSize * config.layers;
  const unembedding = 2 * tokens * config.vocabSize * config.width;
  return { layers, attention, unembedding, total: layers + attention + unembedding };
}
