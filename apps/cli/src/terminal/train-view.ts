/** What `trn train` shows: a block with the loss curve on a terminal, plain lines elsewhere, and a summary at the end. */
import {
  type Cost,
  costOfTraining,
  type OpenTraining,
  type StepRecord,
  type TrainReport,
} from "@opentrn/train";
import type { Io } from "../io.ts";
import { bar } from "./bars.ts";
import { braillePlot } from "./braille-plot.ts";
import { LiveBlock } from "./live-block.ts";
import { count, hostTime, percent, time } from "./units.ts";

const three = (x: number): string => x.toPrecision(3);
/** Tokens a second: 1.24 M, 318 k, 42. */
export const rate = (x: number): string =>
  x >= 1e6 ? `${three(x / 1e6)} M` : x >= 1e3 ? `${three(x / 1e3)} k` : three(x);
/** Dollars to three digits, never in powers of ten: $0.000412. */
export const dollars = (x: number): string =>
  `$${x.toFixed(Math.max(2, 2 - Math.floor(Math.log10(x || 1))))}`;

/** Plain lines of a run, at most. */
const LINES = 20;
/** Characters of the loss curve. */
const curveSize = { width: 48, height: 6 } as const;
/** Share of the newest step in the rate that is shown. */
const FRESH = 0.2;

export class TrainView {
  private readonly losses: number[] = [];
  private readonly block: LiveBlock;
  private readonly io: Io;
  private readonly open: OpenTraining;
  private readonly quiet: boolean;
  private readonly cost: Cost | undefined;
  private evaluation: number | undefined;
  private stepMs: number | undefined;

  /** `quiet` leaves plain lines out, for JSON. */
  constructor(io: Io, open: OpenTraining, quiet: boolean) {
    this.io = io;
    this.open = open;
    this.quiet = quiet;
    this.block = new LiveBlock(io);
    this.cost = costOfTraining(open);
  }

  /** The first lines: what is trained on what. */
  start(): void {
    const { options, config, parameters, run, notes } = this.open;
    for (const note of notes) this.io.err(`note: ${note}\n`);
    if (this.quiet) return;
    const { shape } = run.plan.identity;
    const tokens = shape.batch * shape.sequence * shape.accumulate;
    const from = run.resumed ? `, from step ${run.resumed.step}` : "";
    this.io.out(
      `${config.architecture} ${count(parameters)} parameters, ${count(run.tokens.length)} tokens of text\n` +
        `${options.steps} steps of ${count(tokens)} tokens on ${options.target} x ${options.cores} (${run.engine.name}, ${options.computeDtype})${from}\n`,
    );
  }

  step(record: StepRecord): void {
    this.losses.push(record.loss);
    this.evaluation = record.evaluationLoss ?? this.evaluation;
    this.stepMs =
      this.stepMs === undefined ? record.hostMs : (1 - FRESH) * this.stepMs + FRESH * record.hostMs;
    if (this.io.live) this.block.draw(() => this.lines(record));
    else if (!this.quiet && this.worthALine(record)) this.io.out(`${this.plain(record)}\n`);
  }

  /** Says something beside the block. */
  say(text: string): void {
    this.block.clear();
    this.io.err(`${text}\n`);
  }

  done(): void {
    this.block.clear();
  }

  /** The losses so far as a curve, for after the run. */
  curve(): readonly string[] {
    return braillePlot(this.losses, curveSize);
  }

  private worthALine({ step, evaluationLoss }: StepRecord): boolean {
    const { steps } = this.open.options;
    const every = Math.max(1, Math.round(steps / LINES));
    return (
      this.losses.length === 1 ||
      step % every === 0 ||
      step === steps ||
      evaluationLoss !== undefined
    );
  }

  private plain(r: StepRecord): string {
    const { steps } = this.open.options;
    const evaluated = r.evaluationLoss === undefined ? "" : `  eval ${r.evaluationLoss.toFixed(4)}`;
    return (
      `step ${String(r.step).padStart(String(steps).length)}/${steps}  loss ${r.loss.toFixed(4)}${evaluated}` +
      `  lr ${r.learningRate.toExponential(1)}  norm ${three(r.gradNorm)}  ${rate(r.hostTokensPerSecond)} tokens/s`
    );
  }

  private lines(r: StepRecord): readonly string[] {
    const { steps } = this.open.options;
    const { dim, bold } = this.io.colours;
    const left = (steps - r.step) * this.stepMs!;
    const evaluated = this.evaluation === undefined ? "" : `  eval ${this.evaluation.toFixed(3)}`;
    const { shape } = this.open.run.plan.identity;
    const tokens = shape.batch * shape.sequence * shape.accumulate;
    return [
      `step ${r.step}/${steps}  ${bar(r.step / steps, 24)}  ${percent(r.step / steps)}  ${hostTime(left)} left`,
      `${bold(`loss ${r.loss.toFixed(3)}`)}${evaluated}  ${dim(`lr ${r.learningRate.toExponential(1)}  norm ${three(r.gradNorm)}  epoch ${r.epoch.toFixed(2)}`)}`,
      ...this.curve(),
      `this host  ${rate((tokens / this.stepMs!) * 1000)} tokens/s`,
      ...this.predicted(),
    ];
  }

  /** One line on the chip, where the engine predicts. */
  private predicted(): readonly string[] {
    const p = this.open.run.engine.predicted;
    if (!p) return [];
    const { target } = this.open.options;
    const range =
      p.low === undefined || p.high === undefined ? "" : ` (${time(p.low)} to ${time(p.high)})`;
    const money = this.cost
      ? `  ${dollars(this.cost.usdPerMillionTokens)} a million tokens on ${this.cost.instance}`
      : "";
    return [
      `${target} x ${p.cores}  step ${time(p.stepNs)}${range}  ${rate(p.tokensPerSecond)} tokens/s${money}`,
    ];
  }
}

/** The summary at the end. */
export function trainSummary(report: TrainReport, cost: Cost | undefined): string {
  const lines: string[] = [];
  const { first_loss: first, loss, eval_loss: evaluated, predicted, host } = report;
  if (loss !== null)
    lines.push(
      `loss        ${first === null ? "" : `${first.toFixed(4)} to `}${loss.toFixed(4)}${evaluated === null ? "" : `, held-back text ${evaluated.toFixed(4)}`}`,
    );
  lines.push(
    `this host   ${report.steps_here} steps in ${hostTime(host.seconds * 1000)}, ${rate(host.tokens_per_second)} tokens/s`,
  );
  if (predicted) {
    const mfu = predicted.mfu === null ? "" : `, MFU ${percent(predicted.mfu)}`;
    lines.push(
      `${report.target.padEnd(11)} step ${time(predicted.step_ns)}, ${rate(predicted.tokens_per_second)} tokens/s on ${predicted.cores === 1 ? "1 core" : `${predicted.cores} cores`}${mfu} (predicted)`,
    );
    if (cost)
      lines.push(
        `cost        ${dollars(cost.usdPerMillionTokens)} a million tokens on ${cost.instance} at $${cost.price.usdPerHour.value} an hour (${cost.price.term}, ${cost.price.date})`,
      );
  }
  if (report.checkpoint !== null) lines.push(`checkpoint  ${report.checkpoint}`);
  return `${lines.join("\n")}\n`;
}
