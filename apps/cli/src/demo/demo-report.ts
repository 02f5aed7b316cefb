/** The report of the demo, as `trn demo --json` prints it. Field names are a contract: docs/report.md. */
import { join } from "node:path";
import type { GenerateReport, TrainReport } from "@opentrn/train";

export interface DemoParts {
  readonly train: TrainReport;
  /** Loss over the text held back before the first step; undefined where a run goes on. */
  readonly firstEvalLoss: number | undefined;
  /** Undefined where training did not reach its end. */
  readonly generated: { readonly prompt: string; readonly report: GenerateReport } | undefined;
  /** Of the whole command. */
  readonly seconds: number;
}

export function demoReport({ train, firstEvalLoss, generated, seconds }: DemoParts) {
  return {
    train,
    first_eval_loss: firstEvalLoss ?? null,
    generate: generated ? { prompt: generated.prompt, ...generated.report } : null,
    files: {
      checkpoint: train.checkpoint,
      log: join(train.out, "log.jsonl"),
      csv: join(train.out, "log.csv"),
      tensorboard: join(train.out, "tensorboard"),
    },
    host: { seconds, peak_bytes: process.resourceUsage().maxRSS * 1024 },
  };
}

export type DemoReport = ReturnType<typeof demoReport>;
