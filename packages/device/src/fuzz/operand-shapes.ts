/** How the operands of an instruction relate in shape, for the fuzzer. Instructions without a row are element-wise. */
import type { Random } from "@opentrn/base";
import type { AnyInstruction, OperandSpec } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";

/** A tile of that shape (partitions first), an immediate number, or left out. */
export type Form =
  | { readonly shape: readonly number[]; readonly dtype?: DType }
  | { readonly value: number }
  | undefined;
export interface Drawn {
  readonly forms: Readonly<Record<string, Form>>;
  /** Attributes that must fit the shapes. */
  readonly attrs?: Readonly<Record<string, unknown>>;
}
type Draw = (r: Random, op: AnyInstruction) => Drawn;

const partitions = [1, 2, 3, 7, 16, 31, 32, 48, 64, 100, 128] as const;
const sizes = [1, 2, 3, 5, 8, 16, 17, 33, 64, 100, 130] as const;

/** One to three free dimensions of at most `most` elements together. */
function free(r: Random, most = 400): number[] {
  const rank = 1 + r.below(3);
  const shape: number[] = [];
  let left = most;
  for (let d = 0; d < rank; d++) {
    const n = Math.min(left, d === 0 ? r.pick(sizes) : 1 + r.below(6));
    shape.push(Math.max(1, n));
    left = Math.floor(left / Math.max(1, n));
  }
  return shape;
}

const tile = (...shape: number[]): Form => ({ shape });
const float32 = (...shape: number[]): Form => ({ shape, dtype: "float32" });
const number = (r: Random): Form => ({ value: r.pick([0, 1, -1, 2, 0.5, 3, -7, 1e-3, 100]) });

/** Same shape for all, but scalars and vectors where the record takes numbers. */
const elementwise: Draw = (r, op) => {
  const P = r.pick(partitions);
  const shape = free(r);
  const forms: Record<string, Form> = {};
  for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
    if (spec.optional && r.below(3) === 0) continue;
    if (spec.scalar)
      forms[name] = spec.spaces.length === 0 || r.below(2) === 0 ? number(r) : tile(P, 1);
    else if (name.startsWith("reduce_res")) forms[name] = tile(P, 1);
    else forms[name] = tile(P, ...shape);
  }
  return { forms };
};

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const operandShapes: Readonly<Record<string, Draw>> = {
  nc_matmul: (r) => {
    const [K, M, N] = [r.pick(partitions), 1 + r.below(70), 1 + r.below(140)];
    return { forms: { dst: tile(M, N), stationary: tile(K, M), moving: tile(K, N) } };
  },
  nc_transpose: (r) => {
    const small = r.below(2) === 0;
    const [P, F] = small
      ? [1 + r.below(32), 1 + r.below(32)]
      : [1 + r.below(128), 1 + r.below(128)];
    return {
      forms: { dst: tile(F, P), data: tile(P, F) },
      attrs: { engine: small ? "vector" : "tensor" },
    };
  },
  tensor_reduce: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    const axes = 1 + r.below(shape.length);
    const kept = shape.slice(0, shape.length - axes);
    return {
      forms: { dst: tile(P, ...(kept.length ? kept : [1])), data: tile(P, ...shape) },
      attrs: { axis: axesOf(shape.length, axes) },
    };
  },
  tensor_partition_reduce: (r) => {
    const shape = free(r, 60);
    return { forms: { dst: tile(1, ...shape), data: tile(r.pick(partitions), ...shape) } };
  },
  bn_stats: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 6), data: tile(P, 1 + r.below(300)) } };
  },
  bn_aggr: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 2), data: tile(P, 3 * (1 + r.below(20))) } };
  },
  iota: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    return {
      forms: { dst: tile(P, ...shape) },
      attrs: { ...affine(r), pattern: pattern(r, shape) },
    };
  },
  affine_select: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    return {
      forms: { dst: tile(P, ...shape), on_true_tile: tile(P, ...shape), on_false_value: number(r) },
      attrs: { ...affine(r), pattern: pattern(r, shape) },
    };
  },
  dma_copy: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    return { forms: { dst: tile(P, ...shape), src: tile(P, ...shape) } };
  },
  dma_transpose: (r) => {
    const [a, b] = [r.pick([16, 32, 64, 128] as const), r.pick([16, 32, 64, 128] as const)];
    return { forms: { dst: tile(b, a), src: tile(a, b) } };
  },
  range_select: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    const compare = ["equal", "greater_equal", "greater", "less_equal", "less"] as const;
    return {
      forms: {
        dst: tile(P, ...shape),
        on_true_tile: {
          shape: [P, ...shape],
          dtype: r.pick(["float32", "bfloat16", "float16"] as const),
        },
        bound0: float32(P, 1),
        bound1: float32(P, 1),
        reduce_res: r.below(2) ? tile(P, 1) : undefined,
      },
      attrs: {
        comp_op0: r.pick(compare),
        comp_op1: r.pick(compare),
        reduce_op: "maximum",
        range_start: r.below(100),
      },
    };
  },
  tensor_scalar_reduce: (r) => {
    const P = r.pick(partitions);
    const shape = free(r);
    return {
      forms: {
        dst: tile(P, ...shape),
        data: tile(P, ...shape),
        operand0: r.below(2) ? number(r) : float32(P, 1),
        reduce_res: r.below(3) ? tile(P, 1) : undefined,
      },
      attrs: {
        reverse0: false,
        reduce_op: r.pick(["add", "multiply", "maximum", "minimum"] as const),
        reduce_cmd: r.pick(["reset_reduce", "reduce"] as const),
      },
    };
  },
  select_reduce: (r, op) => ({ ...elementwise(r, op), attrs: { reduce_op: "maximum" } }),
  max8: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 8), src: tile(P, 8 + r.below(200)) } };
  },
  nc_find_index8: (r) => {
    const P = r.pick(partitions);
    return { forms: { dst: tile(P, 8), data: tile(P, 8 + r.below(200)), vals: tile(P, 8) } };
  },
};

/** `axis` as the records take it: the last `n` of the free dimensions, numbered with the partition as 0. */
const axesOf = (rank: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => rank - n + 1 + i);
const affine = (r: Random) => ({ offset: r.below(20) - 10, channel_multiplier: r.below(9) - 4 });
const pattern = (r: Random, shape: readonly number[]): number[] =>
  shape.flatMap((n) => [r.below(7) - 3, n]);

export const drawOperands = (r: Random, op: AnyInstruction): Drawn =>
  (operandShapes[op.name] ?? elementwise)(r, op);
export const elementsIn = count;
