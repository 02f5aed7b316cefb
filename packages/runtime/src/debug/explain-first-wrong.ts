/** A failed check, explained: the instructions that wrote the first wrong element of each output. */
import { elementHistory, prepare } from "@opentrn/device";
import type { TracedOutput } from "@opentrn/nki";
import { bytesOf } from "@opentrn/numerics";
import type { OutputReport, RunReport } from "../report/report.ts";
import { inputBytes } from "../run/input-bytes.ts";
import {
  prepareOptions,
  type RunOptions,
  type RunResult,
  wholeOutputs,
} from "../run/run-program.ts";
import type { TensorData } from "../tensors/tensor.ts";

/** The report with `written_by` on every first wrong element. Runs the Program again, a few times for each; does nothing without one. */
export function explainFirstWrong(
  report: RunReport,
  result: RunResult,
  inputs: Readonly<Record<string, TensorData>>,
  options: RunOptions,
): RunReport {
  if (report.outputs.every((o) => !o.check?.first_wrong)) return report;
  const { program, placement } = result;
  const executable = prepare(program, placement, prepareOptions(options));
  const bytes = inputBytes(program, inputs);
  const views = options.outputs ?? wholeOutputs(program);
  const explain = (o: OutputReport, view: TracedOutput): OutputReport => {
    if (!o.check?.first_wrong) return o;
    const { first_wrong, ...check } = o.check;
    const at = elementOf(view, first_wrong.index, bytesOf(program.storages[view.storage]!.dtype));
    const written_by = elementHistory(executable, bytes, view.storage, at);
    return { ...o, check: { ...check, first_wrong: { ...first_wrong, written_by } } };
  };
  return { ...report, outputs: report.outputs.map((o, n) => explain(o, views[n]!)) };
}

/** Element of a storage whose elements have `size` bytes that holds the element of an output at `index`. */
function elementOf(view: TracedOutput, index: readonly number[], size: number): number {
  const flat = index.reduce((n, i, k) => n * view.shape[k]! + i, 0);
  return Math.floor((view.offset + flat * bytesOf(view.dtype)) / size);
}
