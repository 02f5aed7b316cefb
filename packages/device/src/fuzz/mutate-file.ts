/** Damage to a saved Program: flipped bits, odd words, pieces lost, repeated or exchanged, the end cut off. */
import type { Random } from "@opentrn/base";

/** Words that sit on edges: signs, powers of two, sizes of memories, counts of tables. */
const edges = [
  0,
  1,
  -1,
  2,
  5,
  127,
  128,
  129,
  255,
  256,
  512,
  1001,
  1003,
  1010,
  4095,
  4096,
  4097,
  65535,
  65536,
  2 ** 20,
  2 ** 24,
  2 ** 30,
  2 ** 31 - 1,
  -(2 ** 31),
] as const;

type Mutation = (r: Random, words: Int32Array) => Int32Array;

const spliced = (words: Int32Array, from: number, to: number, insert: Int32Array): Int32Array => {
  const out = new Int32Array(words.length - (to - from) + insert.length);
  out.set(words.subarray(0, from));
  out.set(insert, from);
  out.set(words.subarray(to), from + insert.length);
  return out;
};

const replaced =
  (word: (r: Random, old: number) => number): Mutation =>
  (r, words) => {
    const out = words.slice();
    const at = r.below(out.length);
    out[at] = word(r, out[at]!);
    return out;
  };

const piece = (r: Random, words: Int32Array): readonly [number, number] => {
  const from = r.below(words.length);
  return [from, Math.min(words.length, from + 1 + r.below(40))];
};

const nothing = new Int32Array(0);
const mutations: readonly Mutation[] = [
  replaced((r, old) => old ^ (1 << r.below(32))),
  replaced((r, old) => old ^ (1 << r.below(4))),
  replaced((r, old) => old + r.below(5) - 2),
  replaced((_, old) => 2 * old),
  replaced((_, old) => old >> 1),
  replaced((r) => r.pick(edges)),
  replaced((r, old) => old + r.pick([-1, 1, 16, -16, 256])),
  replaced((r) => r.u32() | 0),
  (r, words) => words.slice(0, r.below(words.length)),
  (r, words) => spliced(words, ...piece(r, words), nothing),
  (r, words) => {
    const [from, to] = piece(r, words);
    return spliced(words, to, to, words.slice(from, to));
  },
  (r, words) => {
    const [from, to] = piece(r, words);
    const at = r.below(words.length);
    return spliced(words, at, at, words.slice(from, to));
  },
];

/** The file with one damage, or three; now and then not even a whole number of words. */
export function mutated(r: Random, file: Uint8Array): Uint8Array {
  let words = new Int32Array(file.slice().buffer);
  for (let n = r.below(5) === 0 ? 3 : 1; n > 0 && words.length > 0; n--)
    words = r.pick(mutations)(r, words) as Int32Array<ArrayBuffer>;
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return r.below(20) === 0 ? bytes.slice(0, r.below(bytes.length + 1)) : bytes;
}
