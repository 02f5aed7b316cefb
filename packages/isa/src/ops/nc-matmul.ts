import { bytesOf, type DType } from "@opentrn/numerics";
import { type AnyCall, instruction, type Tile } from "../define.ts";
import { scatterFits } from "./shared-rules.ts";
import { matmulCost } from "./tensor-cost.ts";

const inputs = [
  "float8_e4m3",
  "float8_e4m3fn",
  "float8_e5m2",
  "bfloat16",
  "float16",
  "tfloat32",
  "float32",
] as const;
const wide = (d: DType): boolean => d === "float32" || d === "tfloat32";

/** Contraction, stationary columns and moving columns; double_row splits the contraction over the first free dimension. */
export function matmulSizes(call: Pick<AnyCall, "tile" | "attr">): {
  K: number;
  M: number;
  N: number;
} {
  const s = call.tile["stationary"] as Tile;
  const m = call.tile["moving"] as Tile;
  const rows = call.attr["perf_mode"] === "double_row" ? 2 : 1;
  return { K: m.partitions * rows, M: s.free / rows, N: m.free / rows };
}

export const ncMatmul = instruction({
  name: "nc_matmul",
  summary:
    "dst = stationary.T @ moving, or dst += it. The stationary tile sits in the array; the moving tile streams through.",
  source: "NKI API reference, nki.isa.nc_matmul",
  generations: [2, 3, 4],
  operands: {
    dst: {
      role: "inout",
      spaces: ["psum"],
      indirect: true,
      doc: "[M, N], one PSUM bank before NeuronCore-v4",
    },
    stationary: {
      role: "in",
      spaces: ["sbuf"],
      dtypes: inputs,
      indirect: true,
      doc: "[K, M], at most 128 x 128",
    },
    moving: { role: "in", spaces: ["sbuf"], dtypes: inputs, indirect: true, doc: "[K, N]" },
  },
  attrs: {
    is_stationary_onezero: {
      kind: "bool",
      doc: "the stationary tile holds only ones and zeros (fp32: half the passes)",
    },
    is_moving_onezero: {
      kind: "bool",
      doc: "the moving tile holds only ones and zeros (fp32: half the passes)",
    },
    is_transpose: {
      kind: "bool",
      doc: "pass the moving tile through bit by bit instead of multiplying",
    },
    accumulate: {
      kind: "tristate",
      doc: "add to dst; None: the first matmul into a region overwrites, later ones add",
    },
    tile_position: { kind: "ints", doc: "(start_row, start_column) in the array" },
    tile_size: { kind: "ints", doc: "(row_size, column_size) of the array tile" },
    perf_mode: {
      kind: "enum",
      values: ["none", "double_row"],
      doc: "double_row: two fp8 rows a cycle",
    },
  },
  params: [
    "dst",
    "stationary",
    "moving",
    "is_stationary_onezero",
    "is_moving_onezero",
    "is_transpose",
    "accumulate",
    "tile_position",
    "tile_size",
    "perf_mode",
  ],
  engines: () => ["tensor"],
  readsOperand: (operand, attrs) => operand !== "dst" || attrs["accumulate"] === true,
  rules: {
    C1: {
      says: "stationary and moving have the same partition size (the contraction)",
      broken: ({ tile: { stationary: s, moving: m } }) =>
        s.partitions === m.partitions
          ? undefined
          : `stationary has ${s.partitions} partitions, moving has ${m.partitions}`,
    },
    C2: {
      says: "the moving free size fits the array's moving limit (one PSUM bank before NeuronCore-v4)",
      broken: (call) => {
        const { N } = matmulSizes(call);
        const half = call.chip.psum.matmulCrossesBanks.value && call.tile.dst.dtype === "bfloat16";
        const max = call.chip.tensor.movingMax.value * (half ? 2 : 1);
        return N <= max
          ? undefined
          : `moving free size is ${N}, at most ${max} on ${call.chip.name}; split it`;
      },
    },
    C3: {
      says: "the stationary free size is at most the columns of the array (or of its tile)",
      broken: (call) => {
        const { M } = matmulSizes(call);
        const max = call.attr.tile_size[1] ?? call.chip.tensor.stationaryMax.value;
        return M <= max ? undefined : `stationary free size is ${M}, at most ${max}; split it`;
      },
    },
    C4: {
      says: "dst is [M, N]: stationary's free size by moving's",
      broken: (call) => {
        const { M, N } = matmulSizes(call);
        const d = call.tile.dst;
        return d.partitions === M && d.free === N
          ? undefined
          : `dst is [${d.shape}], must be [${M},${N}]`;
      },
    },
    C5: {
      says: "fp32 and tf32 do not mix with narrower types",
      broken: ({ tile: { stationary: s, moving: m } }) =>
        wide(s.dtype) === wide(m.dtype)
          ? undefined
          : `stationary is ${s.dtype}, moving is ${m.dtype}; convert one`,
    },
    C6: {
      says: "dst is float32; on NeuronCore-v4 also bfloat16; in transpose mode from NeuronCore-v3 the input's type (16-bit for fp8)",
      broken: ({ tile: { dst, moving }, attr, chip }) => {
        if (attr.is_transpose && chip.tensor.transposeMode.value) {
          if (bytesOf(dst.dtype) === Math.max(2, bytesOf(moving.dtype))) return undefined;
          return `dst is ${dst.dtype}, must be as wide as ${moving.dtype} in transpose mode`;
        }
        if (dst.dtype === "float32" || (dst.dtype === "bfloat16" && chip.generation >= 4))
          return undefined;
        return `dst is ${dst.dtype}; use float32${chip.generation >= 4 ? " or bfloat16" : ""}`;
      },
    },
    C7: {
      says: "float8_e4m3 and float8_e4m3fn do not mix",
      broken: ({ tile: { stationary: s, moving: m } }) => {
        const types = [s.dtype, m.dtype];
        return types.includes("float8_e4m3") && types.includes("float8_e4m3fn")
          ? `operands are ${types.join(" and ")}`
          : undefined;
      },
    },
    C8: {
      says: "double_row takes fp8 tiles [K, 2, M] and [K, 2, N], NeuronCore-v3 or newer, no transpose, no column tiling",
      broken: ({ tile: { stationary: s, moving: m }, attr, chip }) => {
        if (attr.perf_mode !== "double_row") return undefined;
        if (!chip.tensor.doubleRow.value) return `${chip.name} has no double_row mode`;
        if (bytesOf(s.dtype) !== 1 || bytesOf(m.dtype) !== 1)
          return `operands are ${s.dtype} and ${m.dtype}; double_row needs fp8`;
        if (s.shape[1] !== 2 || m.shape[1] !== 2)
          return `operands are [${s.shape}] and [${m.shape}]; the first free dimension must be 2`;
        if (attr.is_transpose) return "double_row does not combine with is_transpose";
        return (attr.tile_size[1] ?? 128) !== 128
          ? "double_row does not combine with column tiling"
          : undefined;
      },
    },
    C9: {
      says: "tile_position and tile_size are given together; positions are multiples of sizes inside the 128 x 128 array",
      broken: ({ tile: { stationary: s }, attr: { tile_position: at, tile_size: size }, chip }) => {
        if (at.length === 0 && size.length === 0) return undefined;
        if (at.length !== 2 || size.length !== 2)
          return `tile_position is (${at}) and tile_size is (${size}); give both as pairs`;
        const least = chip.generation >= 3 ? 32 : 64;
        for (const i of [0, 1] as const) {
          if (![32, 64, 128].includes(size[i]!) || size[i]! < least)
            return `tile_size is (${size}); use ${least}, 64 or 128`;
          if (at[i]! % size[i]! !== 0 || at[i]! + size[i]! > 128)
            return `tile_position (${at}) does not fit tile_size (${size})`;
        }
        return s.partitions > size[0]!
          ? `contraction size ${s.partitions} exceeds the tile's ${size[0]} rows`
          : undefined;
      },
    },
    C10: {
      says: "before NeuronCore-v4 the result stays inside one PSUM bank",
      broken: ({ tile: { dst }, chip }) => {
        if (chip.psum.matmulCrossesBanks.value) return undefined;
        const bank = chip.psum.bankBytes.value;
        const extent =
          dst.shape.slice(1).reduce((n, count, i) => n + (count - 1) * dst.strides[i]!, 1) *
          bytesOf(dst.dtype);
        return (dst.psumOffset % bank) + extent <= bank
          ? undefined
          : `dst takes bytes ${dst.psumOffset} to ${dst.psumOffset + extent}; a bank is ${bank} bytes`;
      },
    },
    C11: {
      says: "tensor indirection takes 16-bit and fp8 tiles, the whole array, and not the moving tile of a transpose",
      broken: ({ tile, attr }) => {
        const { stationary: s, moving: m, dst } = tile;
        const indirect = [s, m, dst].some((t) => t.dynamic === "indirect");
        if (!indirect) return undefined;
        if (attr.tile_position.some((v) => v !== 0))
          return `tile_position is (${attr.tile_position})`;
        if (attr.is_transpose && m.dynamic === "indirect") return "moving is indirect";
        for (const [name, t] of [
          ["stationary", s],
          ["moving", m],
        ] as const)
          if (t.dynamic === "indirect" && wide(t.dtype)) return `${name} is ${t.dtype}`;
        return undefined;
      },
    },
    C12: scatterFits("stationary"),
  },
  bits: ({ attr, chip }) =>
    attr.is_transpose && chip.tensor.transposeMode.value ? ["dst", "stationary", "moving"] : [],
  evaluate: ({ dst, stationary, moving }, call) => {
    const { K, M, N } = matmulSizes(call);
    // Transpose mode passes the stationary tile through unchanged: [K, M] becomes [M, K].
    if (dst instanceof Uint32Array) {
      for (let m = 0; m < M; m++)
        for (let n = 0; n < N; n++) dst[m * N + n] = n < K ? stationary[n * M + m]! : 0;
      return;
    }
    // double_row: each partition holds two rows; the contraction takes both before it goes on to the next partition.
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const product = Math.fround(stationary[k * M + m]! * moving[k * N + n]!);
          sum = Math.fround(sum + product);
        }
        dst[m * N + n] = call.attr.accumulate ? dst[m * N + n]! + sum : sum;
      }
  },
  cost: {
    kind: "engine",
    basis: "measured",
    formula:
      "passes x max(64, N) + fixed; passes 1, fp32 4 (2 with onezero hints or in transpose mode)",
    source: "neuron-profile dumps of a trn2.3xlarge; Neuron SDK 2.26.1 nki.isa.nc_matmul",
    cycles: (call) => matmulCost(call, matmulSizes(call).N),
  },
});
