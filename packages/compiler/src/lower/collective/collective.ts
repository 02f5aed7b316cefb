/** all_reduce: sums over the replicas, as collectives between tensors in HBM. */
import type { Func, Operation } from "@opentrn/ir";
import { type AnyInstruction, records } from "@opentrn/isa";
import type { View } from "../../emit/view.ts";
import { isSource, packed, sourcesOf } from "../move/sources.ts";
import type { Template } from "../template.ts";

/** Tensors of one collective. */
const MOST = 8;

const isAllReduce = (op: Operation): boolean =>
  op.name === "custom_call" && op.attrs["call_target_name"] === "all_reduce";

const anchorOf = (group: Func): Operation | undefined => group.body.find(isAllReduce);

export const collective: Template = {
  name: "collective",
  summary: "all_reduce over the replicas",
  refuses: (group, chip) => {
    const op = anchorOf(group);
    if (!op) return "it holds no collective";
    const other = group.body.find((o) => o !== op && !isSource(o));
    if (other) return `${other.name} beside all_reduce`;
    if (group.results.some((v) => v.op !== op)) return "a result is not all_reduce's";
    return (records.allReduce.generations as readonly number[]).includes(chip.generation)
      ? undefined
      : `${chip.name} has no all_reduce instruction; train on one core`;
  },
  lower: (lowering) => {
    const { emit, group, output } = lowering;
    const op = anchorOf(group)!;
    const { replicas } = JSON.parse(String(op.attrs["backend_config"])) as { replicas: number };
    const source = sourcesOf(lowering);
    const from = op.operands.map((v) => whole(source(v)) ?? packed(emit, source(v)));
    // Results nobody reads still have to go somewhere.
    const to = op.results.map((v, i) => {
      const at = group.results.indexOf(v);
      return at >= 0 ? output(at) : emit.hbm(`unused${i}`, v.type.dtype, v.type.shape);
    });
    const ranks = Array.from({ length: replicas }, (_, r) => r);
    for (let first = 0; first < from.length; first += MOST) {
      const operands: Record<string, View> = {};
      for (let i = 0; i < Math.min(MOST, from.length - first); i++) {
        operands[`src${i}`] = from[first + i]!;
        operands[`dst${i}`] = to[first + i]!;
      }
      emit.emit(records.allReduce as AnyInstruction, operands, {
        op: "add",
        replica_group: [replicas, ...ranks],
      });
    }
  },
};

/** The view where it is all of a row-major tensor. */
const whole = (view: View): View | undefined => {
  const flat = view.tryReshape([view.shape.reduce((a, b) => a * b, 1)]);
  const [stride, count] = flat?.pattern.dims[0] ?? [0, 0];
  return flat && (stride === 1 || count === 1) ? view : undefined;
};
