/**
 * A Program: instructions over named storages, as data. Built once, then executed, timed, verified, printed or saved; running
 * never changes it. Instructions stay in their compact words; `classes` hold what many instructions share (operation, shapes,
 * attributes), so that rules, costs and kernels are looked up once a class and not once an instruction.
 */

import type { SourceLocation } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { AnyCall, AnyInstruction, Engine } from "../define.ts";
import type { Operand, Storage } from "./pattern.ts";

export interface InstructionClass {
  readonly id: number;
  readonly op: AnyInstruction;
  readonly call: AnyCall;
  readonly engine: Engine;
}

export interface SourceLine extends SourceLocation {
  readonly function: string;
}

/** A Python or TypeScript value printed from the device: `nl.device_print`. */
export interface DevicePrint {
  /** Index of the instruction it comes before. */
  readonly before: number;
  readonly core: number;
  readonly prefix: string;
  readonly operand: Operand;
}

export interface Program {
  readonly name: string;
  readonly chip: Chip;
  /** Cores of the launch (LNC). */
  readonly cores: number;
  readonly storages: readonly Storage[];
  readonly lines: readonly SourceLine[];
  readonly strings: readonly string[];
  /** Word offset of every instruction, in program order. */
  readonly starts: Uint32Array;
  readonly words: Int32Array;
  readonly classOf: Uint32Array;
  readonly classes: readonly InstructionClass[];
  /** Core that runs each instruction. */
  readonly coreOf: Uint8Array;
  /** Storages returned to the caller, in order. */
  readonly outputs: readonly number[];
  readonly inputs: readonly number[];
  /** Extra edges `[consumer, producer]` from `depends_on`. */
  readonly depends: readonly (readonly [number, number])[];
  /** Half-open ranges of instructions that must keep program order. */
  readonly ordered: readonly (readonly [number, number])[];
  readonly prints: readonly DevicePrint[];
  readonly warnings: readonly Warning[];
}

/** Something a user should know that does not stop the Program. */
export interface Warning extends Partial<SourceLocation> {
  readonly rule: string;
  readonly message: string;
}

/** One decoded instruction. Operand order is the record's. */
export interface DecodedInstruction {
  readonly index: number;
  readonly op: AnyInstruction;
  readonly line: number;
  readonly operands: Readonly<Record<string, Operand | undefined>>;
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** The user's source line of an instruction. */
export function locationOf(program: Program, index: number): SourceLocation | undefined {
  const line = program.lines[program.words[program.starts[index]! + 1]!];
  return line && line.line > 0 ? { file: line.file, line: line.line } : undefined;
}
