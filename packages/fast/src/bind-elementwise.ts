/** Binders of element-wise instructions: the fp32 pipeline, raw bits, exact integers, and ScalarE's activations. */
import { type ActivationName, activationId, aluId } from "@opentrn/numerics";
import type { BindRequest, Step } from "./bind.ts";
import {
  type Binder,
  bitwise,
  flag,
  NONE,
  onBits,
  opNumber,
  type Reduction,
  step,
} from "./binder.ts";
import type { Kernels } from "./kernels.ts";
import { NoFastPath, type Operands } from "./operands.ts";

interface Stages {
  readonly data: number;
  readonly op0?: number;
  readonly operand0?: number;
  readonly reverse0?: unknown;
  readonly op1?: number;
  readonly operand1?: number;
  readonly reverse1?: unknown;
  readonly fn?: number;
  readonly reduce?: Reduction | undefined;
}

/** dst = fn((data op0 operand0) op1 operand1) in fp32, optionally reduced into accumulators. */
export function pipeline(o: Operands, k: Kernels, name: string, s: Stages): Step {
  const dst = o.tile("dst");
  const [op0, op1, fn] = [s.op0 ?? NONE, s.op1 ?? NONE, s.fn ?? NONE];
  const [a, b] = [s.operand0 ?? 0, s.operand1 ?? 0];
  const [reverse0, reverse1] = [flag(s.reverse0), flag(s.reverse1)];
  const { op, registers, reset } = s.reduce ?? { op: NONE, registers: 0, reset: 0 };
  const { exports } = k;
  const { data } = s;
  return step(name, () =>
    exports.pipeline(dst, data, op0, a, reverse0, op1, b, reverse1, fn, 0, op, registers, reset),
  );
}

/** Two ALU operations with a number, a column or a tile each; bitwise ones on raw bits. */
function twoStages(o: Operands, k: Kernels, r: BindRequest, operand1: () => number): Step {
  const { op0, op1, reverse0, reverse1 } = o.attr;
  if (bitwise(op0)) {
    o.sameWidth("dst", "data");
    const [dst, data] = [o.tile("dst"), o.tile("data")];
    const dtype = o.shape("data").dtype;
    const [a, b] = [
      o.repeatedBits("operand0", "data", dtype),
      o.repeatedBits("operand1", "data", dtype),
    ];
    const [n0, n1, r0, r1] = [opNumber(op0), opNumber(op1), flag(reverse0), flag(reverse1)];
    return step(r.op.name, () => k.exports.bitvec(dst, data, n0, a, r0, n1, b, r1));
  }
  return pipeline(o, k, r.op.name, {
    data: o.tile("data"),
    op0: opNumber(op0),
    operand0: o.repeated("operand0", "data"),
    reverse0,
    op1: opNumber(op1),
    operand1: operand1(),
    reverse1,
  });
}

/** f(data * scale + bias) with the accumulator commands of ScalarE. */
function activate(o: Operands, k: Kernels, r: BindRequest, command: string): Step {
  const registers = o.accumulators("scalarAccumulator", "data");
  const reduces = command === "reduce" || command === "reset_reduce";
  const run = pipeline(o, k, r.op.name, {
    data: o.tile("data"),
    op0: aluId.multiply,
    operand0: o.repeated("scale", "data", 1),
    op1: aluId.add,
    operand1: o.repeated("bias", "data", 0),
    fn: activationId[o.attr["op"] as ActivationName],
    reduce: reduces
      ? { op: aluId.add, registers, reset: flag(command === "reset_reduce") }
      : undefined,
  });
  const zero = o.constant(0, [o.shape("data").partitions]);
  const clear =
    command === "reset" ? step(r.op.name, () => k.exports.copy(registers, zero)) : undefined;
  const result = o.has("reduce_res") ? o.tile("reduce_res") : undefined;
  const readOut =
    result === undefined ? undefined : step(r.op.name, () => k.exports.cast(result, registers));
  return () => {
    run();
    clear?.();
    readOut?.();
  };
}

export const elementwise: Readonly<Record<string, Binder>> = {
  activation: (o, k, r) => activate(o, k, r, o.attr["reduce_cmd"] as string),
  activation_reduce: (o, k, r) => activate(o, k, r, "reset_reduce"),
  tensor_tensor: (o, k, r) => {
    const [dst, a, b, op] = [
      o.tile("dst"),
      o.tile("data1"),
      o.tile("data2"),
      opNumber(o.attr["op"]),
    ];
    if (bitwise(o.attr["op"])) {
      o.sameWidth("dst", "data1", "data2");
      return step("tensor_tensor", () => k.exports.bitvec(dst, a, op, b, 0, NONE, 0, 0));
    }
    if (!onBits(r)) return pipeline(o, k, "tensor_tensor", { data: a, op0: op, operand0: b });
    const signed = flag(o.shape("data1").dtype === "int32");
    return step("tensor_tensor", () => k.exports.integer(op, signed, dst, a, b));
  },
  tensor_scalar: (o, k, r) => twoStages(o, k, r, () => o.repeated("operand1", "data")),
  scalar_tensor_tensor: (o, k, r) => {
    if (bitwise(o.attr["op0"])) throw new NoFastPath();
    return twoStages(o, k, r, () => o.tile("operand1"));
  },
  reciprocal: (o, k) =>
    pipeline(o, k, "reciprocal", { data: o.tile("data"), op0: aluId.reciprocal }),
};
