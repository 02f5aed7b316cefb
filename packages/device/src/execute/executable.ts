/**
 * A Program made ready to run: memory laid out and every instruction decoded once into a closure. Running replays the closures;
 * nothing is decoded per run, and no clock is read.
 */
import { OpenTrnError } from "@opentrn/base";
import { kernelReservedBytes, loadKernels } from "@opentrn/fast";
import { type AnyCall, type Program, seedGenerators, type Tile } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import { type Core, prepareCore } from "./core.ts";
import { CoreRun, type PrintedTensor } from "./core-run.ts";
import { type Launch, runTogether } from "./meet.ts";
import { MemoryMap } from "./memory-map.ts";
import { Observation, type Observer } from "./observer.ts";
import { loadTensor, storeTensor, tensorValues } from "./tensor-bytes.ts";

export interface PrepareOptions {
  /** Use the WebAssembly kernels where they exist (default), or the reference meanings only. */
  readonly fast?: boolean;
  /** False keeps narrow floats in fp32, so that rounding can be told from wrong algorithms. Default true. */
  readonly preciseFp?: boolean;
  /** Seed of the engines' generators. */
  readonly seed?: number;
  /** Stops a run-time loop that never ends; default 100 million executed instructions. */
  readonly maxSteps?: number;
}

export interface RunOutcome {
  /** Raw bytes of `program.outputs`, in order. */
  readonly outputs: readonly Uint8Array[];
  /** Raw bytes of `program.inputs` after the run; kernels may write into inputs. */
  readonly inputsAfter: readonly Uint8Array[];
  readonly prints: readonly PrintedTensor[];
  /** Instruction indices in the order executed, per core; only for Programs with run-time loops. */
  readonly executed: readonly Uint32Array[] | undefined;
}

export class Executable {
  readonly program: Program;
  /** How many instructions run on the fast path. */
  readonly fastCount: number;
  private readonly map: MemoryMap;
  private readonly cores: readonly Core[];
  private readonly maxSteps: number;
  private readonly seed: number;

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

  /** Loads inputs and stands at the first instruction, as rank `rank` of `ranks`; `finish` reads the results after the run. */
  start(
    inputs: readonly Uint8Array[],
    rank = 0,
    ranks = 1,
    observer?: Observer,
  ): { readonly launch: Launch; readonly finish: () => RunOutcome } {
    this.reset(inputs);
    for (const c of this.cores) Object.assign(c.context.launch, { rank, ranks });
    const prints: PrintedTensor[] = [];
    const seen = observer && new Observation(observer);
    const runs = this.cores.map((c) => new CoreRun(this.program, c, prints, this.maxSteps, seen));
    const read = (id: number): Uint8Array => loadTensor(this.map, this.program.storages[id]!);
    return {
      launch: { program: this.program, rank, ranks, runs },
      finish: () => ({
        outputs: this.program.outputs.map(read),
        inputsAfter: this.program.inputs.map(read),
        prints,
        executed: this.cores.some((c) => c.looping) ? runs.map((r) => r.executed()) : undefined,
      }),
    };
  }

  private reset(inputs: readonly Uint8Array[]): void {
    const { program, map } = this;
    for (const c of this.cores) {
      c.state.scalarAccumulator.fill(0);
      c.state.vectorAccumulator.fill(0);
      c.state.registers.fill(0);
      seedGenerators(c.state.vectorRandom, this.seed);
      seedGenerators(c.state.gpsimdRandom, this.seed + 1);
    }
    for (const id of program.outputs) {
      const { from, to } = map.hbmRange(program.storages[id]!);
      map.u8.fill(0, from, to);
    }
    for (const s of program.storages)
      if (s.kind === "constant" && s.data) storeTensor(map, s, s.data);
    program.inputs.forEach((id, n) => {
      const s = program.storages[id]!;
      const data = inputs[n];
      if (data?.length !== s.rowBytes)
        throw new OpenTrnError(
          `input ${s.name} has ${data?.length ?? 0} bytes; ${s.dtype}[${s.shape}] needs ${s.rowBytes}`,
          { category: "bad input", rule: "input size" },
        );
      storeTensor(map, s, data);
    });
  }

  /** fp32 values of output `n` of the last run; with `preciseFp: false` these are not rounded to the output's type. */
  outputValues(n: number): Float32Array {
    return tensorValues(this.map, this.program.storages[this.program.outputs[n]!]!);
  }
}

/** A call with narrow floats replaced by fp32. */
function widen(call: AnyCall, map: MemoryMap): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile))
    tile[name] = t && { ...t, dtype: map.dtype(t.dtype) };
  return { ...call, tile };
}

/** Most that the commands, descriptors and constants of a Program can take: by class, whatever binders derive from an operand. */
function bindingBytes(program: Program): number {
  const most = Float64Array.from(
    program.classes,
    ({ op }) => CALL_BYTES + OPERAND_BYTES * Object.keys(op.operands).length,
  );
  let bytes = 65536;
  for (const c of program.classOf) bytes += most[c]!;
  return Math.ceil(bytes / 8) * 8;
}

/** Kernel calls of an instruction; descriptors and constants of an operand with the record of its run-time address. */
const CALL_BYTES = 384;
const OPERAND_BYTES = 256;

/** Lays out and decodes a Program once, ready to run many times. */
export const prepare = (
  program: Program,
  placement: Placement,
  options?: PrepareOptions,
): Executable => new Executable(program, placement, options);
