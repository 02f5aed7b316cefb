/**
 * What an instruction is: its operands, attributes, rules, meaning, engine and cost, in one record. Everything else (builders,
 * Python signatures, verifier messages, documentation, fuzzing, coverage) is derived from these records.
 */

import type { Chip } from "@opentrn/chips";
import type { ActivationName, AluName, DType } from "@opentrn/numerics";

/** Processing units of a NeuronCore; `dma` stands for the DMA queues. */
export const engines = ["tensor", "vector", "scalar", "gpsimd", "sync", "dma"] as const;
export type Engine = (typeof engines)[number];
export type Space = "sbuf" | "psum" | "hbm";
export type Generation = 2 | 3 | 4;

export interface OperandSpec {
  readonly role: "in" | "out" | "inout";
  readonly spaces: readonly Space[];
  /** Absent: every dtype. */
  readonly dtypes?: readonly DType[];
  /** Also takes an immediate number; the tile form is then a (P,1) vector or a whole tile, as the rules say. */
  readonly scalar?: true;
  /** Takes a register (and only that unless `scalar`). */
  readonly register?: true;
  readonly optional?: true;
  /** Elements the call does not select are left alone, so unwritten ones among them are no uninitialised read. */
  readonly keeps?: true;
  /** First partitions inside a quadrant of 32 that the operand may start at, instead of rule G2. */
  readonly quadrantOffsets?: readonly number[];
  /** Element of the Python list parameter of that name, in order of declaration. */
  readonly list?: string;
  /** Takes tensor indirection (`.indirect(index)`, NeuronCore-v4 on). */
  readonly indirect?: true;
  /** Immediate used when the caller leaves the operand out. */
  readonly default?: number;
  readonly doc: string;
}

export type AttrSpec =
  | { readonly kind: "bool"; readonly default?: boolean; readonly doc: string }
  | { readonly kind: "int"; readonly default?: number; readonly doc: string }
  | { readonly kind: "float"; readonly default?: number; readonly doc: string }
  | {
      readonly kind: "enum";
      readonly values: readonly string[];
      readonly default?: string;
      readonly doc: string;
    }
  /** An ALU operation of `nki.language` (or none, when optional). */
  | {
      readonly kind: "alu";
      readonly optional?: true;
      readonly default?: AluName;
      readonly doc: string;
    }
  /** An activation function of `nki.language`. */
  | { readonly kind: "activation"; readonly doc: string }
  /** True, false or left to the builder (`undefined`), which settles it before the instruction is stored. */
  | { readonly kind: "tristate"; readonly doc: string }
  /** A flat list of integers; patterns are flattened pairs. */
  | { readonly kind: "ints"; readonly default?: readonly number[]; readonly doc: string };

type AttrValue<A extends AttrSpec> = A extends { kind: "bool" }
  ? boolean
  : A extends { kind: "tristate" }
    ? boolean | undefined
    : A extends { kind: "int" | "float" }
      ? number
      : A extends { kind: "enum"; values: readonly (infer V)[] }
        ? V
        : A extends { kind: "alu"; optional: true }
          ? AluName | undefined
          : A extends { kind: "alu" }
            ? AluName
            : A extends { kind: "activation" }
              ? ActivationName
              : readonly number[];

/** The shape of one operand as an engine sees it; says nothing of where in memory it lies. */
export interface Tile {
  readonly space: Space;
  readonly dtype: DType;
  /** Partitions on chip; for HBM the count of the outermost dimension. */
  readonly partitions: number;
  /** First partition on chip; 0 for HBM. */
  readonly startPartition: number;
  /** Elements per partition (all dimensions after the first). */
  readonly free: number;
  /** Counts of every dimension, the first one included. */
  readonly shape: readonly number[];
  /** Strides in elements of the dimensions after the first (HBM: of all). */
  readonly strides: readonly number[];
  /** Byte offset inside the partition row of a PSUM operand; 0 elsewhere. */
  readonly psumOffset: number;
  /** Run-time addressing of this operand, if any. */
  readonly dynamic: "none" | "scalar" | "vector" | "indirect";
  /** The tile that holds the run-time offsets; absent for static operands and registers. */
  readonly index?: Tile;
}

type MaybeTile<S extends OperandSpec> = S extends
  | { optional: true }
  | { scalar: true }
  | { register: true }
  ? Tile | undefined
  : Tile;

/** One instruction as rules, meaning and cost see it. */
export interface Call<
  S extends Readonly<Record<string, OperandSpec>> = Readonly<Record<string, OperandSpec>>,
  A extends Readonly<Record<string, AttrSpec>> = Readonly<Record<string, AttrSpec>>,
> {
  readonly tile: { readonly [K in keyof S]: MaybeTile<S[K]> };
  /** Immediate operands, where the call has them. */
  readonly immediate: { readonly [K in keyof S]?: number };
  /** Operands given as registers. */
  readonly register: { readonly [K in keyof S]?: number };
  readonly attr: { readonly [K in keyof A]: AttrValue<A[K]> };
  readonly chip: Chip;
  /** The engine that runs it: the user's choice or the default. */
  readonly engine: Engine;
}

/** A call with its operand names forgotten, for helpers that serve many instructions. */
export interface AnyCall {
  readonly tile: Readonly<Record<string, Tile | undefined>>;
  readonly immediate: Readonly<Record<string, number | undefined>>;
  readonly register: Readonly<Record<string, number | undefined>>;
  readonly attr: Readonly<Record<string, unknown>>;
  readonly chip: Chip;
  readonly engine: Engine;
}

export interface Rule<
  S extends Readonly<Record<string, OperandSpec>>,
  A extends Readonly<Record<string, AttrSpec>>,
> {
  readonly says: string;
  /** What is wrong and how to fix it, or undefined when the rule holds. */
  readonly broken: (call: Call<S, A>) => string | undefined;
}

/** State that outlives an instruction on one core: accumulators, generators and registers. */
export interface CoreState {
  /** ScalarE accumulator of `activation(reduce_cmd)`, one fp32 a partition. */
  readonly scalarAccumulator: Float32Array;
  /** VectorE accumulator of the reduce forms, one fp32 a partition. */
  readonly vectorAccumulator: Float32Array;
  /** VectorE generator state (our own, see docs/deviations.md). */
  readonly vectorRandom: Uint32Array;
  /** GpSimd XORWOW state: 128 lanes of 6 words. */
  readonly gpsimdRandom: Uint32Array;
  /** Registers, as 32-bit integers. */
  readonly registers: Int32Array;
}

/** Dense operand data, partition-major: fp32 values, or raw zero-extended bits where the record says so. */
export type OperandData = Float32Array | Uint32Array;

export type Basis = "documented" | "derived" | "measured" | "assumed";

/** Occupancy and latency in cycles of the engine's own clock. */
export interface EngineCost {
  /** Cycles until the engine can start the next instruction. */
  readonly interval: number;
  /** Cycles from start until the result is visible (before semaphores). */
  readonly latency: number;
}

export type CostRecord<
  S extends Readonly<Record<string, OperandSpec>>,
  A extends Readonly<Record<string, AttrSpec>>,
> =
  | {
      readonly kind: "engine";
      readonly basis: Basis;
      readonly formula: string;
      readonly source: string;
      readonly cycles: (call: Call<S, A>) => EngineCost;
    }
  /** Moved by the DMA engines; the queues, packets and bandwidth of the chip say how long it takes. */
  | {
      readonly kind: "dma";
      readonly basis: Basis;
      readonly formula: string;
      readonly source: string;
    }
  /** Moved between ranks by the collective cores; the group, the machine and the chip's facts say how long it takes. */
  | {
      readonly kind: "fabric";
      readonly basis: Basis;
      readonly formula: string;
      readonly source: string;
    }
  /** No figure is published; the fallback is used and reported as outside the validated envelope. */
  | {
      readonly kind: "unknown";
      readonly why: string;
      readonly cycles: (call: Call<S, A>) => EngineCost;
    };

export interface Instruction<
  S extends Readonly<Record<string, OperandSpec>> = Readonly<Record<string, OperandSpec>>,
  A extends Readonly<Record<string, AttrSpec>> = Readonly<Record<string, AttrSpec>>,
> {
  /** Name as NKI writes it, e.g. `nc_matmul`. */
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly generations: readonly Generation[];
  readonly operands: S;
  readonly attrs: A;
  /** Python module of the function where it is not `nki.isa`. */
  readonly module?: "nki.collectives";
  /** Documented parameter order of the Python function; names of operands and attributes (list elements one by one). */
  readonly params: readonly string[];
  /** Engines that may run it, by generation, the default first. */
  readonly engines: (chip: Chip) => readonly Engine[];
  /** The engine for this call when the user leaves it open; must be one of `engines`. Default: the first. */
  readonly chooseEngine?: (call: Omit<Call<S, A>, "engine">) => Engine;
  readonly rules: Readonly<Record<`C${number}`, Rule<S, A>>>;
  /** Operands handed to `evaluate` as raw bits instead of fp32 values. */
  readonly bits?: (call: Call<S, A>) => readonly (keyof S)[];
  /** Whether an `inout` operand is read by a call with these attributes; default: always. */
  readonly readsOperand?: (operand: string, attrs: Readonly<Record<string, unknown>>) => boolean;
  /** The exact meaning on dense data; outputs are written into `data`. Control instructions have none. */
  readonly evaluate: (
    data: Readonly<Record<keyof S, OperandData>>,
    call: Call<S, A>,
    state: CoreState,
  ) => void;
  readonly cost: CostRecord<S, A>;
  /** Handled by the executor itself: loops, barriers, register moves. */
  readonly control?: true;
}

/** Declares an instruction; keeps operand and attribute names in its type. */
export const instruction = <
  const S extends Readonly<Record<string, OperandSpec>>,
  const A extends Readonly<Record<string, AttrSpec>>,
>(
  record: Instruction<S, A>,
): Instruction<S, A> => record;

/** An instruction with its operand names forgotten, as tables hold it. */
// biome-ignore lint/suspicious/noExplicitAny: tables hold records of many operand shapes; each record itself is checked.
export type AnyInstruction = Instruction<any, any>;
