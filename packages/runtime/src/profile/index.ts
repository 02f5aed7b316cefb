export type { AdviceOptions } from "./advice/advise.ts";
export { type AdviceKind, adviceKinds } from "./advice/idea.ts";
export {
  COMPARISON_SCHEMA,
  compareProfiles,
  type Difference,
  type ProfileComparison,
  readProfileReport,
} from "./compare.ts";
export { profileOf, profileOfRecording } from "./profile.ts";
export * from "./profile-report.ts";
