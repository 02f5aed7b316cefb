/** How the operands of an instruction relate in shape, for the fuzzer. Instructions without a row are element-wise. */
import type { Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { AnyInstruction, OperandSpec } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { collectiveShapes } from "./collective-shapes.ts";
import { searchShapes } from "./search-shapes.ts";
import {
  type Draw,
  type Drawn,
  type Form,
  float32,
  free,
  maybe,
  number,
  oneType,
  partitions,
  scalar,
  tile,
  typed,
} from "./shape-parts.ts";

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

/** Element-wise, with one type for the named operands. */
const alike =
  (...names: readonly string[]): Draw =>
  (r, op, chip) => {
    const drawn = elementwise(r, op, chip);
    const dtype = oneType(r, op, chip, names[0]!);
    const forms = { ...drawn.forms };
    for (const n of names) {
      const f = forms[n];
      if (f && "shape" in f) forms[n] = { ...f, dtype };
    }
    return { ...drawn, forms };
  };

/** ScalarE's reduction takes add only. */
const activating =
  (reduces: boolean): Draw =>
  (r, op, chip) => {
    const drawn = elementwise(r, op, chip);
    const P = drawn.forms["dst"] as { readonly shape: readonly number[] };
    const scale = r.below(2) ? number(r) : float32(P.shape[0]!, 1);
    const reduce_op = reduces || r.below(2) ? "add" : undefined;
    return { forms: { ...drawn.forms, scale }, attrs: { reduce_op } };
  };

const exact = ["add", "subtract", "multiply", "maximum", "minimum", "equal", "less"] as const;
const bitwise = ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"] as const;
const integers = ["int8", "uint8", "int16", "uint16", "int32", "uint32"] as const;

const reducing: Draw = (r) => {
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
};

export const operandShapes: Readonly<Record<string, Draw>> = {
  nc_matmul: (r, _, chip) => {
    const [K, M, N] = [r.pick(partitions), 1 + r.below(70), 1 + r.below(140)];
    const wide = r.below(3) === 0;
    const transposes = !wide && r.below(6) === 0;
    const narrow = ["bfloat16", "float16", "float8_e4m3", "float8_e5m2"] as const;
    const both = wide ? "float32" : transposes ? r.pick(narrow) : undefined;
    const [a, b] = [both ?? r.pick(narrow), both ?? r.pick(narrow)] as DType[] as [DType, DType];
    const dst = transposes ? b : r.pick(["float32", "bfloat16", "float32"] as const);
    const rows = chip.generation >= 3 && !wide && r.below(8) === 0 ? 2 : 1;
    const split = (n: number): number[] => (rows === 2 ? [2, n] : [n]);
    const eight = ["float8_e4m3", "float8_e5m2"] as const;
    return {
      forms: {
        dst: typed(dst, M, N),
        stationary: typed(rows === 2 ? r.pick(eight) : a, K, ...split(M)),
        moving: typed(rows === 2 ? r.pick(eight) : b, K, ...split(N)),
      },
      attrs: {
        is_transpose: transposes,
        is_stationary_onezero: false,
        is_moving_onezero: false,
        tile_position: [],
        tile_size: [],
        perf_mode: rows === 2 ? "double_row" : "none",
      },
    };
  },
  nc_transpose: (r, op, chip) => {
    const small = r.below(2) === 0;
    const most = small ? 32 : 128;
    const [P, F] = [1 + r.below(most), 1 + r.below(most)];
    const dtype = oneType(r, op, chip, "data");
    return {
      forms: { dst: typed(dtype, F, P), data: typed(dtype, P, F) },
      attrs: { engine: small ? "vector" : "tensor" },
    };
  },
  tensor_tensor: (r, op, chip) => {
    const drawn = elementwise(r, op, chip);
    const kind = r.below(4);
    if (kind === 0) return drawn;
    const dtype = kind === 1 ? r.pick(integers) : undefined;
    const forms = Object.fromEntries(
      Object.entries(drawn.forms).map(([n, f]) => [n, dtype ? { ...f, dtype } : f]),
    ) as typeof drawn.forms;
    return {
      forms,
      attrs: { op: r.pick(kind === 1 ? [...bitwise, ...exact] : exact), engine: "unknown" },
    };
  },
  tensor_scalar: (r, op, chip) => {
    const { forms } = elementwise(r, op, chip);
    const { shape } = forms["dst"] as { readonly shape: readonly number[] };
    const P = shape[0]!;
    const bits = r.below(4) === 0;
    const two = r.below(2) === 0;
    const [dtype, ops] = bits
      ? ([r.pick(integers), bitwise] as const)
      : ([undefined, exact] as const);
    const operand = (): Form =>
      bits ? (r.below(2) ? { value: r.below(16) } : typed(dtype!, P, 1)) : scalar(r, P);
    const same = (): Form => ({ shape, ...(dtype ? { dtype } : {}) });
    return {
      forms: {
        dst: same(),
        data: same(),
        operand0: operand(),
        operand1: two ? operand() : undefined,
      },
      attrs: { op0: r.pick(ops), op1: two ? r.pick(ops) : undefined, engine: "unknown" },
    };
  },
  scalar_tensor_tensor: (r, op, chip) => {
    const { forms } = elementwise(r, op, chip);
    const { shape } = forms["dst"] as { readonly shape: readonly number[] };
    const attrs = { op0: r.pick(exact), op1: r.pick(exact) };
    return { forms: { ...forms, operand0: scalar(r, shape[0]!) }, attrs };
  },
  tensor_tensor_scan: (r, op, chip) => ({
    ...elementwise(r, op, chip),
    attrs: { op0: r.pick(exact), op1: r.pick(exact) },
  }),
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
  dma_transpose: (r, op, chip) => {
    const dtype = oneType(r, op, chip, "src");
    const [a, b] = [r.pick([16, 16, 32, 64, 128] as const), 1 + r.below(128)];
    const [c, d] = [1 + r.below(4), 1 + r.below(4)];
    const [from, to] = r.pick([
      [
        [a, b],
        [b, a],
      ],
      [
        [c, a, b],
        [b, a, c],
      ],
      [
        [c, a, d, b],
        [b, a, d, c],
      ],
    ] as const);
    return { forms: { dst: typed(dtype, ...to), src: typed(dtype, ...from) } };
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
        reduce_res: maybe(r, tile(P, 1)),
      },
      attrs: {
        comp_op0: r.pick(compare),
        comp_op1: r.pick(compare),
        reduce_op: "maximum",
        range_start: r.below(100),
      },
    };
  },
  select_reduce: (r, op, chip) => ({
    ...elementwise(r, op, chip),
    attrs: {
      reduce_op: "maximum",
      reduce_cmd: r.pick(["idle", "reset", "reduce", "reset_reduce"] as const),
    },
  }),
  activation: activating(false),
  activation_reduce: activating(true),
  tensor_copy_predicated: alike("dst", "src"),
  tensor_scalar_reduce: reducing,
  ...searchShapes,
  ...collectiveShapes,
};

/** `axis` as the records take it: the last `n` of the free dimensions, numbered with the partition as 0. */
const axesOf = (rank: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => rank - n + 1 + i);
const affine = (r: Random) => ({ offset: r.below(20) - 10, channel_multiplier: r.below(9) - 4 });
const pattern = (r: Random, shape: readonly number[]): number[] =>
  shape.flatMap((n) => [r.below(7) - 3, n]);

export const drawOperands = (r: Random, op: AnyInstruction, chip: Chip): Drawn =>
  (operandShapes[op.name] ?? elementwise)(r, op, chip);
