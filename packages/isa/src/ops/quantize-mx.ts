import { type DType, encode } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { scaleOffsets, scaleRow, scalesFit, scaleTypes, wholeQuadrants } from "./mx.ts";

/** Element type and its largest unbiased exponent. */
const targets: Readonly<Record<string, { readonly element: DType; readonly top: number }>> = {
  float8_e4m3fn_x4: { element: "float8_e4m3fn", top: 8 },
  float8_e5m2_x4: { element: "float8_e5m2", top: 15 },
};
const lowest = -127;

/** floor(log2 a) of a positive finite double, exactly. */
function exponentOf(a: number): number {
  const guess = Math.floor(Math.log2(a));
  return 2 ** guess > a ? guess - 1 : 2 ** (guess + 1) <= a ? guess + 1 : guess;
}

export const quantizeMx = instruction({
  name: "quantize_mx",
  summary:
    "dst, dst_scale = src in MXFP8: one scale 2^(floor(log2 amax) - (Emax - 1)) for 8 partitions x 4 elements.",
  source: "NKI API reference, nki.isa.quantize_mx",
  generations: [4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf"],
      dtypes: ["float8_e5m2_x4", "float8_e4m3fn_x4"],
      doc: "[P, F / 4]",
    },
    src: { role: "in", spaces: ["sbuf"], dtypes: ["float16", "bfloat16"], doc: "[P, F]" },
    dst_scale: {
      role: "inout",
      spaces: ["sbuf"],
      dtypes: scaleTypes,
      keeps: true,
      quadrantOffsets: scaleOffsets,
      doc: "[P, F / 4], four rows of each quadrant written",
    },
  },
  attrs: {},
  params: ["dst", "src", "dst_scale"],
  engines: () => ["vector"],
  rules: {
    C1: wholeQuadrants("src"),
    C2: {
      says: "src has a multiple of 4 elements per partition and dst a quarter of them",
      broken: ({ tile: { dst, src } }) =>
        src.free % 4 === 0 && dst.partitions === src.partitions && dst.free === src.free / 4
          ? undefined
          : `src is [${src.shape}] and dst is [${dst.shape}]`,
    },
    C3: scalesFit("dst_scale", "src", (src) => src.free / 4),
  },
  bits: () => ["dst", "dst_scale"],
  // A group with NaN or infinity gets the NaN scale and NaN elements (our choice).
  evaluate: ({ dst, src, dst_scale }, { tile }) => {
    const { partitions: P, free: F } = tile.src;
    const columns = F / 4;
    const { element, top } = targets[tile.dst.dtype]!;
    for (let row = 0; row < P; row += 8)
      for (let c = 0; c < columns; c++) {
        let largest = 0;
        for (let p = row; p < row + 8; p++)
          for (let j = 0; j < 4; j++)
            largest = Math.max(largest, Math.abs(src[p * F + 4 * c + j]!));
        const finite = Number.isFinite(largest);
        const e = !finite
          ? 128
          : largest === 0
            ? lowest
            : Math.max(lowest, exponentOf(largest) - (top - 1));
        dst_scale[scaleRow(row) * tile.dst_scale.free + c] = e + 127;
        for (let p = row; p < row + 8; p++) {
          let packed = 0;
          for (let j = 3; j >= 0; j--) {
            const v = finite ? src[p * F + 4 * c + j]! / 2 ** e : Number.NaN;
            packed = packed * 256 + encode(v, element);
          }
          dst[p * columns + c] = packed;
        }
      }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "N/4 + fixed cycles: four elements a lane and cycle",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst",
    cycles: (call) => streaming(call, call.tile.src.free, 4),
  },
});
