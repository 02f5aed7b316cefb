/** Programs by hand for tests of ranks: tensors by shape, instructions by name, one source line an instruction. */
import { chipNamed } from "@opentrn/chips";
import {
  type AccessPattern,
  instructionNamed,
  type Operand,
  ProgramBuilder,
  type Space,
  type StorageKind,
} from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";

type HandOperand = AccessPattern | number | { readonly register: number };

export class Hand {
  readonly b: ProgramBuilder;
  private lines = 0;

  constructor(cores = 1) {
    this.b = new ProgramBuilder({ name: "hand", chip: chipNamed("trn2"), cores });
  }

  tensor(
    space: Space,
    dtype: DType,
    shape: readonly number[],
    name = "",
    kind: StorageKind = "internal",
  ): AccessPattern {
    const storage = this.b.declare({ name, space, kind, dtype, shape });
    if (kind === "output") this.b.markOutput(storage);
    const stride = (i: number): number =>
      space !== "hbm" && i === 0 ? 1 : shape.slice(i + 1).reduce((a, c) => a * c, 1);
    const dims = shape.map((n, i) => [stride(i), n] as const);
    return { storage, dtype, partition: 0, offset: 0, dims };
  }

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
    const line = this.b.line("hand.py", ++this.lines);
    this.b.emit(instructionNamed(name)!, Object.fromEntries(forms), attrs, line);
    return this;
  }
}

export const floatBytes = (values: Iterable<number>): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
export const wordBytes = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(values).buffer);
export const floatsOf = (b: Uint8Array): number[] => [...new Float32Array(b.slice().buffer)];
