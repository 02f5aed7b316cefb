/** Transformer architectures as tensor programs, their checkpoints and tokenizers. */
export { ignoredLabel } from "./build/cross-entropy.ts";
export { type ForwardOptions, forward } from "./build/forward.ts";
export { cacheTypes, decode, type GenerationOptions, prefill } from "./build/generation.ts";
export {
  type GradientOptions,
  gradientName,
  labelWeight,
  lossAndGradients,
  type TrainingOptions,
} from "./build/loss-and-gradients.ts";
export type { ModelFunction, Shape } from "./build/signature.ts";
export { trainStep } from "./build/train-step.ts";
export {
  type AdamW,
  adamScalars,
  defaultAdamW,
  type UpdateOptions,
  update,
} from "./build/update.ts";
export { type Checkpoint, readCheckpoint, readConfig } from "./checkpoint/read-checkpoint.ts";
export {
  configText,
  type StoredWeights,
  storedTypes,
  type WriteCheckpointOptions,
  writeCheckpoint,
} from "./checkpoint/write-checkpoint.ts";
export {
  type ActivationName,
  type ArchitectureName,
  activationNames,
  architectures,
  type ModelConfig,
  type Rope,
  type RopeScaling,
} from "./config/model-config.ts";
export { parseConfig } from "./config/parse-config.ts";
export { presetConfig, presetNames } from "./config/presets.ts";
export { type ComputeType, computeTypes } from "./layers/context.ts";
export { forwardFlops, type ModelFlops, parameterCount } from "./parameters/counts.ts";
export { initialise, initialiseOne, type Parameters } from "./parameters/initialise.ts";
export {
  type Initialisation,
  type ParameterSpec,
  parameterSpecs,
} from "./parameters/specs.ts";
export { type RopeTables, ropeTables } from "./rope/tables.ts";
export { trainTokenizer } from "./tokenizer/bpe-tokenizer.ts";
export { byteTokenizer } from "./tokenizer/byte-tokenizer.ts";
export { loadTokenizer, parseTokenizer } from "./tokenizer/load-tokenizer.ts";
export { type DecodeStream, decodeStream, type Tokenizer } from "./tokenizer/tokenizer.ts";
export { type BpeOptions, trainBpe } from "./tokenizer/train-bpe.ts";
