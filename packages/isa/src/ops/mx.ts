/**
 * Microscaling (MX) formats as TensorE and VectorE of NeuronCore-v4 hold them: packed elements, one power-of-two scale for 8 partitions
 * x 4 packed elements, scales in the first four partitions of each quadrant. Sources: OCP Microscaling Formats v1.0; Neuron SDK 2.32,
 * nki/deep-dives/mxfp-matmul.rst and nki.isa.quantize_mx.
 */
import { type DType, decode } from "@opentrn/numerics";
import type { Tile } from "../define.ts";
import type { SharedRule } from "./shared-rules.ts";

const quadrant = 32;
const groupRows = 8;
const scalesPerQuadrant = quadrant / groupRows;

/** Where a scale tile may start inside a quadrant, so that four tensors share one tile. */
export const scaleOffsets = [0, 4, 8, 12] as const;
export const scaleTypes = ["float8_e8m0fnu", "uint8"] as const;
export const packedTypes = ["float8_e5m2_x4", "float8_e4m3fn_x4", "float4_e2m1fn_x4"] as const;

/** Partition of the scale tile that holds the scale of partition `p`. */
export const scaleRow = (p: number): number => {
  const group = Math.floor(p / groupRows);
  return Math.floor(group / scalesPerQuadrant) * quadrant + (group % scalesPerQuadrant);
};

/** Magnitudes of float4_e2m1fn by its low three bits; the fourth is the sign. */
const fp4Magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6] as const;
const fp4Value = (bits: number): number => (bits & 8 ? -1 : 1) * fp4Magnitudes[bits & 7]!;

interface Packing {
  readonly bits: number;
  readonly value: (bits: number) => number;
}
const packings: Readonly<Partial<Record<DType, Packing>>> = {
  float8_e5m2_x4: { bits: 8, value: (b) => decode(b, "float8_e5m2") },
  float8_e4m3fn_x4: { bits: 8, value: (b) => decode(b, "float8_e4m3fn") },
  float4_e2m1fn_x4: { bits: 4, value: fp4Value },
};

/** Element `j` of a packed value; element 0 has the lowest bits. */
export function unpacked(raw: number, dtype: DType, j: number): number {
  const { bits, value } = packings[dtype]!;
  return value((raw >>> (bits * j)) & (2 ** bits - 1));
}

/** The factor of an e8m0 scale byte: 2^(byte - 127), NaN for 255. */
export const scaleFactor = (byte: number): number => decode(byte, "float8_e8m0fnu");

/** A scale tile reaches the last group's row and has one column an element column of its data tile. */
export const scalesFit = (
  scale: string,
  rows: string,
  columnsOf: (t: Tile) => number,
): SharedRule => ({
  says: `${scale} has a row for every 8 partitions of ${rows}, four in each quadrant, and a column for every 4 packed values`,
  broken: ({ tile }) => {
    const [s, d] = [tile[scale]!, tile[rows]!];
    const [needed, wide] = [scaleRow(d.partitions - 1) + 1, columnsOf(d)];
    return s.partitions >= needed && s.free === wide
      ? undefined
      : `${scale} is [${s.shape}], must be [at least ${needed},${wide}]`;
  },
});

export const wholeQuadrants = (name: string): SharedRule => ({
  says: `${name} has 32, 64, 96 or 128 partitions`,
  broken: ({ tile }) =>
    tile[name]!.partitions % quadrant === 0
      ? undefined
      : `${name} has ${tile[name]!.partitions} partitions; pad it`,
});
