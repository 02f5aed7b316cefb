/** Training and generation loops over compiled models. */
export {
  CheckpointFolder,
  latestCheckpoint,
  storedTensors,
} from "./checkpoint/checkpoint-folder.ts";
export { type Checkpoint, readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export * from "./checkpoint/record.ts";
export { sourceFiles } from "./data/source-files.ts";
export { type Split, split } from "./data/split.ts";
export { byteTokenizer, type TextTokenizer } from "./data/text-tokenizer.ts";
export { type TokenisedText, tokenise } from "./data/token-cache.ts";
export { TokenFile } from "./data/token-file.ts";
export { type DataPosition, windowsIn } from "./data/windows.ts";
export * from "./engine/step-engine.ts";
export * from "./generate/decode-engine.ts";
export { type Generated, type GenerateRequest, generate } from "./generate/generate.ts";
export type { Sampling } from "./generate/sampler.ts";
export type { RunLog, StepRecord } from "./logs/step-record.ts";
export { tensorboardLog } from "./logs/tensorboard-log.ts";
export { csvLog, jsonLog } from "./logs/text-logs.ts";
export * from "./loop/train-loop.ts";
export { type Cost, type CostRequest, costOf, dollarsPerMillion } from "./prices/cost.ts";
export { type Price, type PriceTerm, prices, priceTerms } from "./prices/price.ts";
export * from "./schedule/learning-rate.ts";
export { checkSameRun } from "./schedule/same-run.ts";
