/** Binders of instructions that reduce, scan, select or describe rows. */

import { encode } from "@opentrn/numerics";
import { pipeline } from "./bind-elementwise.ts";
import { type Binder, bitwise, flag, NONE, opNumber, type Reduction } from "./binder.ts";
import { type Call, call } from "./commands.ts";
import { NoFastPath, type Operands } from "./operands.ts";

/** VectorE accumulator commands; those that start from something else than the identity or what was held have no kernel. */
function reduction(o: Operands, like: string): Reduction {
  const command = o.attr["reduce_cmd"];
  const registers = o.accumulators("vectorAccumulator", like);
  if (command === "idle") return { op: NONE, registers, reset: 0 };
  if (command !== "reduce" && command !== "reset_reduce") throw new NoFastPath();
  return { op: opNumber(o.attr["reduce_op"]), registers, reset: flag(command === "reset_reduce") };
}

/** `main`, then the accumulators to reduce_res when the call has one. */
const withReadOut = (o: Operands, registers: number, main: Call): readonly Call[] =>
  o.has("reduce_res") ? [main, call("cast", o.tile("reduce_res"), registers)] : [main];

export const rows: Readonly<Record<string, Binder>> = {
  tensor_reduce: (o) => {
    const [dst, data, op] = [o.tile("dst"), o.tile("data"), opNumber(o.attr["op"])];
    if (!bitwise(o.attr["op"]))
      return [call("tensorReduce", op, dst, data, flag(o.attr["negate"]))];
    o.sameWidth("dst", "data");
    return [call("bitvecReduce", op, dst, data)];
  },
  tensor_partition_reduce: (o) => {
    const name = o.attr["op"];
    if (name === "average") throw new NoFastPath();
    const [dst, data, op] = [o.tile("dst"), o.tile("data"), opNumber(name)];
    if (!bitwise(name)) return [call("partitionReduce", op, dst, data)];
    o.sameWidth("dst", "data");
    return [call("bitvecPartitionReduce", op, dst, data)];
  },
  tensor_scalar_reduce: (o) => {
    if (o.attr["reduce_res_negate"]) throw new NoFastPath();
    const reduce = reduction(o, "data");
    const main = pipeline(o, {
      data: o.tile("data"),
      op0: opNumber(o.attr["op0"]),
      operand0: o.repeated("operand0", "data"),
      reduce,
    });
    return withReadOut(o, reduce.registers, main);
  },
  range_select: (o) => {
    const { op, registers, reset } = reduction(o, "on_true_tile");
    const [dst, yes] = [o.tile("dst"), o.tile("on_true_tile")];
    const no = o.repeated("on_false_value", "on_true_tile");
    const [low, high] = [o.column("bound0", "on_true_tile"), o.column("bound1", "on_true_tile")];
    const [c0, c1] = [opNumber(o.attr["comp_op0"]), opNumber(o.attr["comp_op1"])];
    const range = [c0, c1, low, high, o.attr["range_start"] as number];
    const main = call("rangeSelect", dst, yes, no, ...range, op, registers, reset);
    return withReadOut(o, registers, main);
  },
  select_reduce: (o) => {
    const { op, registers, reset } = reduction(o, "on_true");
    const [dst, predicate, yes] = [o.tile("dst"), o.tile("predicate"), o.tile("on_true")];
    const no = o.repeated("on_false", "on_true");
    const reverse = flag(o.attr["reverse_pred"]);
    const main = call("selectReduce", dst, predicate, yes, no, reverse, op, registers, reset);
    return withReadOut(o, registers, main);
  },
  iota: (o) => [call("iota", o.tile("dst"), o.affine("dst"))],
  affine_select: (o, r) => {
    const [dst, yes, pattern] = [o.tile("dst"), o.tile("on_true_tile"), o.affine("dst")];
    const no = encode(Math.fround(r.call.immediate["on_false_value"]!), o.shape("dst").dtype);
    return [call("affineSelect", dst, yes, pattern, opNumber(o.attr["cmp_op"]), no)];
  },
  bn_stats: (o) => [call("bnStats", o.tile("dst"), o.tile("data"))],
  bn_aggr: (o) => [call("bnAggregate", o.tile("dst"), o.tile("data"))],
  tensor_tensor_scan: (o) => {
    const [dst, a, b] = [o.tile("dst"), o.tile("data0"), o.tile("data1")];
    const initial = o.column("initial", "data0");
    const [op0, op1] = [opNumber(o.attr["op0"]), opNumber(o.attr["op1"])];
    const [r0, r1] = [flag(o.attr["reverse0"]), flag(o.attr["reverse1"])];
    return [call("scan", dst, a, NONE, 0, 0, op0, r0, b, op1, r1, initial, 0)];
  },
};
