export type { Binding, Bindings } from "./binding.ts";
export { fitTables } from "./fit.ts";
export { metrics } from "./metric.ts";
export { type Order, orders } from "./predict.ts";
export { type KindError, type ProfileAccuracy, profileAccuracy } from "./profile-accuracy.ts";
export {
  type Accuracy,
  type ReplayedProfile,
  readNotes,
  readReplayed,
} from "./report/accuracy.ts";
export { coverage, families, reasons, worst } from "./report/families.ts";
export { accuracyFiles } from "./report/files.ts";
export { profileJson, validationJson } from "./report/json.ts";
export { generationOf, type PublishedRow, readRows } from "./row.ts";
export { readAssumed, sensitivities } from "./sensitivity.ts";
export { median, quantile } from "./statistics.ts";
export {
  type CheckedRow,
  judged,
  type SummaryRow,
  type UncheckedRow,
  type ValidateOptions,
  type Validation,
  validate,
} from "./validation.ts";
