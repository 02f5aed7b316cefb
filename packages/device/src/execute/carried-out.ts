/** Instructions whose meaning is the executor's: what moves the program counter, and where cores and ranks meet. */
import { controlJumps } from "./control.ts";
import { meetings } from "./meeting.ts";

/** Names of all control instructions that the executor carries out. */
export const carriedOut: ReadonlySet<string> = new Set([
  ...Object.keys(controlJumps),
  ...Object.keys(meetings),
]);
