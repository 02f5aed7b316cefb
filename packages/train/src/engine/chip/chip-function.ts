/**
 * A function of `models` compiled for the chip and resident in its memory: inputs are written by name and stay, results are read by name.
 * Ranks are data-parallel copies, each a core with memory of its own.
 */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { checkMemory, compile, link, type Plan, timePlan } from "@opentrn/compiler";
import { type Placement, place } from "@opentrn/device";
import { type Data, parameterName, type TensorType } from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import type { ModelFunction } from "@opentrn/models";
import {
  evidenceOf,
  type RankGroup,
  rangeOf,
  startRanks,
  tensorOf,
  valuesOf,
} from "@opentrn/runtime";
import type { Say } from "../engines.ts";
import { firstBadBuffer } from "./first-bad-buffer.ts";

export interface ChipFunctionOptions {
  readonly chip: Chip;
  readonly ranks: number;
  /** Seed of the engines' generators. */
  readonly seed: number;
  /** Products of 16-bit operands in fp8. */
  readonly fp8: boolean;
  readonly say?: Say;
  /** What the user may do where HBM is too small. */
  readonly advice: string;
}

export interface PredictedTime {
  readonly totalNs: number;
  /** Nine measurements of ten are meant to lie between these. */
  readonly low: number;
  readonly high: number;
}

interface Slot {
  readonly type: TensorType;
  /** Number of the storage in the Program: names of results are the compiler's own. */
  readonly storage: number;
}

export class ChipFunction {
  private readonly plan: Plan;
  private readonly program: Program;
  private readonly placement: Placement;
  private readonly inputs = new Map<string, Slot>();
  private readonly outputs = new Map<string, Slot>();
  private readonly group: RankGroup;

  private constructor(
    made: ModelFunction,
    plan: Plan,
    program: Program,
    placement: Placement,
    group: RankGroup,
  ) {
    this.plan = plan;
    this.program = program;
    this.placement = placement;
    this.group = group;
    made.fn.params.forEach((v, i) => {
      this.inputs.set(parameterName(v), { type: v.type, storage: plan.inputs[i]! });
    });
    made.outputs.forEach((name, i) => {
      this.outputs.set(name, { type: made.fn.results[i]!.type, storage: plan.outputs[i]! });
    });
  }

  /** Compiles and loads. Stops with `unsupported here` for what is not lowered, `capacity` for what does not fit. */
  static async of(made: ModelFunction, options: ChipFunctionOptions): Promise<ChipFunction> {
    const { chip, ranks, seed, fp8, say, advice } = options;
    const { name } = made.fn;
    const plan = compile(made.fn, {
      chip,
      fp8,
      onModule: (_, done, total) => say?.(`compiling ${name}: ${done + 1} of ${total} modules`),
    });
    // Cores that are used share the chip's memory evenly.
    checkMemory(plan, chip.hbm.bytes.value / Math.min(ranks, chip.cores.value), advice);
    const program = link(plan);
    const placement = place(program, { tight: true });
    say?.(`loading ${name}`);
    const group = await startRanks(program, placement, { ranks, seed }).catch((e) => {
      throw hostFault(e);
    });
    return new ChipFunction(made, plan, program, placement, group);
  }

  get ranks(): number {
    return this.group.ranks;
  }
  get inputNames(): readonly string[] {
    return [...this.inputs.keys()];
  }
  takes(name: string): boolean {
    return this.inputs.has(name);
  }
  gives(name: string): boolean {
    return this.outputs.has(name);
  }
  /** Predicted time of one run, and where it may lie. */
  time(): PredictedTime {
    const { totalNs, modules } = timePlan(this.plan);
    const ranges = modules.map((m) => ({ ...rangeOf(evidenceOf([m.timeline])), calls: m.calls }));
    return {
      totalNs,
      low: ranges.reduce((n, r) => n + r.low * r.calls, 0),
      high: ranges.reduce((n, r) => n + r.high * r.calls, 0),
    };
  }

  /** Rounds numbers to the input's type and puts them into the memory of one rank, or of all. */
  write(name: string, values: ArrayLike<number>, rank?: number): void {
    const { type } = this.inputs.get(name)!;
    this.writeBytes(name, tensorOf(type.dtype, type.shape, values).bytes, rank);
  }

  writeBytes(name: string, bytes: Uint8Array, rank?: number): void {
    const { storage } = this.inputs.get(name)!;
    for (let r = rank ?? 0; r <= (rank ?? this.ranks - 1); r++) this.group.write(r, storage, bytes);
  }

  /** Raw bytes of a result, or of an input as it was written. */
  readBytes(name: string, rank = 0): Uint8Array {
    return this.group.read(rank, (this.outputs.get(name) ?? this.inputs.get(name))!.storage);
  }

  /** The input with that name, where a result has the same. */
  readInput(name: string): Uint8Array {
    return this.group.read(0, this.inputs.get(name)!.storage);
  }

  /** Makes a result the input of that name, on every rank, without leaving their memories. */
  carry(name: string): void {
    const [from, to] = [this.outputs.get(name)!.storage, this.inputs.get(name)!.storage];
    for (let r = 0; r < this.ranks; r++) this.group.copy(r, from, to);
  }

  /** Numbers of a result. */
  read(name: string, rank = 0): Data {
    const { type, storage } = this.outputs.get(name)!;
    const bytes = this.group.read(rank, storage);
    if (type.dtype === "float32") return floatsOf(bytes);
    return valuesOf({ dtype: type.dtype, shape: type.shape, bytes });
  }

  async execute(): Promise<void> {
    await this.group.execute();
  }

  /** Runs again on the inputs as they are, for the first tensor that is not finite; undefined when all are. */
  firstBad(): string | undefined {
    const { plan, program, placement, ranks, group } = this;
    const input = (rank: number, storage: number) => group.read(rank, storage);
    return firstBadBuffer({ plan, program, placement, ranks, input });
  }

  close(): Promise<void> {
    return this.group.close();
  }
}

/** This host's memory, where it and not the chip's is too small: what is left then is to ask for time and cost alone. */
function hostFault(e: unknown): unknown {
  if (!(e instanceof OpenTrnError && e.rule === "host memory")) return e;
  return new OpenTrnError(
    `${e.message.split(";")[0]}; take a smaller model or batch, or see its time and cost without running it: trn compile`,
    { category: e.category, rule: e.rule },
  );
}

/** fp32 numbers in those bytes, which are a copy of their own. */
export const floatsOf = (bytes: Uint8Array): Float32Array =>
  bytes.byteOffset % 4 === 0
    ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    : new Float32Array(bytes.slice().buffer);
