/** Compiled groups against the interpreter: the same inputs through both. */
import { type Chip, chipNamed } from "@opentrn/chips";
import { place, prepare, type Timeline, timeline } from "@opentrn/device";
import {
  compositeCalls,
  type Data,
  type Func,
  interpret,
  isFloatType,
  parameterName,
  sizeOf,
  type TensorType,
} from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import { decode, encode } from "@opentrn/numerics";
import { bytesOfTensor, valuesOfBytes } from "./emit/bytes.ts";
import { lowerGroup, type Module } from "./lower/lower-group.ts";
import type { LowerOptions } from "./lower/template.ts";

/** Numbers of a fixed pseudo-random sequence in [low, high). */
export function noise(n: number, seed = 1, low = -1, high = 1): Float64Array {
  let state = (seed * 2654435761) >>> 0 || 1;
  return Float64Array.from({ length: n }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return low + ((state >>> 0) / 2 ** 32) * (high - low);
  });
}

export type TestInputs = Readonly<Record<string, ArrayLike<number>>>;

/** Inputs for every parameter: given ones, or noise (small integers for integer types). */
export const inputsFor = (fn: Func, given: TestInputs = {}): TestInputs =>
  Object.fromEntries(
    fn.params.map((v, i) => {
      const name = parameterName(v);
      const n = sizeOf(v.type.shape);
      const made = isFloatType(v.type)
        ? noise(n, i + 1)
        : noise(n, i + 1, 0, v.type.dtype === "bool_" ? 2 : 7).map(Math.floor);
      return [name, given[name] ?? made];
    }),
  );

export interface Compared {
  readonly name: string;
  readonly type: TensorType;
  readonly chip: readonly number[];
  readonly interpreter: readonly number[];
  readonly oracle: readonly number[];
  /** Largest |chip - oracle| and |interpreter - oracle|. */
  readonly chipError: number;
  readonly interpreterError: number;
  /** Largest absolute value of the oracle. */
  readonly scale: number;
}

/** Runs a Program on the chip; bytes in and out in order of its inputs and outputs. */
export const runOnChip = (program: Program, inputs: readonly Uint8Array[]): readonly Uint8Array[] =>
  prepare(program, place(program)).run(inputs).outputs;

/** Result by result: the lowered group on the chip, the interpreter in fp32, the oracle in float64. */
export function compareGroup(
  group: Func,
  given: TestInputs = {},
  { chip = chipNamed("trn2"), ...options }: LowerOptions & { readonly chip?: Chip } = {},
): { readonly module: Module; readonly results: readonly Compared[] } {
  const module = lowerGroup(group, chip, options);
  return { module, results: compareProgram(group, module.program, given) };
}

/** The same for any Program whose inputs and outputs are `fn`'s. */
export function compareProgram(
  fn: Func,
  program: Program,
  given: TestInputs = {},
): readonly Compared[] {
  const inputs = rounded(fn, inputsFor(fn, given));
  const customCalls = compositeCalls;
  const interpreted = interpret(fn, inputs, { customCalls });
  const oracle = interpret(fn, inputs, { customCalls, arithmetic: "float64" });
  const bytes = fn.params.map((v) => {
    const data = inputs[parameterName(v)]!;
    return bytesOfTensor({ type: v.type, data: data as unknown as Data });
  });
  const outputs = runOnChip(program, bytes);
  return fn.results.map((v, i) => {
    const chip = Array.from(valuesOfBytes(v.type, outputs[i]!));
    const exact = Array.from(oracle[i]!.data);
    const ours = Array.from(interpreted[i]!.data);
    return {
      name: `result${i}`,
      type: v.type,
      chip,
      interpreter: ours,
      oracle: exact,
      chipError: worst(chip, exact),
      interpreterError: worst(ours, exact),
      scale: exact.reduce((m, x) => Math.max(m, Number.isFinite(x) ? Math.abs(x) : 0), 0),
    };
  });
}

/** Inputs as their types hold them, so that all three start from the same numbers. */
const rounded = (fn: Func, inputs: TestInputs): TestInputs =>
  Object.fromEntries(
    fn.params.map((v) => {
      const name = parameterName(v);
      const given = Array.from(inputs[name]!);
      const held = isFloatType(v.type)
        ? given.map((x) => decode(encode(x, v.type.dtype), v.type.dtype))
        : given;
      return [name, held];
    }),
  );

/** Largest difference; equal infinities and two NaN are equal, one NaN alone is infinitely far. */
const worst = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((m, x, i) => {
    const y = b[i]!;
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return m;
    const e = Math.abs(x - y);
    return Math.max(m, Number.isNaN(e) ? Number.POSITIVE_INFINITY : e);
  }, 0);

/** Predicted time of a module. */
export const timeOf = (program: Program): Timeline => timeline(program, place(program));
