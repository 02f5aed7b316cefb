/** Binders of instructions that reduce, scan, select or describe rows. */

import { encode } from "@opentrn/numerics";
import type { BindRequest, Step } from "./bind.ts";
import { pipeline } from "./bind-elementwise.ts";
import { type Binder, bitwise, flag, NONE, opNumber, type Reduction, step } from "./binder.ts";
import type { Kernels } from "./kernels.ts";
import { NoFastPath, type Operands } from "./operands.ts";

/** VectorE accumulator commands; those that start from something else than the identity or what was held have no kernel. */
function reduction(o: Operands, like: string): Reduction {
  const command = o.attr["reduce_cmd"];
  const registers = o.accumulators("vectorAccumulator", like);
  if (command === "idle") return { op: NONE, registers, reset: 0 };
  if (command !== "reduce" && command !== "reset_reduce") throw new NoFastPath();
  return { op: opNumber(o.attr["reduce_op"]), registers, reset: flag(command === "reset_reduce") };
}

/** Runs `main`, then copies the accumulators to reduce_res when the call has one. */
function withReadOut(o: Operands, k: Kernels, r: BindRequest, registers: number, main: Step): Step {
  if (!o.has("reduce_res")) return main;
  const result = o.tile("reduce_res");
  const readOut = step(r.op.name, () => k.exports.cast(result, registers));
  return () => {
    main();
    readOut();
  };
}

export const rows: Readonly<Record<string, Binder>> = {
  tensor_reduce: (o, k) => {
    const [dst, data, op] = [o.tile("dst"), o.tile("data"), opNumber(o.attr["op"])];
    const negate = flag(o.attr["negate"]);
    if (bitwise(o.attr["op"])) o.sameWidth("dst", "data");
    return bitwise(o.attr["op"])
      ? step("tensor_reduce", () => k.exports.bitvecReduce(op, dst, data))
      : step("tensor_reduce", () => k.exports.tensorReduce(op, dst, data, negate));
  },
  tensor_partition_reduce: (o, k) => {
    const name = o.attr["op"];
    if (name === "average") throw new NoFastPath();
    const [dst, data, op] = [o.tile("dst"), o.tile("data"), opNumber(name)];
    if (bitwise(name)) o.sameWidth("dst", "data");
    return bitwise(name)
      ? step("tensor_partition_reduce", () => k.exports.bitvecPartitionReduce(op, dst, data))
      : step("tensor_partition_reduce", () => k.exports.partitionReduce(op, dst, data));
  },
  tensor_scalar_reduce: (o, k, r) => {
    if (o.attr["reduce_res_negate"]) throw new NoFastPath();
    const reduce = reduction(o, "data");
    const main = pipeline(o, k, r.op.name, {
      data: o.tile("data"),
      op0: opNumber(o.attr["op0"]),
      operand0: o.repeated("operand0", "data"),
      reduce,
    });
    return withReadOut(o, k, r, reduce.registers, main);
  },
  range_select: (o, k, r) => {
    const { op, registers, reset } = reduction(o, "on_true_tile");
    const [dst, yes] = [o.tile("dst"), o.tile("on_true_tile")];
    const no = o.repeated("on_false_value", "on_true_tile");
    const [low, high] = [o.column("bound0", "on_true_tile"), o.column("bound1", "on_true_tile")];
    const [c0, c1] = [opNumber(o.attr["comp_op0"]), opNumber(o.attr["comp_op1"])];
    const start = o.attr["range_start"] as number;
    const main = step("range_select", () =>
      k.exports.rangeSelect(dst, yes, no, c0, c1, low, high, start, op, registers, reset),
    );
    return withReadOut(o, k, r, registers, main);
  },
  select_reduce: (o, k, r) => {
    const { op, registers, reset } = reduction(o, "on_true");
    const [dst, predicate, yes] = [o.tile("dst"), o.tile("predicate"), o.tile("on_true")];
    const no = o.repeated("on_false", "on_true");
    const reverse = flag(o.attr["reverse_pred"]);
    const main = step("select_reduce", () =>
      k.exports.selectReduce(dst, predicate, yes, no, reverse, op, registers, reset),
    );
    return withReadOut(o, k, r, registers, main);
  },
  iota: (o, k) => {
    const [dst, pattern] = [o.tile("dst"), o.affine("dst")];
    return step("iota", () => k.exports.iota(dst, pattern));
  },
  affine_select: (o, k, r) => {
    const [dst, yes, pattern] = [o.tile("dst"), o.tile("on_true_tile"), o.affine("dst")];
    const no = encode(Math.fround(r.call.immediate["on_false_value"]!), o.shape("dst").dtype);
    const compare = opNumber(o.attr["cmp_op"]);
    return step("affine_select", () => k.exports.affineSelect(dst, yes, pattern, compare, no));
  },
  bn_stats: (o, k) => {
    const [dst, data] = [o.tile("dst"), o.tile("data")];
    return step("bn_stats", () => k.exports.bnStats(dst, data));
  },
  bn_aggr: (o, k) => {
    const [dst, data] = [o.tile("dst"), o.tile("data")];
    return step("bn_aggr", () => k.exports.bnAggregate(dst, data));
  },
  tensor_tensor_scan: (o, k) => {
    const [dst, a, b] = [o.tile("dst"), o.tile("data0"), o.tile("data1")];
    const initial = o.column("initial", "data0");
    const [op0, op1] = [opNumber(o.attr["op0"]), opNumber(o.attr["op1"])];
    const [r0, r1] = [flag(o.attr["reverse0"]), flag(o.attr["reverse1"])];
    return step("tensor_tensor_scan", () =>
      k.exports.scan(dst, a, NONE, 0, 0, op0, r0, b, op1, r1, initial, 0),
    );
  },
};
