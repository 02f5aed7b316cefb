/**
 * Training on the virtual chip: one Program does a whole step, or one each for gradients, gradients added to those before, and the update
 * where a step has several micro-batches. Parameters and moments stay in HBM; a batch goes in, a loss and a norm come out.
 */
import {
  adamScalars,
  forwardFlops,
  labelWeight,
  lossAndGradients,
  type ModelFunction,
  parameterSpecs,
  ropeTables,
  trainStep,
  update,
} from "@opentrn/models";
import type { Placement, Say } from "../engines.ts";
import { stateNames, type TrainingEngineRequest } from "../interpreter-engine.ts";
import { lossOnly } from "../loss-only.ts";
import type {
  Batch,
  Prediction,
  StateTensor,
  StepEngine,
  StepResult,
  StepScalars,
  TrainingState,
} from "../step-engine.ts";
import { ChipFunction, floatsOf, type PredictedTime } from "./chip-function.ts";

const advice = "Take a smaller --batch (with --accumulate), a shorter --seq or more --cores.";

/** The Programs of a step. */
type Programs =
  | { readonly whole: ChipFunction }
  | { readonly first: ChipFunction; readonly more: ChipFunction; readonly update: ChipFunction };

export class ChipTraining implements StepEngine {
  readonly name = "chip";
  readonly predicted: Prediction;
  private readonly request: TrainingEngineRequest;
  private readonly placement: Placement;
  private readonly programs: Programs;
  /** Compiled when the first evaluation asks for it; its parameters are those of `current` or older. */
  private loss: ChipFunction | undefined;
  private lossIsStale = true;

  private constructor(request: TrainingEngineRequest, placement: Placement, programs: Programs) {
    this.request = request;
    this.placement = placement;
    this.programs = programs;
    this.predicted = this.predict();
    for (const f of this.functions()) this.writeTables(f);
  }

  static async of(
    request: TrainingEngineRequest,
    placement: Placement,
    say?: Say,
  ): Promise<ChipTraining> {
    const { config, shape, optimizer, clip } = request;
    const { chip, cores, seed, fp8 } = placement;
    const load = (made: ModelFunction) =>
      ChipFunction.of(made, { chip, ranks: cores, seed, fp8, advice, ...(say ? { say } : {}) });
    const options = rankShape(request, cores);
    const updating = {
      optimizer,
      ...(clip === undefined ? {} : { clip }),
      ...(cores > 1 ? { replicas: cores } : {}),
    };
    if (shape.accumulate === 1)
      return new ChipTraining(request, placement, {
        whole: await load(trainStep(config, { ...options, ...updating })),
      });
    return new ChipTraining(request, placement, {
      first: await load(lossAndGradients(config, options)),
      more: await load(lossAndGradients(config, { ...options, accumulate: true })),
      update: await load(update(config, updating)),
    });
  }

  async load({ parameters, optimizer }: TrainingState): Promise<void> {
    const given = { ...parameters, ...optimizer };
    for (const name of stateNames(this.request.config))
      for (const f of this.functions()) if (f.takes(name)) f.write(name, given[name]!.data);
    this.lossIsStale = true;
  }

  async step(batches: readonly Batch[], scalars: StepScalars): Promise<StepResult> {
    const weight = labelWeight(...batches.map((b) => b.labels));
    const last = await this.gradients(batches, weight, scalars);
    const [loss, gradNorm] = ["loss", "gradient_norm"].map((n) => last.read(n)[0]!) as [
      number,
      number,
    ];
    // What is not finite is not carried over: the state is as before the step.
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      return { loss, gradNorm, firstBad: this.firstBad(batches, weight, Number.isFinite(loss)) };
    this.carry(last);
    return { loss, gradNorm };
  }

  async evaluate(batch: Batch): Promise<number> {
    this.loss ??= await this.loadLoss();
    const { loss } = this;
    const home = this.home;
    if (this.lossIsStale)
      for (const { name } of parameterSpecs(this.request.config))
        loss.writeBytes(name, home.readInput(name));
    this.lossIsStale = false;
    this.writeBatch(loss, batch, labelWeight(batch.labels));
    await loss.execute();
    let sum = 0;
    for (let rank = 0; rank < loss.ranks; rank++) sum += loss.read("loss", rank)[0]!;
    return sum;
  }

  async state(): Promise<TrainingState> {
    const shapes = new Map(parameterSpecs(this.request.config).map((s) => [s.name, s.shape]));
    const kept = (prefix: string) =>
      [...shapes].map(([name, shape]): [string, StateTensor] => [
        prefix + name,
        { shape, data: floatsOf(this.home.readInput(prefix + name)) },
      ]);
    return {
      parameters: Object.fromEntries(kept("")),
      optimizer: Object.fromEntries([...kept("m."), ...kept("v.")]),
    };
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.functions(), ...(this.loss ? [this.loss] : [])].map((f) => f.close()),
    );
  }

  /** Where the state is: the function that makes the new one. */
  private get home(): ChipFunction {
    return "whole" in this.programs ? this.programs.whole : this.programs.update;
  }

  private functions(): readonly ChipFunction[] {
    return Object.values(this.programs);
  }

  /** Runs the step up to its results; the function that has them. */
  private async gradients(
    batches: readonly Batch[],
    weight: number,
    { step, learningRate }: StepScalars,
  ): Promise<ChipFunction> {
    const { programs, home } = this;
    for (const [name, x] of Object.entries(
      adamScalars(this.request.optimizer, step + 1, learningRate),
    ))
      home.write(name, [x]);
    if ("whole" in programs) {
      this.writeBatch(home, batches[0]!, weight);
      await home.execute();
      return home;
    }
    let from = programs.first;
    for (const [i, batch] of batches.entries()) {
      const f = i === 0 ? programs.first : programs.more;
      if (i > 0) copyResults(from, f);
      this.writeBatch(f, batch, weight);
      await f.execute();
      from = f;
    }
    copyResults(from, programs.update);
    await programs.update.execute();
    return programs.update;
  }

  /** New parameters and moments become the next step's, on every rank and in every Program. */
  private carry(from: ChipFunction): void {
    for (const name of stateNames(this.request.config)) {
      if (from.takes(name)) from.carry(name);
      // All ranks have the same: they applied the same sums to the same state.
      const others = this.functions().filter((f) => f !== from && f.takes(name));
      if (others.length === 0) continue;
      const bytes = from.readBytes(name);
      for (const f of others) f.writeBytes(name, bytes);
    }
    this.lossIsStale = true;
  }

  /** Every rank gets its rows. */
  private writeBatch(f: ChipFunction, { tokens, labels }: Batch, weight: number): void {
    const size = tokens.length / f.ranks;
    for (let rank = 0; rank < f.ranks; rank++) {
      const own = (ids: Int32Array) => ids.subarray(rank * size, (rank + 1) * size);
      f.write("tokens", own(tokens), rank);
      f.write("labels", own(labels), rank);
    }
    f.write("label_weight", [weight]);
  }

  private writeTables(f: ChipFunction): void {
    const { config, shape } = this.request;
    if (!f.takes("rope.cos")) return;
    const { cos, sin } = ropeTables(config, shape.sequence);
    f.write("rope.cos", cos);
    f.write("rope.sin", sin);
  }

  private async loadLoss(): Promise<ChipFunction> {
    const { chip, cores, seed, fp8 } = this.placement;
    const made = lossOnly(this.request.config, rankShape(this.request, cores));
    const loaded = await ChipFunction.of(made, { chip, ranks: cores, seed, fp8, advice });
    this.writeTables(loaded);
    return loaded;
  }

  /** A parameter or moment that is bad already, else the first tensor that a Program makes so. */
  private firstBad(batches: readonly Batch[], weight: number, lossIsFinite: boolean): string {
    for (const name of stateNames(this.request.config))
      if (floatsOf(this.home.readInput(name)).some((x) => !Number.isFinite(x))) return name;
    const { programs } = this;
    const found = "whole" in programs ? programs.whole.firstBad() : undefined;
    if (found) return found;
    if ("first" in programs)
      for (const batch of batches) {
        this.writeBatch(programs.first, batch, weight);
        const inBatch = programs.first.firstBad();
        if (inBatch) return inBatch;
      }
    return lossIsFinite ? "gradient_norm" : "loss";
  }

  private predict(): Prediction {
    const { config, shape } = this.request;
    const { chip, cores } = this.placement;
    const { programs } = this;
    const parts: readonly (readonly [ChipFunction, number])[] =
      "whole" in programs
        ? [[programs.whole, 1]]
        : [
            [programs.first, 1],
            [programs.more, shape.accumulate - 1],
            [programs.update, 1],
          ];
    const times = parts.map(([f, runs]) => ({ ...f.time(), runs }));
    const sum = (of: (t: PredictedTime) => number) => times.reduce((n, t) => n + of(t) * t.runs, 0);
    const stepNs = sum((t) => t.totalNs);
    const tokens = shape.batch * shape.sequence * shape.accumulate;
    const flops =
      3 *
      shape.accumulate *
      forwardFlops(config, { batch: shape.batch, seq: shape.sequence }).total;
    return {
      stepNs,
      low: sum((t) => t.low),
      high: sum((t) => t.high),
      tokensPerSecond: (tokens * 1e9) / stepNs,
      cores,
      // TFLOP/s are thousands of operations a nanosecond.
      mfu: flops / (chip.peakTflops.bf16.value * 1e3 * cores) / stepNs,
    };
  }
}

const rankShape = ({ shape, computeDtype }: TrainingEngineRequest, cores: number) => ({
  batch: shape.batch / cores,
  seq: shape.sequence,
  computeDtype,
});

/** Loss and gradients of one Program become what another adds to or updates with, rank by rank. */
function copyResults(from: ChipFunction, to: ChipFunction): void {
  for (const name of to.inputNames)
    if (from.gives(name) && (name === "loss" || name.startsWith("gradient.")))
      for (let rank = 0; rank < to.ranks; rank++)
        to.writeBytes(name, from.readBytes(name, rank), rank);
}
