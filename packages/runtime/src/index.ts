export { type Comparison, compare, type Mismatch } from "./check/compare.ts";
export { expectedOutputs } from "./check/expected-outputs.ts";
export type { ExpectedTensor, ReferenceTensor } from "./check/reference-tensor.ts";
export {
  defaultTolerance,
  settleTolerance,
  type Tolerance,
  toleranceFor,
} from "./check/tolerance.ts";
export { explainFirstWrong } from "./debug/explain-first-wrong.ts";
export { watchedStorages } from "./debug/watched-storages.ts";
export { type Printed, printedText } from "./engine/printed-text.ts";
export { serveStdio } from "./engine/serve-stdio.ts";
export { EngineServer } from "./engine-server.ts";
export {
  type Argument,
  type ArgumentSource,
  type ArgumentValue,
  loadArgument,
  readArgument,
} from "./inputs/argument.ts";
export { dtypeNamed } from "./inputs/dtype-name.ts";
export { type DistributionName, distributions } from "./inputs/generate.ts";
export { type Literal, pythonSource, readLiteral, scriptValue } from "./inputs/python-literal.ts";
export { readChipFile } from "./kernels/chip-file.ts";
export { importScript } from "./kernels/import-script.ts";
export { type KernelName, readKernelName } from "./kernels/kernel-name.ts";
export { type BuildRequest, buildScriptKernel, loadScriptKernel } from "./kernels/script-kernel.ts";
export {
  type PythonHost,
  pythonHosts,
  type TracedProgram,
  type TraceRequest,
  traceKernel,
} from "./kernels/trace-kernel.ts";
export type { RankGroup } from "./parallel/rank-group.ts";
export { type RankGroupOptions, startRanks } from "./parallel/start-ranks.ts";
export { hostThreads } from "./parallel/thread-pool.ts";
export * from "./profile/index.ts";
export { checkedOutput, plainOutput } from "./report/output-report.ts";
export * from "./report/report.ts";
export { type CheckInputs, reportOf, reportOfRanks } from "./report/report-of.ts";
export { type TraceFiles, traceFiles } from "./report/trace-file.ts";
export type { WatchReport } from "./report/watch-report.ts";
export { evaluateSoFar } from "./run/evaluate-so-far.ts";
export { inputBytes } from "./run/input-bytes.ts";
export {
  type OutputTensor,
  type RunOptions,
  type RunResult,
  runProgram,
  wholeOutputs,
} from "./run/run-program.ts";
export { type RankResult, type RanksResult, runProgramRanks } from "./run/run-ranks.ts";
export { writeFileAtomic } from "./tensors/atomic-write.ts";
export { type ByteSource, memorySource, withFile } from "./tensors/byte-source.ts";
export { readNpy, writeNpy } from "./tensors/npy.ts";
export { npzKeys, readNpz, writeNpz } from "./tensors/npz.ts";
export { readSafetensors, safetensorsKeys, writeSafetensors } from "./tensors/safetensors.ts";
export {
  chipTensor,
  elementCount,
  type StoredTensor,
  type StoredType,
  type TensorData,
  tensorOf,
  valuesOf,
} from "./tensors/tensor.ts";
export { readTensorFile, writeTensorFile } from "./tensors/tensor-file.ts";
export { type Range, rangeOf } from "./uncertainty/range.ts";
export { type Evidence, evidenceOf } from "./uncertainty/regimes.ts";
export * from "./validate/index.ts";
