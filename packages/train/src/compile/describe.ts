/** A module in a few words: what its group computes, for tables. */
import type { Module } from "@opentrn/compiler";
import { type Func, type Operation, sizeOf, type Value } from "@opentrn/ir";
import { dtypeInfo } from "@opentrn/numerics";

const shapeText = (v: Value): string => `${v.type.shape.join("x") || "1"}`;
const short = (v: Value): string => dtypeInfo[v.type.dtype].short;

const largest = (values: readonly Value[]): Value =>
  values.reduce((a, b) => (sizeOf(b.type.shape) > sizeOf(a.type.shape) ? b : a));

/** M x N x K of a dot_general, batch sizes first. */
function productText(op: Operation): string {
  const [lhs, rhs] = op.operands as [Value, Value];
  const dims = (name: string): readonly number[] => op.attrs[name] as readonly number[];
  const pick = (v: Value, ds: readonly number[]): number =>
    ds.reduce((n, d) => n * v.type.shape[d]!, 1);
  const k = pick(lhs, dims("lhs_contracting_dimensions"));
  const batch = pick(lhs, dims("lhs_batching_dimensions"));
  const m = sizeOf(lhs.type.shape) / k / batch;
  const n = sizeOf(rhs.type.shape) / k / batch;
  return `${batch > 1 ? `${batch} x ` : ""}${m}x${n}x${k} ${short(lhs)}`;
}

const kinds: Readonly<Record<string, (op: Operation) => string>> = {
  dot_general: (op) => `matmul ${productText(op)}`,
  custom_call: (op) => `${targetOf(op)} ${shapeText(op.operands[0]!)}`,
  gather: (op) => `gather ${shapeText(op.results[0]!)}`,
  scatter: (op) => `scatter ${shapeText(op.operands[2]!)}`,
};

/** Composites that are part of what surrounds them. */
const activations = new Set(["silu", "silu_derivative", "gelu_tanh", "gelu_tanh_derivative"]);
const targetOf = (op: Operation): string => String(op.attrs["call_target_name"]);

/** `matmul 8192x768x3072 bf16 + 9`: the operation that gives the group its name, and how many more it holds. */
export function describe({ group, template }: Pick<Module, "group" | "template">): string {
  const work = workOf(group);
  const named = work.filter((op) => op.name in kinds && !activations.has(targetOf(op)));
  if (named.length > 0) {
    const rest = work.length - named.length;
    const first = kinds[named[0]!.name]!(named[0]!);
    const times = named.length > 1 ? `${named.length} ` : "";
    return `${times}${first}${rest > 0 ? ` + ${rest}` : ""}`;
  }
  const reduces = work.filter((op) => op.name === "reduce").length;
  const wide = largest([...group.params, ...group.results]);
  const what = reduces > 0 ? `reduce ${reduces}` : template === "move" ? "move" : "elementwise";
  return `${what} ${shapeText(wide)} ${short(wide)}, ${work.length} ops`;
}

const moves = new Set([
  "constant",
  "iota",
  "reshape",
  "broadcast_in_dim",
  "transpose",
  "slice",
  "convert",
]);

/** Operations that compute; all of them where none does. */
function workOf(group: Func): readonly Operation[] {
  const work = group.body.filter((op) => !moves.has(op.name));
  return work.length > 0 ? work : group.body;
}
