/** Which instructions have a fast path, and how each becomes kernel calls. One row an instruction. */
import {
  type ActivationName,
  type AluName,
  activationId,
  aluId,
  bytesOf,
  encode,
  isBitvec,
  isInteger,
} from "@opentrn/numerics";
import type { BindRequest, Step } from "./bind.ts";
import type { Kernels } from "./kernels.ts";
import { NoFastPath, Operands } from "./operands.ts";
import { check } from "./status.ts";

type Binder = (o: Operands, k: Kernels, r: BindRequest) => Step;

const NONE = -1;

/** A step that throws when the kernel refuses an operand. */
const step = (name: string, call: () => number): Step => {
  return () => {
    const status = call();
    if (status !== 0) check(name, status);
  };
};

/** Number of an arithmetic ALU operation; bitwise and exact integer calls have no kernel here. */
function arithmetic(r: BindRequest, op: unknown): number {
  if (op === undefined) return NONE;
  if (isBitvec(op as AluName) || onBits(r)) throw new NoFastPath();
  return aluId[op as AluName];
}

const onBits = (r: BindRequest): boolean =>
  ((r.op.bits?.(r.call as never) ?? []) as readonly string[]).length > 0;

interface Pipeline {
  readonly data: number;
  readonly op0?: number;
  readonly operand0?: number;
  readonly reverse0?: unknown;
  readonly op1?: number;
  readonly operand1?: number;
  readonly reverse1?: unknown;
  readonly fn?: number;
  readonly reduce?: { readonly op: number; readonly registers: number; readonly reset: boolean };
}

function pipeline(o: Operands, k: Kernels, name: string, p: Pipeline): Step {
  const dst = o.tile("dst");
  const [op0, op1, fn] = [p.op0 ?? NONE, p.op1 ?? NONE, p.fn ?? NONE];
  const [a, b] = [p.operand0 ?? 0, p.operand1 ?? 0];
  const [reverse0, reverse1] = [p.reverse0 ? 1 : 0, p.reverse1 ? 1 : 0];
  const { op, registers, reset } = p.reduce ?? { op: NONE, registers: 0, reset: false };
  const { exports } = k;
  const { data } = p;
  const restart = reset ? 1 : 0;
  return step(name, () =>
    exports.pipeline(dst, data, op0, a, reverse0, op1, b, reverse1, fn, 0, op, registers, restart),
  );
}

/** f(data * scale + bias) with the accumulator commands of ScalarE. */
function activate(o: Operands, k: Kernels, r: BindRequest, command: string): Step {
  const counts = o.shape("data");
  const registers = o.accumulators("scalarAccumulator", "data");
  const run = pipeline(o, k, r.op.name, {
    data: o.tile("data"),
    op0: aluId.multiply,
    operand0: o.repeated("scale", "data", 1),
    op1: aluId.add,
    operand1: o.repeated("bias", "data", 0),
    fn: activationId[o.attr["op"] as ActivationName],
    ...(command === "reduce" || command === "reset_reduce"
      ? { reduce: { op: aluId.add, registers, reset: command === "reset_reduce" } }
      : {}),
  });
  const zero = o.constant(0, [counts.partitions]);
  const clear =
    command === "reset" ? step(r.op.name, () => k.exports.copy(registers, zero)) : undefined;
  const result = o.has("reduce_res") ? o.tile("reduce_res") : 0;
  const readOut = result ? step(r.op.name, () => k.exports.cast(result, registers)) : undefined;
  return () => {
    run();
    clear?.();
    readOut?.();
  };
}

const copy: Binder = (o, k, r) => {
  const [dst, src] = [o.tile("dst"), o.tile("src")];
  return step(r.op.name, () => k.exports.copy(dst, src));
};

/** Kernel calls by instruction name. */
export const binders: Readonly<Record<string, Binder>> = {
  dma_copy: copy,
  tensor_copy: copy,
  memset: (o, k, r) => {
    const dst = o.tile("dst");
    const { dtype } = o.shape("dst");
    const value = r.call.immediate["value"] ?? 0;
    const bits = isInteger(dtype)
      ? Number(BigInt.asUintN(8 * bytesOf(dtype), BigInt(value)))
      : dtype.endsWith("_x4")
        ? 0
        : encode(value, dtype);
    return step("memset", () => k.exports.fill(dst, bits));
  },
  nc_matmul: (o, k, r) => {
    const [dst, stationary, moving] = [o.tile("dst"), o.tile("stationary"), o.tile("moving")];
    if (onBits(r)) {
      if (
        o.shape("stationary").free !== o.shape("dst").partitions ||
        o.shape("dst").free !== o.shape("stationary").partitions
      )
        throw new NoFastPath();
      return step("nc_matmul", () => k.exports.transpose(dst, stationary));
    }
    const rows = o.attr["perf_mode"] === "double_row" ? 2 : 1;
    const accumulate = o.attr["accumulate"] ? 1 : 0;
    return step("nc_matmul", () => k.exports.matmul(dst, stationary, moving, rows, accumulate));
  },
  nc_transpose: (o, k, r) => {
    if (!onBits(r)) throw new NoFastPath();
    const [dst, data] = [o.tile("dst"), o.tile("data")];
    return step("nc_transpose", () => k.exports.transpose(dst, data));
  },
  dma_transpose: (o, k) => {
    const { shape } = o.shape("src");
    const flat = shape.filter((n) => n !== 1).length <= 2 && shape[0] !== 1 && shape.at(-1) !== 1;
    const [dst, src] = [o.tile("dst"), flat ? o.tile("src") : o.turned("src")];
    return flat
      ? step("dma_transpose", () => k.exports.transpose(dst, src))
      : step("dma_transpose", () => k.exports.copy(dst, src));
  },
  activation: (o, k, r) => activate(o, k, r, o.attr["reduce_cmd"] as string),
  activation_reduce: (o, k, r) => activate(o, k, r, "reset_reduce"),
  tensor_tensor: (o, k, r) =>
    pipeline(o, k, "tensor_tensor", {
      data: o.tile("data1"),
      op0: arithmetic(r, o.attr["op"]),
      operand0: o.tile("data2"),
    }),
  tensor_scalar: (o, k, r) =>
    pipeline(o, k, "tensor_scalar", {
      data: o.tile("data"),
      op0: arithmetic(r, o.attr["op0"]),
      operand0: o.repeated("operand0", "data"),
      reverse0: o.attr["reverse0"],
      op1: arithmetic(r, o.attr["op1"]),
      operand1: o.repeated("operand1", "data"),
      reverse1: o.attr["reverse1"],
    }),
  scalar_tensor_tensor: (o, k, r) =>
    pipeline(o, k, "scalar_tensor_tensor", {
      data: o.tile("data"),
      op0: arithmetic(r, o.attr["op0"]),
      operand0: o.repeated("operand0", "data"),
      reverse0: o.attr["reverse0"],
      op1: arithmetic(r, o.attr["op1"]),
      operand1: o.tile("operand1"),
      reverse1: o.attr["reverse1"],
    }),
  reciprocal: (o, k) =>
    pipeline(o, k, "reciprocal", { data: o.tile("data"), op0: aluId.reciprocal }),
  tensor_copy_predicated: (o, k, r) => {
    if (r.operands["src"]?.kind !== "tile") throw new NoFastPath();
    const [dst, src, predicate] = [o.tile("dst"), o.tile("src"), o.tile("predicate")];
    const reverse = o.attr["reverse_pred"] ? 1 : 0;
    return step("tensor_copy_predicated", () =>
      k.exports.copyPredicated(dst, src, predicate, reverse),
    );
  },
};

/** The closure that runs `request` on the kernels, or undefined where only the reference meaning exists. */
export function bindFast(kernels: Kernels, request: BindRequest): Step | undefined {
  const bind = binders[request.op.name];
  if (!bind) return undefined;
  try {
    return bind(new Operands(kernels, request), kernels, request);
  } catch (e) {
    if (e instanceof NoFastPath) return undefined;
    throw e;
  }
}

/** Instructions that have a fast path for at least some calls. */
export const fastInstructions: readonly string[] = Object.keys(binders);
