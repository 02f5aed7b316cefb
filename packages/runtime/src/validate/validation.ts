/** Checks published rows against predictions. */
import { dirname, join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed, chips } from "@opentrn/chips";
import type { ModelChanges } from "@opentrn/device";
import { importScript } from "../kernels/import-script.ts";
import { outsideOf } from "../uncertainty/envelope.ts";
import { fitted } from "../uncertainty/fitted.generated.ts";
import { rangeOf } from "../uncertainty/range.ts";
import type { Evidence } from "../uncertainty/regimes.ts";
import type { Tables } from "../uncertainty/tables.ts";
import {
  type Bindings,
  type Bound,
  bindingOf,
  notCompared,
  readBindings,
  reasonOf,
} from "./binding.ts";
import {
  type CollectiveBindings,
  collectiveMetrics,
  predictCollective,
  readCollectives,
} from "./collective.ts";
import { figureRange, kindOf, metrics, timesThings } from "./metric.ts";
import { type Case, type Order, type Prediction, predict } from "./predict.ts";
import { dtypeOf, generationOf, type PublishedRow, sizesOf } from "./row.ts";
import { median, quantile } from "./statistics.ts";

/** One row that was checked. */
export interface CheckedRow {
  readonly row: PublishedRow;
  readonly predicted: number;
  /** Relative error in per cent; of a bound 0 when it is kept. */
  readonly errorPct: number;
  /** Difference in points, for metrics that are percentages. */
  readonly errorPoints?: number;
  readonly range: readonly [low: number, high: number];
  readonly inEnvelope: boolean;
  readonly outside: readonly string[];
  /** The kernel that stands for the row. */
  readonly kernel: string;
  readonly cores: number;
  /** What the range and the envelope follow from, and what the measurement holds beside the kernel. */
  readonly evidence: Evidence;
  readonly besideNs: number;
}

export interface UncheckedRow {
  readonly row: PublishedRow;
  readonly why: string;
}

export interface SummaryRow {
  readonly generation: string;
  readonly metric: string;
  readonly n: number;
  readonly medianAbsPct: number;
  readonly p90AbsPct: number;
  /** For metrics that are percentages. */
  readonly medianAbsPoints?: number;
}

export interface Validation {
  readonly checked: readonly CheckedRow[];
  readonly unchecked: readonly UncheckedRow[];
  readonly summary: readonly SummaryRow[];
}

export interface ValidateOptions {
  /** Path of `bindings.json`; kernels lie in `kernels` beside it. */
  readonly bindings: string;
  /** Order of instructions; default `list`. */
  readonly order?: Order;
  /** Chips by name, where others than the catalogue's are wanted. */
  readonly chipNamed?: (name: string) => Chip;
  /** Numbers of the timing model that are to be others than the model's own. */
  readonly model?: ModelChanges;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Predicts what can be predicted, in the order of the rows, and says of the others why not. */
export async function validate(
  rows: readonly PublishedRow[],
  options: ValidateOptions,
): Promise<Validation> {
  return new Validator(options).run(rows);
}

class Validator {
  private readonly bindings: Bindings;
  private readonly folder: string;
  private readonly collectives: CollectiveBindings;
  private readonly options: ValidateOptions;
  /** Rows of one configuration share a prediction. */
  private readonly known = new Map<string, Prediction>();

  constructor(options: ValidateOptions) {
    this.options = options;
    this.bindings = readBindings(options.bindings);
    this.folder = join(dirname(options.bindings), "kernels");
    this.collectives = readCollectives(options.bindings);
  }

  async run(rows: readonly PublishedRow[]): Promise<Validation> {
    const checked: CheckedRow[] = [];
    const unchecked: UncheckedRow[] = [];
    for (const [i, row] of rows.entries()) {
      this.options.onProgress?.(i, rows.length);
      const result = await this.check(row);
      if ("why" in result) unchecked.push(result);
      else checked.push(result);
    }
    return { checked, unchecked, summary: summarise(checked) };
  }

  private checkCollective(row: PublishedRow): CheckedRow | UncheckedRow {
    const why = notCompared(row, this.bindings);
    if (why !== undefined) return { row, why };
    const made = predictCollective(row, this.collectives);
    if (typeof made === "string") return { row, why: made };
    const { predicted, chip, cores, evidence, besideNs } = made;
    return judged(
      {
        // What the row leaves open is settled by its binding.
        row: { ...row, generation: chip },
        predicted,
        errorPct: 100 * (predicted / row.value - 1),
        kernel: "collectiveTime",
        cores,
        evidence,
        besideNs,
      },
      fitted,
    );
  }

  private async check(row: PublishedRow): Promise<CheckedRow | UncheckedRow> {
    if (row.metric in collectiveMetrics) return this.checkCollective(row);
    const metric = metrics[row.metric];
    const bound = bindingOf(row, this.bindings);
    if (bound === undefined) return { row, why: reasonOf(row, this.bindings) };
    if (metric === undefined) return { row, why: `the metric ${row.metric} is not predicted` };
    const unfit = this.unfit(row, bound);
    if (unfit !== undefined) return { row, why: unfit };
    const prediction = await this.prediction(row, bound);
    if (typeof prediction === "string") return { row, why: prediction };
    const launchNs = 1e3 * this.bindings.launches[bound.binding.launch]!.us;
    const predicted = metric.predicted(prediction, launchNs);
    const kept = metric.slower ? predicted <= row.value : predicted >= row.value;
    const errorPct =
      row.kind === "threshold" && kept
        ? 0
        : row.value === 0
          ? predicted === 0
            ? 0
            : 100
          : 100 * (predicted / row.value - 1);
    return judged(
      {
        row,
        predicted,
        errorPct,
        ...(metric.points ? { errorPoints: predicted - row.value } : {}),
        kernel: `${bound.file}:${bound.name}`,
        cores: prediction.cores,
        evidence: prediction.evidence,
        besideNs: prediction.launches * launchNs,
      },
      fitted,
    );
  }

  /** What keeps a bound row from being run. */
  private unfit(row: PublishedRow, { binding }: Bound): string | undefined {
    const chip = generationOf(row);
    if (!chips.some((c) => c.name === chip)) return `${row.generation} is no chip of ours`;
    if (dtypeOf(row) === undefined) return `${row.dtype} is no data type of ours`;
    const { M, K, N } = sizesOf(row);
    const matmuls = (M! * K! * N!) / (128 * 128 * 512);
    if (binding.maxMatmuls !== undefined && matmuls > binding.maxMatmuls)
      return `takes ${Math.round(matmuls)} matmuls, more than are worth playing`;
    return undefined;
  }

  private async prediction(row: PublishedRow, bound: Bound): Promise<Prediction | string> {
    const sizes = sizesOf(row);
    const shapes: Record<string, number> = { ...sizes };
    for (const [ours, theirs] of Object.entries(bound.binding.shapes ?? {}))
      if (sizes[theirs] !== undefined) shapes[ours] = sizes[theirs];
    const cores = bound.binding.cores === "row" ? (row.cores ?? 1) : (bound.binding.cores ?? 1);
    const case_ = { shapes, dtype: dtypeOf(row)!, settings: bound.settings };
    const key = JSON.stringify([bound.file, bound.name, case_, generationOf(row), cores]);
    const known = this.known.get(key);
    if (known) return known;
    try {
      const make = await this.caseNamed(bound.file, bound.name);
      const chip = (this.options.chipNamed ?? chipNamed)(generationOf(row));
      const { order = "list", model } = this.options;
      const made = predict(make, case_, chip, cores, order, model);
      this.known.set(key, made);
      return made;
    } catch (e) {
      if (e instanceof OpenTrnError && e.category !== "internal")
        return `cannot be built: ${e.message}`;
      throw e;
    }
  }

  private async caseNamed(file: string, name: string): Promise<Case> {
    const path = join(this.folder, file);
    const cases = (await importScript(path))["cases"] as Readonly<Record<string, Case>> | undefined;
    const found = cases?.[name];
    if (found === undefined)
      throw new OpenTrnError(`${path} has no case ${name}`, { category: "internal" });
    return found;
  }
}

/** A row with its range and whether measurements cover it, by other tables than the package's own perhaps. */
export function judged(
  row: Omit<CheckedRow, "range" | "inEnvelope" | "outside">,
  tables: Tables,
): CheckedRow {
  const { evidence, besideNs, predicted } = row;
  const kind = kindOf(row.row.metric)!;
  const total = evidence.meanNs + besideNs;
  const { low, high } = rangeOf(evidence, besideNs, tables.residuals);
  const outside = outsideOf(evidence, tables.measured);
  return {
    ...row,
    range: figureRange(kind, predicted, low / total, high / total),
    inEnvelope: outside.length === 0,
    outside,
  };
}

/** Measured times and rates of collectives. */
export const measuredCollectives = (checked: readonly CheckedRow[]): CheckedRow[] =>
  checked.filter((c) => c.row.kind !== "threshold" && c.row.metric in collectiveMetrics);

/** Measured rows that say how long something took, or how fast it was. */
export const measuredTimes = (checked: readonly CheckedRow[]): CheckedRow[] =>
  checked.filter((c) => c.row.kind !== "threshold" && timesThings(c.row.metric));

/** Errors by generation and metric, bounds left out. */
export function summarise(checked: readonly CheckedRow[]): SummaryRow[] {
  const groups = new Map<string, CheckedRow[]>();
  for (const c of checked) {
    if (c.row.kind === "threshold") continue;
    const key = `${generationOf(c.row)} ${c.row.metric}`;
    const group = groups.get(key);
    if (group) group.push(c);
    else groups.set(key, [c]);
  }
  return [...groups]
    .map(([key, rows]) => {
      const [generation, metric] = key.split(" ") as [string, string];
      const errors = rows.map((r) => Math.abs(r.errorPct));
      const points = rows.flatMap((r) =>
        r.errorPoints === undefined ? [] : [Math.abs(r.errorPoints)],
      );
      return {
        generation,
        metric,
        n: rows.length,
        medianAbsPct: median(errors),
        p90AbsPct: quantile(errors, 0.9),
        ...(points.length > 0 ? { medianAbsPoints: median(points) } : {}),
      };
    })
    .toSorted(
      (a, b) =>
        a.generation.localeCompare(b.generation) || b.n - a.n || a.metric.localeCompare(b.metric),
    );
}
