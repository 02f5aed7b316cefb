/** Where a demo goes: on with a run that was stopped, else into a folder that holds none, so that typing it twice just works. */
import { join } from "node:path";
import { CheckpointFolder, readCheckpoint } from "@opentrn/train";

export interface DemoFolder {
  readonly out: string;
  /** It holds a run that is not at its end. */
  readonly resume: boolean;
}

/** `wanted`, or `wanted-2`, `wanted-3`, ... where those before hold finished runs. */
export function demoFolder(wanted: string): DemoFolder {
  for (let n = 1; ; n++) {
    const out = n === 1 ? wanted : `${wanted}-${n}`;
    const latest = new CheckpointFolder(join(out, "checkpoints"), 1).latest();
    if (latest === undefined) return { out, resume: false };
    const { step, schedule } = readCheckpoint(latest).record;
    if (step < schedule.steps) return { out, resume: true };
  }
}
