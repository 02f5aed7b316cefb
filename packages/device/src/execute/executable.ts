/**
 * A Program made ready to run: memory laid out and every instruction decoded once into a closure. Running replays the closures;
 * nothing is decoded per run, and no clock is read.
 */
import { OpenTrnError } from "@opentrn/base";
import { bindFast, kernelReservedBytes, loadKernels } from "@opentrn/fast";
import {
  type AnyCall,
  type CoreState,
  type DecodedInstruction,
  type DevicePrint,
  decodeInstruction,
  locationOf,
  MAX_REGISTERS,
  type Program,
  type Storage,
  type Tile,
} from "@opentrn/isa";
import { bytesOf, type DType, decode, encode } from "@opentrn/numerics";
import type { Placement } from "../placement/index.ts";
import { controlJumps, type Jump, matchLoops } from "./control.ts";
import { elementOffsets, readDense } from "./dense.ts";
import { fastStep } from "./fast-step.ts";
import { MemoryMap } from "./memory-map.ts";
import type { LayoutContext } from "./operand.ts";
import { referenceStep } from "./reference.ts";

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

export interface PrintedTensor {
  readonly prefix: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** fp32 values, row-major. */
  readonly values: Float32Array;
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

type Step = () => void;

interface Core {
  readonly indices: Uint32Array;
  readonly steps: (Step | undefined)[];
  readonly jumps: (Jump | undefined)[];
  readonly state: CoreState;
  readonly context: LayoutContext;
}

export class Executable {
  readonly program: Program;
  /** How many instructions run on the fast path. */
  readonly fastCount: number;
  private readonly map: MemoryMap;
  private readonly cores: Core[] = [];
  private readonly wide: boolean;
  private readonly maxSteps: number;
  private readonly seed: number;

  constructor(program: Program, placement: Placement, options: PrepareOptions = {}) {
    this.program = program;
    this.wide = options.preciseFp === false;
    this.maxSteps = options.maxSteps ?? 100_000_000;
    this.seed = options.seed ?? 0;
    const decoded = Array.from(program.starts, (_, i) => decodeInstruction(program, i));
    this.map = new MemoryMap(program, placement, {
      reservedBytes: kernelReservedBytes,
      descriptors: countDescriptors(decoded),
      wide: this.wide,
    });
    const kernels = options.fast === false ? undefined : loadKernels(this.map.memory);
    const calls = program.classes.map((c) => (this.wide ? this.widen(c.call) : c.call));
    let fast = 0;
    for (let core = 0; core < program.cores; core++) {
      const mine = decoded.filter((i) => program.coreOf[i.index] === core);
      const indices = Uint32Array.from(mine, (i) => i.index);
      const registers = new Int32Array(MAX_REGISTERS);
      const context: LayoutContext = { map: this.map, storages: program.storages, core, registers };
      const at = this.map.state[core]!;
      const state: CoreState = {
        scalarAccumulator: this.map.f32.subarray(
          at.scalarAccumulator >>> 2,
          (at.scalarAccumulator >>> 2) + 128,
        ),
        vectorAccumulator: this.map.f32.subarray(
          at.vectorAccumulator >>> 2,
          (at.vectorAccumulator >>> 2) + 128,
        ),
        vectorRandom: new Uint32Array(128 * 24),
        gpsimdRandom: new Uint32Array(128 * 6),
        registers,
      };
      // Control instructions count in positions of this core's own list.
      const local = mine.map((i, index) => ({ ...i, index }));
      const pairs = matchLoops(local);
      const steps: (Step | undefined)[] = [];
      const jumps: (Jump | undefined)[] = [];
      for (const i of local) {
        const original = mine[i.index]!;
        try {
          const make = i.op.control ? controlJumps[i.op.name] : undefined;
          if (make) {
            jumps.push(make(context, i, pairs.get(i.index) ?? 0, (n) => local[n]!));
            steps.push(undefined);
            continue;
          }
          const call = calls[program.classOf[original.index]!]!;
          const quick = kernels && fastStep(kernels, context, original, call, at, bindFast);
          if (quick) fast++;
          steps.push(quick ?? referenceStep(context, original, call, state));
          jumps.push(undefined);
        } catch (e) {
          throw this.located(e, original.index);
        }
      }
      this.cores.push({ indices, steps, jumps, state, context });
    }
    this.fastCount = fast;
  }

  /** A call with narrow floats replaced by fp32. */
  private widen(call: AnyCall): AnyCall {
    const tile: Record<string, Tile | undefined> = {};
    for (const [name, t] of Object.entries(call.tile))
      tile[name] = t && { ...t, dtype: this.map.dtype(t.dtype) };
    return { ...call, tile };
  }

  /** Runs the Program on `inputs` (raw bytes of `program.inputs`, in order). Same inputs, same outputs, to the byte. */
  run(inputs: readonly Uint8Array[]): RunOutcome {
    this.reset(inputs);
    const prints: PrintedTensor[] = [];
    const looping = this.cores.some((c) => c.jumps.some((j) => j !== undefined));
    const executed = looping ? this.cores.map((c) => this.runWithJumps(c, prints)) : undefined;
    if (!looping) for (const c of this.cores) this.runStraight(c, prints);
    const read = (id: number): Uint8Array => this.bytesOf(this.program.storages[id]!);
    return {
      outputs: this.program.outputs.map(read),
      inputsAfter: this.program.inputs.map(read),
      prints,
      executed,
    };
  }

  private runStraight(c: Core, prints: PrintedTensor[]): void {
    const { steps } = c;
    let at = 0;
    try {
      if (this.program.prints.length === 0) for (; at < steps.length; at++) steps[at]!();
      else
        for (; at <= steps.length; at++) {
          this.print(c, at, prints);
          steps[at]?.();
        }
    } catch (e) {
      throw this.located(e, c.indices[at]!);
    }
  }

  private runWithJumps(c: Core, prints: PrintedTensor[]): Uint32Array {
    let trace = new Uint32Array(Math.max(1024, c.steps.length * 2));
    let n = 0;
    let at = 0;
    try {
      while (at < c.steps.length) {
        if (this.program.prints.length > 0) this.print(c, at, prints);
        if (n >= this.maxSteps)
          throw new OpenTrnError(
            `the kernel executed more than ${this.maxSteps} instructions; a run-time loop may never end`,
            { category: "limit reached", rule: "max-steps" },
          );
        if (n === trace.length) {
          const bigger = new Uint32Array(n * 2);
          bigger.set(trace);
          trace = bigger;
        }
        trace[n++] = c.indices[at]!;
        const jump = c.jumps[at];
        if (jump) at = jump();
        else c.steps[at++]!();
      }
      if (this.program.prints.length > 0) this.print(c, at, prints);
    } catch (e) {
      throw this.located(e, c.indices[Math.min(at, c.indices.length - 1)]!);
    }
    return trace.slice(0, n);
  }

  private print(c: Core, at: number, prints: PrintedTensor[]): void {
    const next = at < c.indices.length ? c.indices[at]! : this.program.starts.length;
    for (const p of this.program.prints) if (p.before === next) prints.push(this.printed(c, p));
  }

  private printed(c: Core, p: DevicePrint): PrintedTensor {
    if (p.operand.kind !== "tile")
      return {
        prefix: p.prefix,
        dtype: "int32",
        shape: [],
        values: Float32Array.of(
          p.operand.kind === "register" ? c.state.registers[p.operand.register]! : p.operand.value,
        ),
      };
    const { pattern } = p.operand;
    const { address, strides } = this.map.locate(pattern, c.context.core);
    const counts = pattern.dims.map((d) => d[1]);
    const dtype = this.map.dtype(pattern.dtype);
    const values = readDense(
      this.map,
      { address, strides, counts, dtype },
      elementOffsets(strides, counts),
      false,
    );
    return {
      prefix: p.prefix,
      dtype: pattern.dtype,
      shape: counts,
      values: values as Float32Array,
    };
  }

  private located(e: unknown, index: number): unknown {
    if (e instanceof OpenTrnError && !e.at) e.at = locationOf(this.program, index);
    return e;
  }

  private reset(inputs: readonly Uint8Array[]): void {
    const { program, map } = this;
    for (const c of this.cores) {
      c.state.scalarAccumulator.fill(0);
      c.state.vectorAccumulator.fill(0);
      c.state.registers.fill(0);
      seedLanes(c.state.vectorRandom, this.seed);
      seedLanes(c.state.gpsimdRandom, this.seed + 1);
    }
    for (const id of program.outputs) {
      const { from, to } = map.hbmRange(program.storages[id]!);
      map.u8.fill(0, from, to);
    }
    for (const s of program.storages) if (s.kind === "constant" && s.data) this.store(s, s.data);
    program.inputs.forEach((id, n) => {
      const s = program.storages[id]!;
      const data = inputs[n];
      if (data?.length !== s.rowBytes)
        throw new OpenTrnError(
          `input ${s.name} has ${data?.length ?? 0} bytes; ${s.dtype}[${s.shape}] needs ${s.rowBytes}`,
          { category: "bad input", rule: "input size" },
        );
      this.store(s, data);
    });
  }

  /** Puts raw bytes of a storage's own type into memory. */
  private store(s: Storage, data: Uint8Array): void {
    const { from } = this.map.hbmRange(s);
    if (!this.wide || this.map.dtype(s.dtype) === s.dtype) {
      this.map.u8.set(data, from);
      return;
    }
    const size = bytesOf(s.dtype);
    for (let i = 0; i * size < data.length; i++)
      this.map.f32[(from >>> 2) + i] = decode(littleEndian(data, i * size, size), s.dtype);
  }

  /** Raw bytes of a storage in its own type. */
  private bytesOf(s: Storage): Uint8Array {
    const { from, to } = this.map.hbmRange(s);
    if (!this.wide || this.map.dtype(s.dtype) === s.dtype) return this.map.u8.slice(from, to);
    const size = bytesOf(s.dtype);
    const out = new Uint8Array(s.rowBytes);
    for (let i = 0; i * size < out.length; i++) {
      const bits = encode(this.map.f32[(from >>> 2) + i]!, s.dtype);
      for (let b = 0; b < size; b++) out[i * size + b] = bits >>> (8 * b);
    }
    return out;
  }

  /** fp32 values of output `n` of the last run; with `preciseFp: false` these are not rounded to the output's type. */
  outputValues(n: number): Float32Array {
    const s = this.program.storages[this.program.outputs[n]!]!;
    const { from } = this.map.hbmRange(s);
    const dtype = this.map.dtype(s.dtype);
    const counts = [s.rowBytes / bytesOf(s.dtype)];
    const strides = [bytesOf(dtype)];
    return readDense(
      this.map,
      { address: from, strides, counts, dtype },
      elementOffsets(strides, counts),
      false,
    ) as Float32Array;
  }
}

function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let bits = 0;
  for (let b = size - 1; b >= 0; b--) bits = bits * 256 + bytes[at + b]!;
  return bits;
}

/** Generator state of every lane from one seed (our own choice: the chip's reset state is not published). */
function seedLanes(state: Uint32Array, seed: number): void {
  let z = (seed ^ 0x9e3779b9) >>> 0;
  for (let i = 0; i < state.length; i++) {
    z = (Math.imul(z ^ (z >>> 16), 0x21f0aaad) + i + 1) >>> 0;
    state[i] = z;
  }
}

const countDescriptors = (decoded: readonly DecodedInstruction[]): number =>
  decoded.reduce(
    (n, i) => n + Object.values(i.operands).filter((o) => o !== undefined).length * 2,
    64,
  );

/** Lays out and decodes a Program once, ready to run many times. */
export const prepare = (
  program: Program,
  placement: Placement,
  options?: PrepareOptions,
): Executable => new Executable(program, placement, options);
