export {
  type PlayedStream,
  type Replay,
  type ReplayChange,
  type Replayed,
  replay,
} from "./replay.ts";
