/**
 * A Program made ready to run: memory laid out and every instruction decoded once into a closure. Running replays the closures;
 * nothing is decoded per run, and no clock is read.
 */
import { OpenTrnError } from "@opentrn/base";
import { kernelReservedBytes, loadKernels } from "@opentrn/fast";
import { type Program, seedGenerators } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import { bindingBytes, widen } from "./binding-bytes.ts";
import { type Core, prepareCore } from "./core.ts";
import { CoreRun, type PrintedTensor } from "./core-run.ts";
import { type Launch, runTogether } from "./meet.ts";
import { MemoryMap } from "./memory-map.ts";
import { Observation, type Observer } from "./observer.ts";
import { type Carry, ResidentTensors, type TensorRef } from "./resident-tensors.ts";
import { storeTensor, tensorValues } from "./tensor-bytes.ts";

export interface PrepareOptions {
  /** Use the WebAssembly kernels where they exist (default), or the reference meanings only. */
  readonly fast?: boolean;
  /** False keeps narrow floats in fp32, so that rounding can be told from wrong algorithms. Default true. */
  readonly preciseFp?: boolean;
  /** Seed of the engines' generators. */
  readonly seed?: number;
  /** Stops a run-time loop that never ends; default 100 million executed instructions. */
  readonly maxSteps?: number;
  /** Outputs that become inputs after each `execute`: a step's new parameters are the next step's. */
  readonly carry?: readonly Carry[];
}

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
export interface Started<Outcome> {
  readonly launch: Launch;
  readonly finish: () => Outcome;
}

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
    this.maxSteps = options.maxSteps ?? 100_000_000;
    this.seed = options.seed ?? 0;
    const wide = options.preciseFp === false;
    this.map = new MemoryMap(program, placement, {
      reservedBytes: kernelReservedBytes,
      bindingBytes: options.fast === false ? 0 : bindingBytes(program),
      wide,
    });
    const kernels = options.fast === false ? undefined : loadKernels(this.map.memory);
    const calls = program.classes.map((c) => (wide ? widen(c.call, this.map) : c.call));
    this.cores = Array.from({ length: program.cores }, (_, core) =>
      prepareCore(program, this.map, core, calls, kernels?.exports),
    );
    this.fastCount = this.cores.reduce((n, c) => n + c.fastCount, 0);
    this.tensors = new ResidentTensors(program, this.map, options.carry ?? []);
    this.storeConstants();
  }

  /** Puts raw bytes into an input (or output); they stay there until they are written again or a run changes them. */
  write(tensor: TensorRef, data: Uint8Array): void {
    this.tensors.write(tensor, data);
  }

  /** A copy of the raw bytes of an output (or input). */
  read(tensor: TensorRef): Uint8Array {
    return this.tensors.read(tensor);
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
    const { program, map, tensors } = this;
    for (const id of program.outputs) {
      const { from, to } = map.hbmRange(program.storages[id]!);
      map.u8.fill(0, from, to);
    }
    this.storeConstants();
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
    for (const { state, context } of this.cores) {
      Object.assign(context.launch, { rank, ranks });
      state.scalarAccumulator.fill(0);
      state.vectorAccumulator.fill(0);
      state.registers.fill(0);
      seedGenerators(state.vectorRandom, this.seed);
      seedGenerators(state.gpsimdRandom, this.seed + 1);
    }
    const runs = this.cores.map((c) => new CoreRun(this.program, c, prints, this.maxSteps, seen));
    return {
      launch: { program: this.program, rank, ranks, runs },
      finish: () => ({
        prints,
        executed: this.cores.some((c) => c.looping) ? runs.map((r) => r.executed()) : undefined,
      }),
    };
  }

  private storeConstants(): void {
    for (const s of this.program.storages)
      if (s.kind === "constant" && s.data) storeTensor(this.map, s, s.data);
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
