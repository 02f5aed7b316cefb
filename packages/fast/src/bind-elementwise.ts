/** Binders of element-wise instructions: the fp32 pipeline, raw bits, exact integers, and ScalarE's activations. */
import { type ActivationName, activationId, aluId } from "@opentrn/numerics";
import type { BindRequest } from "./bind.ts";
import { type Binder, bitwise, flag, NONE, onBits, opNumber, type Reduction } from "./binder.ts";
import { type Call, call } from "./commands.ts";
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
export function pipeline(o: Operands, s: Stages): Call {
  const [op0, op1, fn] = [s.op0 ?? NONE, s.op1 ?? NONE, s.fn ?? NONE];
  const [a, b] = [s.operand0 ?? 0, s.operand1 ?? 0];
  const [reverse0, reverse1] = [flag(s.reverse0), flag(s.reverse1)];
  const { op, registers, reset } = s.reduce ?? { op: NONE, registers: 0, reset: 0 };
  const stages = [op0, a, reverse0, op1, b, reverse1, fn, 0];
  return call("pipeline", o.tile("dst"), s.data, ...stages, op, registers, reset);
}

/** Two ALU operations with a number, a column or a tile each; bitwise ones on raw bits. */
function twoStages(o: Operands, operand1: () => number): Call {
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
    return call("bitvec", dst, data, n0, a, r0, n1, b, r1);
  }
  return pipeline(o, {
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
function activate(o: Operands, r: BindRequest, command: string): readonly Call[] {
  const registers = o.accumulators("scalarAccumulator", "data");
  const reduces = command === "reduce" || command === "reset_reduce";
  const op = o.attr["op"] as ActivationName;
  const scale = o.has("scale") ? undefined : (r.call.immediate["scale"] ?? 1);
  const bias = { op: aluId.add, operand: o.repeated("bias", "data", 0) };
  // Times 1 changes nothing; plus 0 turns -0 into 0. The sum is canonical and so its own copy.
  const affine =
    scale === 1
      ? { op0: bias.op, operand0: bias.operand }
      : {
          op0: aluId.multiply,
          operand0: o.repeated("scale", "data", 1),
          op1: bias.op,
          operand1: bias.operand,
        };
  const calls: Call[] = [
    pipeline(o, {
      data: o.tile("data"),
      ...affine,
      ...(op === "copy" ? {} : { fn: activationId[op] }),
      reduce: reduces
        ? { op: aluId.add, registers, reset: flag(command === "reset_reduce") }
        : undefined,
    }),
  ];
  if (command === "reset")
    calls.push(call("copy", registers, o.constant(0, [o.shape("data").partitions])));
  if (o.has("reduce_res")) calls.push(call("cast", o.tile("reduce_res"), registers));
  return calls;
}

export const elementwise: Readonly<Record<string, Binder>> = {
  activation: (o, r) => activate(o, r, o.attr["reduce_cmd"] as string),
  activation_reduce: (o, r) => activate(o, r, "reset_reduce"),
  tensor_tensor: (o, r) => {
    const [dst, a, b] = [o.tile("dst"), o.tile("data1"), o.tile("data2")];
    const op = opNumber(o.attr["op"]);
    if (bitwise(o.attr["op"])) {
      o.sameWidth("dst", "data1", "data2");
      return [call("bitvec", dst, a, op, b, 0, NONE, 0, 0)];
    }
    if (!onBits(r)) return [pipeline(o, { data: a, op0: op, operand0: b })];
    return [call("integer", op, flag(o.shape("data1").dtype === "int32"), dst, a, b)];
  },
  tensor_scalar: (o) => [twoStages(o, () => o.repeated("operand1", "data"))],
  scalar_tensor_tensor: (o) => {
    if (bitwise(o.attr["op0"])) throw new NoFastPath();
    return [twoStages(o, () => o.tile("operand1"))];
  },
  reciprocal: (o) => [pipeline(o, { data: o.tile("data"), op0: aluId.reciprocal })],
};
