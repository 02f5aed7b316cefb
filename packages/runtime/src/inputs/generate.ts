/** Made-up inputs: `128x1024:bfloat16:normal(0, 0.02)`. The same seed and argument name give the same bytes on every host. */
import { OpenTrnError, Random } from "@opentrn/base";
import { type DType, dtypeInfo } from "@opentrn/numerics";
import { elementCount, type TensorData, tensorOf } from "../tensors/tensor.ts";

interface Distribution {
  /** Names and defaults of its parameters; `undefined` must be given. */
  readonly params: readonly (readonly [name: string, value: number | undefined])[];
  readonly doc: string;
  /** A function of the element's flat index. */
  readonly draw: (
    random: Random,
    p: readonly number[],
    shape: readonly number[],
  ) => (i: number) => number;
}

export const distributions = {
  normal: {
    params: [
      ["mean", 0],
      ["deviation", 1],
    ],
    doc: "Gaussian",
    draw:
      (random, [mean, deviation]) =>
      () =>
        mean! + deviation! * random.normal(),
  },
  uniform: {
    params: [
      ["low", 0],
      ["high", 1],
    ],
    doc: "uniform in [low, high)",
    draw:
      (random, [low, high]) =>
      () =>
        low! + (high! - low!) * random.uniform(),
  },
  randint: {
    params: [
      ["low", 0],
      ["high", 100],
    ],
    doc: "uniform integers in [low, high)",
    draw:
      (random, [low, high]) =>
      () =>
        low! + random.below(high! - low!),
  },
  zeros: { params: [], doc: "all 0", draw: () => () => 0 },
  ones: { params: [], doc: "all 1", draw: () => () => 1 },
  full: {
    params: [["value", undefined]],
    doc: "all the same value",
    draw:
      (_, [v]) =>
      () =>
        v!,
  },
  arange: {
    params: [
      ["start", 0],
      ["step", 1],
    ],
    doc: "start, start + step, … in C order; iota is the same",
    draw:
      (_, [start, step]) =>
      (i) =>
        start! + step! * i,
  },
  permutation: {
    params: [],
    doc: "the integers 0 to n - 1 in random order",
    draw: (random, _, shape) => {
      const n = elementCount(shape);
      const order = Float64Array.from({ length: n }, (_value, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const k = random.below(i + 1);
        [order[i], order[k]] = [order[k]!, order[i]!];
      }
      return (i) => order[i]!;
    },
  },
  eye: {
    params: [],
    doc: "1 on the diagonal of the last two dimensions",
    draw: (_random, _p, shape) => {
      const columns = shape.at(-1) ?? 1;
      const rows = shape.at(-2) ?? 1;
      return (i) => (Math.floor(i / columns) % rows === i % columns ? 1 : 0);
    },
  },
} as const satisfies Record<string, Distribution>;
export type DistributionName = keyof typeof distributions;
const aliases: Readonly<Record<string, DistributionName>> = {
  iota: "arange",
  constant: "full",
  randn: "normal",
  rand: "uniform",
};

export interface GeneratedInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly distribution: DistributionName;
  readonly params: readonly number[];
}

const fail = (message: string): never => {
  throw new OpenTrnError(message, { category: "bad input", rule: "--arg" });
};
const MAX_BYTES = 8 * 2 ** 30;

/** `full(3)` or `normal`; without one, floats are normal and integers `randint`. */
export function readDistribution(
  text: string | undefined,
  dtype: DType,
): Pick<GeneratedInput, "distribution" | "params"> {
  const plain = defaultDistribution(dtype);
  const form = /^([a-z]+)(?:\((.*)\))?$/.exec(text ?? plain);
  const written = form?.[1] ?? "";
  const name = (Object.hasOwn(aliases, written) ? aliases[written] : written) as DistributionName;
  if (!Object.hasOwn(distributions, name))
    fail(
      `distribution ${JSON.stringify(text)} is not one we know; choose one of ${Object.keys(distributions).join(", ")}, e.g. normal(0, 0.02)`,
    );
  const spec: Distribution = distributions[name];
  const given = (form?.[2] ?? "").trim() === "" ? [] : form![2]!.split(",").map(Number);
  if (given.some((v) => !Number.isFinite(v)) || given.length > spec.params.length)
    fail(
      `distribution ${JSON.stringify(text)} takes (${spec.params.map((p) => p[0]).join(", ")}) as numbers`,
    );
  const params = spec.params.map(
    ([key, value], i) => given[i] ?? value ?? fail(`distribution ${name} needs ${key}: ${name}(3)`),
  );
  if (name === "randint" && !(params[1]! > params[0]!))
    fail(`distribution ${JSON.stringify(text)}: high ${params[1]} must be above low ${params[0]}`);
  return { distribution: name, params };
}

const defaultDistribution = (dtype: DType): string =>
  dtypeInfo[dtype].kind === "float" ? "normal" : dtype === "bool_" ? "randint(0,2)" : "randint";

/** FNV-1a, so that every argument has a stream of its own and adding one does not change the others. */
function hash(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** A tensor whose values are drawn, and rounded as the chip would store them, when its bytes are first asked for. */
export function generate(name: string, input: GeneratedInput, seed: number): TensorData {
  const { shape, dtype } = input;
  const size = elementCount(shape) * dtypeInfo[dtype].bytes;
  if (size > MAX_BYTES)
    fail(`${name} is ${shape.join("x")} ${dtype}: ${size} bytes, at most ${MAX_BYTES} are made up`);
  let bytes: Uint8Array | undefined;
  return {
    dtype,
    shape,
    get bytes() {
      bytes ??= draw(name, input, seed);
      return bytes;
    },
  };
}

function draw(name: string, { shape, dtype, ...how }: GeneratedInput, seed: number): Uint8Array {
  const random = new Random((hash(name) ^ Math.imul(seed, 0x9e3779b1)) >>> 0);
  const n = elementCount(shape);
  if (dtypeInfo[dtype].kind === "packed") {
    // Packed types have no values of their own; their bits are drawn.
    return Uint8Array.from({ length: n * dtypeInfo[dtype].bytes }, () => random.u32() >>> 24);
  }
  const spec: Distribution = distributions[how.distribution];
  const at = spec.draw(random, how.params, shape);
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = at(i);
  return tensorOf(dtype, shape, values).bytes;
}
