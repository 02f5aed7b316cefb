/**
 * rng_bit_generator: Threefry-2x32 with 20 rounds (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011). Only 32-bit
 * additions, rotations and exclusive ors, so that a compiled program can give the same bits.
 */
import { operation } from "../define.ts";
import { allocate } from "../storage.ts";
import { printType, sameType, tensor } from "../types.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;
const rotate = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;

/** One block: two words of the counter under two words of the key. */
export function threefry(
  k0: number,
  k1: number,
  c0: number,
  c1: number,
): readonly [number, number] {
  const key = [k0, k1, (k0 ^ k1 ^ parity) >>> 0];
  let x = (c0 + k0) >>> 0;
  let y = (c1 + k1) >>> 0;
  for (let group = 1; group <= 5; group++) {
    for (let i = 0; i < 4; i++) {
      x = (x + y) >>> 0;
      y = (rotate(y, rotations[(4 * (group - 1) + i) % 8]!) ^ x) >>> 0;
    }
    x = (x + key[group % 3]!) >>> 0;
    y = (y + key[(group + 1) % 3]! + group) >>> 0;
  }
  return [x, y];
}

const state = tensor([4], "uint32");

export const rngBitGenerator = operation({
  name: "rng_bit_generator",
  summary:
    "Uniform ui32 bits and the next state. The state is key 0, key 1, counter low, counter high; block i uses counter + i, its first word fills element i, its second element i + ceil(n / 2).",
  differs: "the state is four ui32 in place of two ui64; results are ui32",
  operands: [{ name: "initial_state", takes: "integer" }],
  attrs: {
    rng_algorithm: { kind: "enum", values: ["THREE_FRY"] },
    output_shape: { kind: "ints" },
  },
  constraints: {
    C1: {
      says: "the state is tensor<4xui32>",
      broken: ({ operands: [s] }) =>
        sameType(s!, state) ? undefined : `the state is ${printType(s!)}`,
    },
  },
  infer: ({ attrs: { output_shape } }) => [state, tensor(output_shape, "uint32")],
  evaluate: ([s], { results, arithmetic }) => {
    const next = allocate(state, arithmetic);
    const out = allocate(results[1]!, arithmetic);
    const [k0, k1, low, high] = s as unknown as [number, number, number, number];
    const blocks = Math.ceil(out.length / 2);
    const counter = (i: number): readonly [number, number] => {
      const sum = low + i;
      return [sum % 2 ** 32, (high + Math.floor(sum / 2 ** 32)) % 2 ** 32];
    };
    for (let i = 0; i < blocks; i++) {
      const [first, second] = threefry(k0, k1, ...counter(i));
      out[i] = first;
      if (blocks + i < out.length) out[blocks + i] = second;
    }
    next.set([k0, k1, ...counter(blocks)]);
    return [next, out];
  },
  moves: true,
  gradient: { notDifferentiable: "its results are random bits" },
});
