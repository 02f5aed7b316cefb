/** One-instruction Programs for tests: rules run through the real builder, meanings on dense data as the executor hands them over. */
import type { Chip } from "@opentrn/chips";
import { chipNamed, chips, fact } from "@opentrn/chips";
import { bytesOf, type DType, decode, encode, integerOf, isInteger } from "@opentrn/numerics";
import type {
  AnyInstruction,
  CoreState,
  Generation,
  OperandData,
  OperandSpec,
  Space,
} from "../define.ts";
import { ProgramBuilder } from "../program/builder.ts";
import { defaultOf, encodeInstruction } from "../program/codec.ts";
import type { Dims, DynamicOffset, Operand } from "../program/pattern.ts";
import type { InstructionClass } from "../program/program.ts";

export interface TestTile {
  readonly space: Space;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Values, row-major; absent: zeros. */
  readonly values?: readonly number[];
  /** First partition (on chip). */
  readonly start?: number;
  /** Element offset inside the partition row (on chip). */
  readonly offset?: number;
  /** Run-time addressing, over `index` (default: an int32 tile of [partitions, 1]). */
  readonly dynamic?: DynamicOffset["kind"];
  readonly index?: TestTile;
  /** Strides in elements instead of dense ones. */
  readonly strides?: readonly number[];
}
type TestOperand = TestTile | number | { readonly register: number } | undefined;
export type TestOperands = Readonly<Record<string, TestOperand>>;
type Attrs = Readonly<Record<string, unknown>>;
type Extra = Partial<Omit<TestTile, "space" | "shape" | "dtype">>;

const maker =
  (space: Space) =>
  (
    shape: readonly number[],
    dtype: DType = "float32",
    values?: readonly number[],
    extra?: Extra,
  ): TestTile => ({
    space,
    shape,
    dtype,
    ...(values ? { values } : {}),
    ...extra,
  });
export const sbuf = maker("sbuf");
export const psum = maker("psum");
export const hbm = maker("hbm");

const product = (n: readonly number[]): number => n.reduce((a, b) => a * b, 1);

function denseStrides(t: TestTile): readonly number[] {
  if (t.strides) return t.strides;
  const on = t.space === "hbm" ? t.shape : t.shape.slice(1);
  const strides = on.map((_, i) => product(on.slice(i + 1)));
  return t.space === "hbm" ? strides : [1, ...strides];
}

function operandOf(builder: ProgramBuilder, name: string, o: TestOperand): Operand | undefined {
  if (o === undefined) return undefined;
  if (typeof o === "number")
    return Number.isInteger(o) && !Object.is(o, -0)
      ? { kind: "int", value: o }
      : { kind: "float", value: o };
  if ("register" in o) return { kind: "register", register: o.register };
  const strides = denseStrides(o);
  const dims: Dims = o.shape.map((count, i) => [strides[i]!, count]);
  const free = o.space === "hbm" ? dims : dims.slice(1);
  const reach = 1 + (o.offset ?? 0) + free.reduce((n, [s, c]) => n + Math.abs(s) * (c - 1), 0);
  const onChip = o.space !== "hbm";
  const storage = builder.declare({
    name,
    space: o.space,
    kind: "input",
    dtype: o.dtype,
    shape: onChip ? [Math.min(128, (o.start ?? 0) + o.shape[0]!), reach] : [reach],
  });
  const index = (): Operand & { kind: "tile" } =>
    operandOf(builder, `${name}_index`, o.index ?? sbuf([o.shape[0]!, 1], "int32")) as never;
  return {
    kind: "tile",
    pattern: {
      storage,
      dtype: o.dtype,
      partition: o.start ?? 0,
      offset: o.offset ?? 0,
      dims,
      ...(o.dynamic
        ? {
            dynamic:
              o.dynamic === "register"
                ? { kind: "register", stride: 1, limit: 1, register: 0 }
                : { kind: o.dynamic, stride: 1, limit: 1, index: index().pattern },
          }
        : {}),
    },
  };
}

/** The first chip of a generation; until its file exists, trn2 relabelled. */
const chipOf = (generation: Generation): Chip =>
  chips.find((c) => c.generation === generation) ?? { ...chipNamed("trn2"), generation };

export interface TestOptions {
  /** A chip of that generation; default 3 (trn2). */
  readonly generation?: Generation;
  readonly chip?: Chip;
  readonly state?: CoreState;
}

/** A NeuronCore-v2 whose facts differ where meanings do. */
export const v2: Chip = {
  ...chipOf(2),
  tensor: { ...chipOf(2).tensor, transposeMode: fact(false, "documented", "nki.isa.nc_transpose") },
  dma: { ...chipOf(2).dma, hardwareDge: fact(false, "documented", "nki.isa.dma_transpose") },
};

/** Builds the one-instruction Program; returns its class, which has passed every rule. */
export function build(
  op: AnyInstruction,
  operands: TestOperands,
  attrs: Attrs = {},
  options: TestOptions = {},
): InstructionClass {
  const builder = new ProgramBuilder({
    name: op.name,
    chip: options.chip ?? chipOf(options.generation ?? 3),
  });
  for (const name of [...Object.keys(operands), ...Object.keys(attrs)])
    if (!op.params.includes(name)) throw new Error(`${op.name} has no parameter ${name}`);
  const made: Record<string, Operand | undefined> = {};
  for (const name in operands) made[name] = operandOf(builder, name, operands[name]);
  const words = Int32Array.from(encodeInstruction(op, 0, made, attrs));
  const all: Record<string, unknown> = {};
  for (const name in op.attrs) all[name] = attrs[name] ?? defaultOf(op.attrs[name]);
  builder.store({ index: 0, op, line: 0, operands: made, attrs: all }, words, 0, words.length);
  return builder.finish().classes[0]!;
}

/** Throws unless the call breaks rule `label` (`C3`, or a general rule), and that a record without this rule takes it. */
export function breaks(
  op: AnyInstruction,
  label: string,
  operands: TestOperands,
  attrs: Attrs = {},
  options: TestOptions = {},
): void {
  let found: unknown = "no rule";
  try {
    build(op, operands, attrs, options);
  } catch (e) {
    found = (e as { rule?: string }).rule ?? e;
  }
  if (found !== `${op.name} ${label}`)
    throw new Error(`expected ${op.name} ${label} to be broken, found: ${String(found)}`);
  if (!label.startsWith("C")) return;
  const rules = Object.fromEntries(Object.entries(op.rules).filter(([l]) => l !== label));
  build({ ...op, rules }, operands, attrs, options);
}

export const coreState = (): CoreState => ({
  scalarAccumulator: new Float32Array(128),
  vectorAccumulator: new Float32Array(128),
  vectorRandom: new Uint32Array(128 * 24),
  gpsimdRandom: new Uint32Array(128 * 6),
  registers: new Int32Array(64),
});

/** A raw value of type `d`: integers keep all 32 bits. */
const bitsOf = (v: number, d: DType): number =>
  d.endsWith("_x4")
    ? v
    : isInteger(d) && d !== "bool_"
      ? Number(BigInt.asUintN(8 * bytesOf(d), BigInt(v)))
      : encode(v, d);
const readBack = (bits: number, d: DType): number =>
  d.endsWith("_x4") ? bits : isInteger(d) ? integerOf(bits, d) : decode(bits, d);

/** Runs the record's meaning on the operands' values; returns what each output holds after rounding to its type. */
export function evaluate(
  op: AnyInstruction,
  operands: TestOperands,
  attrs: Attrs = {},
  options: TestOptions = {},
): Record<string, number[]> {
  const { call } = build(op, operands, attrs, options);
  const raw = new Set<string>((op.bits?.(call as never) ?? []) as string[]);
  const data: Record<string, OperandData> = {};
  for (const name in operands) {
    const o = operands[name];
    if (typeof o !== "object" || !("space" in o)) continue;
    const count = product(o.shape);
    const bits = Uint32Array.from({ length: count }, (_, i) => bitsOf(o.values?.[i] ?? 0, o.dtype));
    data[name] = raw.has(name) ? bits : Float32Array.from(bits, (b) => decode(b, o.dtype));
  }
  op.evaluate(data as never, call as never, options.state ?? coreState());
  const out: Record<string, number[]> = {};
  for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
    const o = operands[name];
    if (spec.role === "in" || typeof o !== "object" || !("space" in o)) continue;
    out[name] = Array.from(data[name]!, (v) =>
      readBack(raw.has(name) ? v : encode(v, o.dtype), o.dtype),
    );
  }
  return out;
}

/** 0, 1, … n - 1. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
