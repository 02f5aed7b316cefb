export * from "./operands.ts";
export * from "./profile.ts";
export { readProfile, readProfileStream } from "./read.ts";
