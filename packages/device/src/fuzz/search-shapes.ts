/** Operand shapes of gathers, searches, generators and microscaling, for the fuzzer. */
import type { Random } from "@opentrn/base";
import { scaleRow } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import {
  type Draw,
  dtypesOf,
  type Form,
  float32,
  free,
  indices,
  maybe,
  number,
  oneType,
  partitions,
  quadrants,
  scalar,
  tile,
  typed,
} from "./shape-parts.ts";

const cores = [16, 32, 48, 64, 112, 128] as const;
/** Where a scale tile may start in a quadrant. */
const scaleOffsets = [0, 4, 8, 12] as const;
const words: readonly DType[] = ["float32", "int32", "uint32"];

export const searchShapes: Readonly<Record<string, Draw>> = {
  local_gather: (r, op, chip) => {
    const P = r.pick(cores);
    const [N, K] = [40 + r.below(100), 1 + r.below(4)];
    const each = r.pick([1, 2, 4, 8, 16, 32] as const);
    const used = r.below(2) ? 0 : 1 + r.below(16 * K);
    const dtype = oneType(r, op, chip, "dst");
    return {
      forms: {
        dst: typed(dtype, P, (used || 16 * K) * each),
        src_buffer: typed(dtype, P, N),
        index: indices("uint16", N - each + 1, P, K),
      },
      attrs: { num_elem_per_idx: each, num_valid_indices: used },
    };
  },
  nc_n_gather: (r, op, chip) => {
    const P = r.pick(partitions);
    const [N, K] = [1 + r.below(200), 1 + r.below(80)];
    const dtype = oneType(r, op, chip, "dst");
    return {
      forms: {
        dst: typed(dtype, P, K),
        data: typed(dtype, P, N),
        indices: indices("uint32", N, P, K),
      },
    };
  },
  nc_stream_shuffle: (r, op, chip) => {
    const P = r.below(2) ? r.pick(quadrants) : 1 + r.below(32);
    const shape = free(r);
    const dtype = oneType(r, op, chip, "dst");
    const mask = Array.from({ length: 32 }, () =>
      r.below(5) === 0 ? 255 : r.below(Math.min(P, 32)),
    );
    return {
      forms: { dst: typed(dtype, P, ...shape), src: typed(dtype, P, ...shape) },
      attrs: { shuffle_mask: mask },
    };
  },
  max8: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 8), src: tile(P, 8 + r.below(200)) } };
  },
  nc_find_index8: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 8), data: tile(P, 8 + r.below(200)), vals: tile(P, 8) } };
  },
  nc_match_replace8: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    return {
      forms: {
        dst: tile(P, ...shape),
        data: tile(P, ...shape),
        vals: tile(P, 8),
        imm: number(r),
        dst_idx: maybe(r, tile(P, 8)),
      },
    };
  },
  sequence_bounds: (r) => {
    const n = 1 + r.below(100);
    const ids = r.pick(["float32", "int32"] as const);
    return { forms: { dst: tile(1, 2, n), segment_ids: indices(ids, 6, 1, n) } };
  },
  nonzero_with_count: (r) => {
    const [P, T] = [r.pick(partitions), 1 + r.below(100)];
    const src = r.pick(["float32", "int32"] as const);
    return { forms: { dst: tile(P, T + 1), src: indices(src, 2, P, T) } };
  },
  topk: (r) => {
    const [P, n] = [r.pick(cores), 8 + r.below(150)];
    const K = 1 + r.below(n);
    return {
      forms: {
        val_dst: tile(P, K),
        idx_dst: tile(P, K),
        src: tile(P, Math.ceil(n / 16) + r.below(2)),
      },
      attrs: { n },
    };
  },
  rand2: (r) => {
    const P = r.pick(partitions);
    const low = r.below(5) - 2;
    return {
      forms: {
        dst: tile(P, ...free(r)),
        min: r.below(2) ? { value: low } : float32(P, 1),
        max: r.below(2) ? { value: low + 1 + r.below(3) } : float32(P, 1),
      },
    };
  },
  dropout: (r, op, chip) => {
    const P = r.pick(partitions);
    const shape = free(r);
    const dtype = oneType(r, op, chip, "dst");
    return {
      forms: {
        dst: typed(dtype, P, ...shape),
        data: typed(dtype, P, ...shape),
        prob: r.below(2)
          ? { value: r.pick([0, 0.25, 0.5, 1]) }
          : { shape: [P, 1], dtype: "float32", contents: "unit" },
      },
    };
  },
  set_rng_seed: (r) => ({ forms: { src_seeds: typed(r.pick(words), 1, 1) } }),
  rand_set_state: (r, _, chip) => state(r, chip.generation, "src_seeds"),
  rand_get_state: (r, _, chip) => state(r, chip.generation, "dst"),
  quantize_mx: (r) => {
    const [P, groups] = [r.pick(quadrants), 1 + r.below(40)];
    return {
      forms: { dst: tile(P, groups), src: tile(P, 4 * groups), dst_scale: scales(r, P, groups) },
    };
  },
  nc_matmul_mx: (r) => {
    const [K, M, N] = [r.pick(quadrants), 2 * (1 + r.below(40)), 1 + r.below(80)];
    return {
      forms: {
        dst: tile(M, N),
        stationary: tile(K, M),
        moving: tile(K, N),
        stationary_scale: scales(r, K, M),
        moving_scale: scales(r, K, N),
      },
      attrs: { tile_position: [], tile_size: [] },
    };
  },
  dma_compute: (r, _, chip) => {
    const [P, shape, n] = [r.pick(partitions), free(r, 60), 1 + r.below(4)];
    const forms: Record<string, Form> = { dst: tile(P, ...shape) };
    for (let i = 0; i < n; i++) forms[`src${i}`] = typed(r.pick(dtypesOf(chip)), P, ...shape);
    return { forms, attrs: { reduce_op: "add", scales: 1, oob_mode: "error" } };
  },
  exponential: (r) => {
    const [P, shape] = [r.pick(partitions), free(r)];
    const reduce_cmd = r.pick(["idle", "reset_reduce", "reduce", "load_reduce"] as const);
    return {
      forms: {
        dst: tile(P, ...shape.slice(0, 3)),
        src: tile(P, ...shape.slice(0, 3)),
        max_value: scalar(r, P),
        reduce_res: maybe(r, float32(P, 1)),
        reduce_init: reduce_cmd === "load_reduce" ? scalar(r, P) : undefined,
      },
      attrs: { reduce_cmd },
    };
  },
  activate2: (r) => {
    const [P, shape] = [r.pick(partitions), free(r)];
    const [op0, op1] = r.pick([
      ["multiply", "add"],
      ["multiply", "subtract"],
      ["multiply", "bypass"],
      ["add", "bypass"],
      ["subtract", "bypass"],
      ["bypass", "bypass"],
    ] as const);
    return {
      forms: {
        dst: tile(P, ...shape),
        data: tile(P, ...shape),
        imm0: scalar(r, P),
        imm1: scalar(r, P),
        relu_param: scalar(r, P),
        reduce_res: maybe(r, float32(P, 1)),
      },
      attrs: {
        op0,
        op1,
        reverse0: op0 !== "bypass" && r.below(2) === 1,
        reverse1: op1 !== "bypass" && r.below(2) === 1,
        reduce_op: r.pick(["add", "maximum", "minimum", "abs_max", "abs_min"] as const),
        reduce_cmd: r.pick(["idle", "reset", "reduce", "reset_reduce"] as const),
      },
    };
  },
  tensor_scalar_cumulative: (r) => {
    const [P, shape] = [r.pick(partitions), free(r)];
    const reduce_cmd = r.pick(["reset_reduce", "reduce", "load_reduce"] as const);
    const [op0, takes] = r.pick([
      ["add", true],
      ["multiply", true],
      ["maximum", true],
      ["less", true],
      ["abs", false],
      ["bypass", false],
    ] as const);
    return {
      forms: {
        dst: tile(P, ...shape),
        src: tile(P, ...shape),
        imm0: takes ? scalar(r, P) : undefined,
        imm1: reduce_cmd === "load_reduce" ? scalar(r, P) : undefined,
      },
      attrs: {
        op0,
        op1: r.pick(["add", "subtract", "multiply", "maximum", "minimum"] as const),
        reduce_cmd,
      },
    };
  },
};

const state = (r: Random, generation: number, name: string) => {
  const engine = generation >= 4 && r.below(2) ? "vector" : "gpsimd";
  return {
    forms: { [name]: typed("uint32", r.pick(partitions), engine === "vector" ? 24 : 6) },
    attrs: { engine },
  };
};

/** A scale tile for `P` partitions of data, at one of the four places of its quadrants. */
const scales = (r: Random, P: number, columns: number): Form => {
  const needed = scaleRow(P - 1) + 1;
  return {
    shape: [Math.min(needed + r.below(4), 128 - 12), columns],
    dtype: r.pick(["float8_e8m0fnu", "uint8"] as const),
    start: r.pick(scaleOffsets),
    contents: { below: 254 },
  };
};
