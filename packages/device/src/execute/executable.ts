/**
 * A Program made ready to run: memory laid out and every instruction decoded once into a closure. Running replays the closures;
 * nothing is decoded per run, and no clock is read.
 */
import { OpenTrnError } from "@opentrn/base";
import type { Program } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import { type Core, resetCore } from "./core.ts";
import { CoreRun, type PrintedTensor, type Runner } from "./core-run.ts";
import { type Launch, runTogether } from "./meet.ts";
import type { MemoryMap } from "./memory-map.ts";
import { Observation, type Observer } from "./observer.ts";
import { mapFor, type PrepareOptions, prepareCores } from "./prepare-cores.ts";
import { ResidentTensors, type TensorRef } from "./resident-tensors.ts";
import { tensorValues } from "./tensor-bytes.ts";

export type { PrepareOptions } from "./prepare-cores.ts";

/** What an execution says besides the tensors it leaves in HBM. */
export interface ExecuteOutcome {
  readonly prints: readonly PrintedTensor[];
  /** Instruction indices in the order executed, per core; only for Programs with run-time loops. */
  readonly executed: readonly Uint32Array[] | undefined;
}

export interface RunOutcome extends ExecuteOutcome {
  /** Raw bytes of `program.outputs`, in order. */
  readonly outputs: readonly Uint8Array[];
  /** Raw bytes of `program.inputs` after the run; kernels may write into inputs. */
  readonly inputsAfter: readonly Uint8Array[];
}

/** An executable at its first instruction; `finish` says what came of it once its cores have ended. */
export interface Started<Outcome, Run extends Runner = CoreRun> {
  readonly launch: Launch<Run>;
  readonly finish: () => Outcome;
}

/** Executed instructions of a core after which a run-time loop counts as endless. */
export const DEFAULT_MAX_STEPS = 100_000_000;

export class Executable {
  readonly program: Program;
  /** How many instructions run on the fast path. */
  readonly fastCount: number;
  private readonly map: MemoryMap;
  private readonly cores: readonly Core[];
  private readonly maxSteps: number;
  private readonly seed: number;
  private readonly tensors: ResidentTensors;

  constructor(program: Program, placement: Placement, options: PrepareOptions = {}) {
    this.program = program;
    this.maxSteps = options.maxSteps ?? DEFAULT_MAX_STEPS;
    this.seed = options.seed ?? 0;
    this.map = mapFor(program, placement, options);
    const cores = Array.from({ length: program.cores }, (_, core) => core);
    this.cores = prepareCores(program, this.map, options, cores);
    this.fastCount = this.cores.reduce((n, c) => n + c.fastCount, 0);
    this.tensors = new ResidentTensors(program, this.map, options.carry ?? []);
    this.tensors.storeConstants();
  }

  /** Puts raw bytes into an input (or output); they stay there until they are written again or a run changes them. */
  write(tensor: TensorRef, data: Uint8Array): void {
    this.tensors.write(tensor, data);
  }

  /** A copy of the raw bytes of an output (or input). */
  read(tensor: TensorRef): Uint8Array {
    return this.tensors.read(tensor);
  }

  /** Makes the bytes of an output (or input) those of an input of the same type and size, within HBM: a step's results the next one's. */
  copy(from: TensorRef, to: TensorRef): void {
    this.tensors.copy(from, to);
  }

  /**
   * Runs the Program on what HBM holds and leaves the results there; registers, accumulators and generators start anew. Outputs keep what
   * the Program does not write. Throws `bad input` when an input was never written.
   */
  execute(observer?: Observer): ExecuteOutcome {
    const started = this.startResident(0, 1, observer);
    runTogether([started.launch]);
    return started.finish();
  }

  /**
   * Runs the Program on `inputs` (raw bytes of `program.inputs`, in order). Same inputs, same outputs, to the byte. An observer sees
   * instructions as they finish.
   */
  run(inputs: readonly Uint8Array[], observer?: Observer): RunOutcome {
    const started = this.start(inputs, 0, 1, observer);
    runTogether([started.launch]);
    return started.finish();
  }

  /** What the Program prints on `inputs`. Cores that wait for ever only end the run: the other side may not be traced yet. */
  printed(inputs: readonly Uint8Array[]): readonly PrintedTensor[] {
    const started = this.start(inputs);
    try {
      runTogether([started.launch]);
    } catch (e) {
      if (!(e instanceof OpenTrnError && e.rule === "deadlock")) throw e;
    }
    return started.finish().prints;
  }

  /** Loads inputs and stands at the first instruction, as rank `rank` of `ranks`. */
  start(
    inputs: readonly Uint8Array[],
    rank = 0,
    ranks = 1,
    observer?: Observer,
  ): Started<RunOutcome> {
    const { program, tensors } = this;
    tensors.clearOutputs();
    tensors.storeConstants();
    tensors.writeInputs(inputs);
    const { launch, finish } = this.stand(rank, ranks, observer);
    return {
      launch,
      finish: () => ({
        outputs: program.outputs.map((id) => tensors.read(id)),
        inputsAfter: program.inputs.map((id) => tensors.read(id)),
        ...finish(),
      }),
    };
  }

  /** Stands at the first instruction with HBM as it is; `finish` carries outputs over to inputs. */
  startResident(rank = 0, ranks = 1, observer?: Observer): Started<ExecuteOutcome> {
    this.tensors.checkWritten();
    const { launch, finish } = this.stand(rank, ranks, observer);
    return {
      launch,
      finish: () => {
        this.tensors.carry();
        return finish();
      },
    };
  }

  /** Cores as after a reset, at the first instruction. */
  private stand(rank: number, ranks: number, observer?: Observer): Started<ExecuteOutcome> {
    const prints: PrintedTensor[] = [];
    const seen = observer && new Observation(observer);
    for (const c of this.cores) resetCore(c, this.seed, rank, ranks);
    const runs = this.cores.map((c) => new CoreRun(this.program, c, prints, this.maxSteps, seen));
    return {
      launch: { program: this.program, rank, ranks, runs },
      finish: () => ({
        prints,
        executed: this.cores.some((c) => c.looping) ? runs.map((r) => r.executed()) : undefined,
      }),
    };
  }

  /** fp32 values of output `n` of the last run; with `preciseFp: false` these are not rounded to the output's type. */
  outputValues(n: number): Float32Array {
    return tensorValues(this.map, this.program.storages[this.program.outputs[n]!]!);
  }
}

/** Lays out and decodes a Program once, ready to run many times. */
export const prepare = (
  program: Program,
  placement: Placement,
  options?: PrepareOptions,
): Executable => new Executable(program, placement, options);
