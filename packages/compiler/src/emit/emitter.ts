/** Appends instructions to the Program of one group: tensors on chip, rings of them, and typed calls of instruction records. */
import type { Chip } from "@opentrn/chips";
import {
  type AnyInstruction,
  type Operand,
  type Program,
  ProgramBuilder,
  type StorageKind,
} from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { View } from "./view.ts";

type Operands<I extends AnyInstruction> = {
  readonly [K in keyof I["operands"]]?: View | number | undefined;
};
type Attrs<I extends AnyInstruction> = { readonly [K in keyof I["attrs"]]?: unknown };

/** An instruction that is not in the Program yet. */
export interface Pending {
  readonly op: AnyInstruction;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly attrs: Readonly<Record<string, unknown>>;
}

export class Emitter {
  readonly chip: Chip;
  readonly builder: ProgramBuilder;
  private names = 0;
  private aside: Pending[] | undefined;

  constructor(name: string, chip: Chip) {
    this.chip = chip;
    this.builder = new ProgramBuilder({ name, chip });
  }

  /** A tensor in HBM, row-major; scalars are [1]. */
  hbm(name: string, dtype: DType, shape: readonly number[], kind: StorageKind = "internal"): View {
    const whole = shape.length === 0 ? [1] : shape;
    const id = this.builder.declare({ name, space: "hbm", kind, dtype, shape: whole });
    if (kind === "output") this.builder.markOutput(id);
    return View.whole(id, "hbm", dtype, whole);
  }

  /** A constant in HBM. */
  constant(name: string, dtype: DType, shape: readonly number[], data: Uint8Array): View {
    const whole = shape.length === 0 ? [1] : shape;
    const id = this.builder.declare({
      name,
      space: "hbm",
      kind: "constant",
      dtype,
      shape: whole,
      data,
    });
    return View.whole(id, "hbm", dtype, whole);
  }

  /** A tensor in SBUF: [partitions, ...]. */
  sbuf(dtype: DType, shape: readonly number[], name = "t"): View {
    return this.onChip("sbuf", dtype, shape, name);
  }

  /** A tensor in PSUM: [partitions, ...]. */
  psum(dtype: DType, shape: readonly number[], name = "acc"): View {
    return this.onChip("psum", dtype, shape, name);
  }

  private onChip(
    space: "sbuf" | "psum",
    dtype: DType,
    shape: readonly number[],
    name: string,
  ): View {
    const id = this.builder.declare({
      name: `${name}_${this.names++}`,
      space,
      kind: "internal",
      dtype,
      shape,
    });
    return View.whole(id, space, dtype, shape);
  }

  /** Appends one instruction; numbers become immediates. Returns its index. */
  emit<I extends AnyInstruction>(op: I, operands: Operands<I>, attrs: Attrs<I> = {}): number {
    const given: Record<string, Operand> = {};
    for (const name in operands) {
      const value = operands[name] as View | number | undefined;
      if (value === undefined) continue;
      given[name] = typeof value === "number" ? immediate(value) : value.operand;
    }
    const made = { op, operands: given, attrs: attrs as Readonly<Record<string, unknown>> };
    if (!this.aside) return this.append(made);
    this.aside.push(made);
    return -1;
  }

  /** What `work` emits, kept aside instead of appended, so that it can be appended later or among others. Tensors stay declared. */
  collect(work: () => void): readonly Pending[] {
    const outer = this.aside;
    const mine: Pending[] = [];
    this.aside = mine;
    work();
    this.aside = outer;
    return mine;
  }

  /** Appends an instruction that was kept aside. Returns its index. */
  append({ op, operands, attrs }: Pending): number {
    return this.builder.emit(op, operands, attrs);
  }

  finish(): Program {
    return this.builder.finish();
  }
}

/** Integers of 32 bits travel exactly, everything else as fp32. */
const immediate = (value: number): Operand => {
  const whole = Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
  return whole && !Object.is(value, -0) ? { kind: "int", value } : { kind: "float", value };
};

/** `count` tensors that steps of a loop use in turn, so that one step's data outlives the next steps' writes. */
export const ring = (count: number, make: () => View): ((step: number) => View) => {
  const made: View[] = [];
  return (step) => {
    const i = step % count;
    made[i] ??= make();
    return made[i]!;
  };
};
