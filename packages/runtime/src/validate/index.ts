export type { Binding, Bindings } from "./binding.ts";
export { metrics } from "./metric.ts";
export { type Order, orders } from "./predict.ts";
export { type PublishedRow, readRows } from "./row.ts";
export { median, quantile } from "./statistics.ts";
export {
  type CheckedRow,
  type SummaryRow,
  type UncheckedRow,
  type ValidateOptions,
  type Validation,
  validate,
} from "./validation.ts";
