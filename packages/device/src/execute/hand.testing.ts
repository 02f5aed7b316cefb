/** Programs written by hand for tests: tensors by shape, instructions by name, one source line an instruction, cores by number. */
import type { Chip } from "@opentrn/chips";
import { chipNamed } from "@opentrn/chips";
import {
  type AccessPattern,
  instructionNamed,
  type Operand,
  type Program,
  ProgramBuilder,
  type Space,
  type StorageKind,
} from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { place } from "../placement/index.ts";
import { prepareRanks, runRanks } from "./ranks.ts";

type HandOperand = AccessPattern | number | { readonly register: number };

export class Hand {
  readonly b: ProgramBuilder;
  private line = 0;

  constructor(cores = 1, chip: Chip = chipNamed("trn2")) {
    this.b = new ProgramBuilder({ name: "hand", chip, cores });
  }

  tensor(
    space: Space,
    dtype: DType,
    shape: readonly number[],
    kind: StorageKind = "internal",
  ): AccessPattern {
    const storage = this.b.declare({ name: `${kind}${shape}`, space, kind, dtype, shape });
    if (kind === "output") this.b.markOutput(storage);
    const stride = (i: number): number =>
      space !== "hbm" && i === 0 ? 1 : shape.slice(i + 1).reduce((a, c) => a * c, 1);
    const dims = shape.map((n, i) => [stride(i), n] as const);
    return { storage, dtype, partition: 0, offset: 0, dims };
  }

  /** Appends an instruction; the n-th one stands on line n of `hand.py`. */
  op(
    name: string,
    operands: Readonly<Record<string, HandOperand>>,
    attrs: Readonly<Record<string, unknown>> = {},
  ): this {
    const forms = Object.entries(operands).map(([k, o]): [string, Operand] => [
      k,
      typeof o === "number"
        ? { kind: "float", value: o }
        : "storage" in o
          ? { kind: "tile", pattern: o }
          : { kind: "register", ...o },
    ]);
    const at = this.b.line("hand.py", ++this.line);
    this.b.emit(instructionNamed(name)!, Object.fromEntries(forms), attrs, at);
    return this;
  }

  core(n: number): this {
    this.b.setCore(n);
    return this;
  }

  /** fp32 values of the first output of every rank. */
  ranks(inputs: readonly (readonly Uint8Array[])[]): number[][] {
    const program = this.b.finish();
    const all = prepareRanks(program, place(program), inputs.length);
    return runRanks(all, inputs).map((r) => floatsOf(r.outputs[0]!));
  }

  program(): Program {
    return this.b.finish();
  }
}

export const floatBytes = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
export const wordBytes = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values).buffer);
export const floatsOf = (b: Uint8Array): number[] => [...new Float32Array(b.slice().buffer)];
