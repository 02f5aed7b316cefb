/**
 * The generators behind rng, rand2 and dropout: Marsaglia's XORWOW, six words a stream. GpSimd has one stream a lane, VectorE four
 * (Neuron SDK 2.32, trainium3_arch.rst); element n of an instruction comes from stream n mod streams. The order of the six words,
 * the seeding, and XORWOW on VectorE before NeuronCore-v4 (where the chip has an unpublished LFSR) are our own choices.
 */
import type { AnyCall, CoreState, Tile } from "../define.ts";

export const streamWords = 6;

/** Streams a lane of the engine. */
export const streamsOf = (engine: AnyCall["engine"]): number => (engine === "gpsimd" ? 1 : 4);
/** Words of generator state a lane. */
export const laneWords = (engine: AnyCall["engine"]): number => streamsOf(engine) * streamWords;

const stateOf = (state: CoreState, engine: AnyCall["engine"]): Uint32Array =>
  engine === "gpsimd" ? state.gpsimdRandom : state.vectorRandom;

/** The state of the lane that partition `p` of the tile streams through. */
export const laneState = (
  state: CoreState,
  engine: AnyCall["engine"],
  tile: Tile,
  p: number,
): Uint32Array => {
  const words = laneWords(engine);
  const at = (tile.startPartition + p) * words;
  return stateOf(state, engine).subarray(at, at + words);
};

/** The next 32 random bits of stream `stream` of a lane: x, y, z, w, v are shifted, d counts. */
export function nextBits(lane: Uint32Array, stream: number): number {
  const at = stream * streamWords;
  const t = lane[at]! ^ (lane[at]! >>> 2);
  for (let i = 0; i < 4; i++) lane[at + i] = lane[at + i + 1]!;
  const v = lane[at + 4]!;
  lane[at + 4] = v ^ (v << 4) ^ t ^ (t << 1);
  lane[at + 5] = lane[at + 5]! + 362437;
  return (lane[at + 4]! + lane[at + 5]!) >>> 0;
}

/** Uniform in [0, 1) with the upper 24 bits, exact in fp32. */
export const unitInterval = (bits: number): number => (bits >>> 8) * 2 ** -24;

/** Fills every lane from one 32-bit seed (SplitMix32), so that lanes and streams differ. */
export function seedGenerators(words: Uint32Array, seed: number): void {
  let z = seed >>> 0;
  for (let i = 0; i < words.length; i++) {
    z = (z + 0x9e3779b9) >>> 0;
    let h = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    words[i] = h ^ (h >>> 15);
  }
}
