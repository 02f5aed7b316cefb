import { bytesOf } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import {
  packedTypes,
  scaleFactor,
  scaleOffsets,
  scaleRow,
  scalesFit,
  scaleTypes,
  unpacked,
  wholeQuadrants,
} from "./mx.ts";
import { scatterFits } from "./shared-rules.ts";
import { matmulCost } from "./tensor-cost.ts";

export const ncMatmulMx = instruction({
  name: "nc_matmul_mx",
  summary:
    "dst = stationary.T @ moving, or dst += it, for MXFP8 and MXFP4 tiles; every packed value holds four contraction elements.",
  source: "NKI API reference, nki.isa.nc_matmul_mx",
  generations: [4],
  operands: {
    dst: {
      role: "inout",
      spaces: ["psum"],
      dtypes: ["float32", "bfloat16"],
      indirect: true,
      doc: "[M, N]",
    },
    stationary: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: packedTypes,
      indirect: true,
      doc: "[K, M], at most 128 x 128",
    },
    moving: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: packedTypes,
      indirect: true,
      doc: "[K, N]",
    },
    stationary_scale: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: scaleTypes,
      keeps: true,
      quadrantOffsets: scaleOffsets,
      indirect: true,
      doc: "[K, M], four rows of each quadrant read",
    },
    moving_scale: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: scaleTypes,
      keeps: true,
      quadrantOffsets: scaleOffsets,
      indirect: true,
      doc: "[K, N], four rows of each quadrant read",
    },
  },
  attrs: {
    tile_position: { kind: "ints", doc: "(start_row, 0) in the array" },
    tile_size: { kind: "ints", doc: "(row_size, 128) of the array tile" },
    accumulate: {
      kind: "tristate",
      doc: "add to dst; None: the first matmul into a region overwrites, later ones add",
    },
  },
  params: [
    "dst",
    "stationary",
    "moving",
    "stationary_scale",
    "moving_scale",
    "tile_position",
    "tile_size",
    "accumulate",
  ],
  engines: () => ["tensor"],
  readsOperand: (operand, attrs) => operand !== "dst" || attrs["accumulate"] === true,
  rules: {
    C1: {
      says: "stationary and moving have the same partition size",
      broken: ({ tile: { stationary: s, moving: m } }) =>
        s.partitions === m.partitions
          ? undefined
          : `stationary has ${s.partitions} partitions, moving has ${m.partitions}`,
    },
    C2: wholeQuadrants("stationary"),
    C3: {
      says: "the stationary free size is even and at most 128",
      broken: ({ tile: { stationary: s } }) =>
        s.free % 2 === 0 && s.free <= 128 ? undefined : `stationary free size is ${s.free}`,
    },
    C4: {
      says: "the moving free size fits PSUM: 4096 for a float32 dst, 8192 for bfloat16",
      broken: ({ tile: { dst, moving: m }, chip }) => {
        const max = (chip.psum.banks.value * chip.psum.bankBytes.value) / bytesOf(dst.dtype);
        return m.free <= max ? undefined : `moving free size is ${m.free}, at most ${max}`;
      },
    },
    C5: {
      says: "dst is [M, N]: stationary's free size by moving's",
      broken: ({ tile: { dst, stationary: s, moving: m } }) =>
        dst.partitions === s.free && dst.free === m.free
          ? undefined
          : `dst is [${dst.shape}], must be [${s.free},${m.free}]`,
    },
    C6: scalesFit("stationary_scale", "stationary", (t) => t.free),
    C7: scalesFit("moving_scale", "moving", (t) => t.free),
    C8: {
      says: "tile_position (start_row, 0) and tile_size (32, 64 or 128, 128) are given together, the tile holds stationary and lies in the array",
      broken: ({ tile: { stationary: s }, attr: { tile_position: at, tile_size: size } }) => {
        if (at.length === 0 && size.length === 0) return undefined;
        const [row = -1, column = -1] = at;
        const [rows = 0, columns = 0] = size;
        return [32, 64, 128].includes(rows) &&
          columns === 128 &&
          column === 0 &&
          row >= 0 &&
          row % rows === 0 &&
          row + rows <= 128 &&
          s.partitions <= rows
          ? undefined
          : `tile_position is (${at}) and tile_size is (${size}) for ${s.partitions} partitions`;
      },
    },
    C9: {
      says: "a tile and its scales use tensor indirection together, and not with an array tile away from (0, 0)",
      broken: ({ tile: t, attr: { tile_position: at } }) => {
        for (const name of ["stationary", "moving"] as const)
          if (t[name].dynamic !== t[`${name}_scale`].dynamic)
            return `${name} is ${t[name].dynamic === "indirect" ? "" : "not "}indirect and its scales are the other way`;
        const indirect = Object.values(t).some((x) => x.dynamic === "indirect");
        return indirect && at.some((v) => v !== 0)
          ? `tile_position is (${at}) with tensor indirection`
          : undefined;
      },
    },
    C10: scatterFits("stationary"),
  },
  bits: () => ["stationary", "moving", "stationary_scale", "moving_scale"],
  // k ascends over partitions and, inside one, over the four packed elements; each product of elements and scales rounds once.
  evaluate: ({ dst, stationary, moving, stationary_scale, moving_scale }, { tile, attr }) => {
    const { partitions: K, free: M } = tile.stationary;
    const N = tile.moving.free;
    const left = new Float64Array(K * 4 * M);
    const right = new Float64Array(K * 4 * N);
    const expand = (
      into: Float64Array,
      name: "stationary" | "moving",
      raw: ArrayLike<number>,
      scales: ArrayLike<number>,
    ): void => {
      const { free, dtype } = tile[name];
      for (let k = 0; k < K; k++)
        for (let f = 0; f < free; f++) {
          const factor = scaleFactor(scales[scaleRow(k) * free + f]!);
          for (let j = 0; j < 4; j++)
            into[(k * 4 + j) * free + f] = unpacked(raw[k * free + f]!, dtype, j) * factor;
        }
    };
    expand(left, "stationary", stationary, stationary_scale);
    expand(right, "moving", moving, moving_scale);
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < 4 * K; k++)
          sum = Math.fround(sum + Math.fround(left[k * M + m]! * right[k * N + n]!));
        dst[m * N + n] = attr.accumulate ? dst[m * N + n]! + sum : sum;
      }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "as a bfloat16 nc_matmul of N columns: four times its contraction in the same time",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst",
    cycles: (call) => matmulCost(call, call.tile.moving.free),
  },
});
