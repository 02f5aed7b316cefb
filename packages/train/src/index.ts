/** Training and generation loops over compiled models. */
export {
  CheckpointFolder,
  latestCheckpoint,
  storedTensors,
} from "./checkpoint/checkpoint-folder.ts";
export { type Checkpoint, readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export * from "./checkpoint/record.ts";
export {
  type CostModelOptions,
  costFunction,
  costModel,
  type ModelCost,
  type ModuleCost,
} from "./compile/cost-model.ts";
export { describe } from "./compile/describe.ts";
export { type Phase, type PhaseName, type PhaseRequest, phaseOf, phases } from "./compile/phase.ts";
export { sourceFiles } from "./data/source-files.ts";
export { type Split, split } from "./data/split.ts";
export { type TokenisedText, tokenise } from "./data/token-cache.ts";
export { TokenFile } from "./data/token-file.ts";
export { type DataPosition, windowsIn } from "./data/windows.ts";
export {
  type EngineName,
  type Engines,
  engineNamed,
  engineNames,
  type Placement,
} from "./engine/engines.ts";
export {
  type DecodeEngineRequest,
  InterpreterDecoder,
} from "./engine/interpreter-decoder.ts";
export {
  InterpreterEngine,
  type TrainingEngineRequest,
} from "./engine/interpreter-engine.ts";
export * from "./engine/step-engine.ts";
export * from "./generate/decode-engine.ts";
export { type Generated, type GenerateRequest, generate } from "./generate/generate.ts";
export { costOfDecoding, type GenerateReport, generateReport } from "./generate/generate-report.ts";
export type { Sampling } from "./generate/sampler.ts";
export type { RunLog, StepRecord } from "./logs/step-record.ts";
export { tensorboardLog } from "./logs/tensorboard-log.ts";
export { csvLog, jsonLog } from "./logs/text-logs.ts";
export * from "./loop/train-loop.ts";
export { costOfTraining, type TrainReport, trainReport } from "./loop/train-report.ts";
export { type Cost, type CostRequest, costOf, dollarsPerMillion } from "./prices/cost.ts";
export { costReport } from "./prices/cost-report.ts";
export { type Price, type PriceTerm, prices, priceTerms } from "./prices/price.ts";
export * from "./schedule/learning-rate.ts";
export type { Optimizer } from "./schedule/optimizer.ts";
export { checkSameRun } from "./schedule/same-run.ts";
export { freshState } from "./setup/fresh-state.ts";
export { loadConfig } from "./setup/load-config.ts";
export {
  type GenerationRequest,
  modelFolder,
  type OpenGeneration,
  openGeneration,
} from "./setup/open-generation.ts";
export { type OpenRequest, type OpenTraining, openTraining } from "./setup/open-training.ts";
export { defaults, type TrainOptions } from "./setup/train-options.ts";
