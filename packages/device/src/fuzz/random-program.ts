/**
 * Random valid Programs around one instruction, made from its record: HBM inputs are carried on chip, the instruction runs once
 * or twice, and every tensor it wrote is carried back whole, so that a stray write shows. Draws that break a rule are thrown away.
 */
import { OpenTrnError, type Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  type AccessPattern,
  type AnyInstruction,
  type AttrSpec,
  instructionNamed,
  type Operand,
  type OperandSpec,
  type Program,
  ProgramBuilder,
  type Space,
} from "@opentrn/isa";
import {
  activationNames,
  aluNames,
  bytesOf,
  type DType,
  dtypeInfo,
  dtypeNames,
  encode,
} from "@opentrn/numerics";
import { drawOperands } from "./operand-shapes.ts";

export interface RandomProgram {
  readonly program: Program;
  readonly inputs: readonly Uint8Array[];
}

const dmaCopy = instructionNamed("dma_copy")!;
const tensorCopy = instructionNamed("tensor_copy")!;

/** A random program for `op`, or undefined when the draw broke a rule. */
export function randomProgram(
  r: Random,
  op: AnyInstruction,
  chip: Chip,
): RandomProgram | undefined {
  const builder = new ProgramBuilder({ name: `fuzz ${op.name}`, chip });
  const maker = new Maker(builder, r);
  try {
    const drawn = drawOperands(r, op);
    const operands: Record<string, Operand | undefined> = {};
    const written: AccessPattern[] = [];
    for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
      const form = drawn.forms[name];
      if (form === undefined) continue;
      if ("value" in form) {
        operands[name] = { kind: "float", value: form.value };
        continue;
      }
      const dtype = form.dtype ?? r.pick(spec.dtypes ?? dtypesOf(chip));
      const pattern = maker.tile(r.pick(spec.spaces), dtype, form.shape);
      operands[name] = { kind: "tile", pattern };
      if (spec.role !== "in") written.push(pattern);
    }
    const attrs: Record<string, unknown> = {};
    for (const [name, spec] of Object.entries(op.attrs as Record<string, AttrSpec>))
      attrs[name] = drawn.attrs && name in drawn.attrs ? drawn.attrs[name] : drawAttr(r, spec);
    builder.emit(op, operands, attrs);
    if (r.below(4) === 0) builder.emit(op, operands, attrs);
    for (const p of written) maker.carryOut(p);
    return { program: builder.finish(), inputs: maker.inputs };
  } catch (e) {
    if (e instanceof OpenTrnError && e.category !== "internal") return undefined;
    throw e;
  }
}

const dtypesOf = (chip: Chip): DType[] =>
  dtypeNames.filter(
    (d) => (dtypeInfo[d].since ?? 2) <= chip.generation && dtypeInfo[d].kind !== "packed",
  );

function drawAttr(r: Random, spec: AttrSpec): unknown {
  switch (spec.kind) {
    case "bool":
      return r.below(2) === 1;
    case "tristate":
      return r.pick([undefined, true, false]);
    case "int":
      return r.below(3) === 0 ? r.below(9) - 4 : spec.default;
    case "float":
      return r.pick([0, 1, -2.5, 1e-4]);
    case "enum":
      return r.below(2) === 0 ? (spec.default ?? spec.values[0]) : r.pick(spec.values);
    case "alu":
      return spec.optional && r.below(3) === 0 ? undefined : r.pick(aluNames);
    case "activation":
      return r.pick(activationNames);
    case "ints":
      return spec.default ?? [];
  }
}

/** Declares tensors with room around the pattern and fills them from HBM inputs. */
class Maker {
  readonly inputs: Uint8Array[] = [];
  private readonly b: ProgramBuilder;
  private readonly r: Random;

  constructor(b: ProgramBuilder, r: Random) {
    this.b = b;
    this.r = r;
  }

  tile(space: Space, dtype: DType, shape: readonly number[]): AccessPattern {
    const { r } = this;
    const onChip = space !== "hbm";
    const counts = onChip ? shape.slice(1) : shape;
    const strides: number[] = [];
    let reach = r.below(3) === 0 ? 2 : 1;
    for (let d = counts.length - 1; d >= 0; d--) {
      strides.unshift(reach);
      reach = reach * counts[d]! + (r.below(4) === 0 ? 1 + r.below(3) : 0);
    }
    const offset = r.below(3) === 0 ? r.below(8) : 0;
    const row = offset + reach + r.below(3);
    const P = onChip ? shape[0]! : 1;
    const start = onChip && P <= 32 && r.below(3) === 0 ? 32 * r.below(4) : 0;
    const rows = onChip ? Math.min(128, start + P) : 1;
    const size = onChip ? [rows, row] : [row];
    const storage = this.b.declare({
      name: `${space}`,
      space,
      kind: onChip ? "internal" : "input",
      dtype,
      shape: size,
    });
    const bytes = randomBytes(r, dtype, rows * row);
    if (!onChip) this.inputs.push(bytes);
    else this.carryIn(storage, space, dtype, size, bytes);
    const free = counts.map((n, d) => [strides[d]!, n] as const);
    return { storage, dtype, partition: start, offset, dims: onChip ? [[1, P], ...free] : free };
  }

  private whole(storage: number, dtype: DType, size: readonly number[], onChip: boolean): Operand {
    const dims = onChip
      ? ([
          [1, size[0]!],
          [1, size[1]!],
        ] as const)
      : ([[1, size.reduce((a, b) => a * b, 1)]] as const);
    return { kind: "tile", pattern: { storage, dtype, partition: 0, offset: 0, dims } };
  }

  private declare(
    space: Space,
    dtype: DType,
    size: readonly number[],
    kind: "input" | "internal" | "output" = "internal",
  ): number {
    return this.b.declare({ name: kind, space, kind, dtype, shape: size });
  }

  private carryIn(
    storage: number,
    space: Space,
    dtype: DType,
    size: readonly number[],
    bytes: Uint8Array,
  ): void {
    const flat = [size[0]! * size[1]!];
    const input = this.declare("hbm", dtype, flat, "input");
    this.inputs.push(bytes);
    const landing = space === "sbuf" ? storage : this.declare("sbuf", dtype, size);
    this.b.emit(
      dmaCopy,
      { dst: this.whole(landing, dtype, size, true), src: this.whole(input, dtype, flat, false) },
      {},
    );
    if (landing !== storage)
      this.b.emit(
        tensorCopy,
        {
          dst: this.whole(storage, dtype, size, true),
          src: this.whole(landing, dtype, size, true),
        },
        {},
      );
  }

  /** Returns everything in the pattern's tensor. */
  carryOut(p: AccessPattern): void {
    const s = this.b.storages[p.storage]!;
    if (s.space === "hbm") {
      this.b.markOutput(s.id);
      return;
    }
    const size = s.shape;
    const flat = [size[0]! * size[1]!];
    const out = this.declare("hbm", s.dtype, flat, "output");
    const leaving = s.space === "sbuf" ? s.id : this.declare("sbuf", s.dtype, size);
    if (leaving !== s.id)
      this.b.emit(
        tensorCopy,
        {
          dst: this.whole(leaving, s.dtype, size, true),
          src: this.whole(s.id, s.dtype, size, true),
        },
        {},
      );
    this.b.emit(
      dmaCopy,
      { dst: this.whole(out, s.dtype, flat, false), src: this.whole(leaving, s.dtype, size, true) },
      {},
    );
    this.b.markOutput(out);
  }
}

/** Mostly ordinary values; now and then any bit pattern, infinities and NaN included. */
function randomBytes(r: Random, dtype: DType, n: number): Uint8Array {
  const size = bytesOf(dtype);
  const out = new Uint8Array(n * size);
  const wild = r.below(4) === 0;
  for (let i = 0; i < n; i++) {
    const bits =
      wild && r.below(4) === 0
        ? r.u32() % 2 ** (8 * size)
        : encode(Math.fround(r.normal() * r.pick([0.1, 1, 8])), dtype);
    for (let b = 0; b < size; b++) out[i * size + b] = Math.floor(bits / 2 ** (8 * b)) & 255;
  }
  return out;
}
