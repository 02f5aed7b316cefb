export { type Replay, type Replayed, replay } from "./replay.ts";
