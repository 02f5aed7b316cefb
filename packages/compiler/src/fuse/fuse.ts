/**
 * Which operations become one Program: groups that some template lowers whole, so that values inside them never go to HBM. The result is
 * a function whose body is calls of groups.
 */
import type { Chip } from "@opentrn/chips";
import { call, type Func, functionOf, type Operation, sizeOf, type Value } from "@opentrn/ir";
import { bytesOfValue, type Group, Groups } from "./groups.ts";

export interface FuseOptions {
  /** Largest number of operations of a group; 1 keeps every operation apart. */
  readonly mostOps?: number;
}

/** Outlines `fn`, which must hold no calls, into groups. Their number is what a step launches; equal ones are lowered once. */
export function fuse(fn: Func, chip: Chip, { mostOps = 64 }: FuseOptions = {}): Func {
  const groups = new Groups(fn, chip);
  if (mostOps > 1) {
    mergeProducers(groups, mostOps);
    copyCheapProducers(groups);
  }
  return assemble(fn, groups);
}

/** Consumers in order take in the groups that make their operands, nearest first, until nothing more fits. */
function mergeProducers(groups: Groups, mostOps: number): void {
  for (const start of groups.all) {
    if (!groups.isLive(start)) continue;
    let group = start;
    const refused = new Set<Group>();
    for (;;) {
      const next = [...groups.producers(group)]
        .filter((g) => !refused.has(g))
        .sort((a, b) => b.last - a.last)[0];
      if (!next) break;
      const merged = worthMerging(groups, next, group)
        ? groups.tryMerge(next, group, mostOps)
        : undefined;
      if (merged) group = merged;
      else refused.add(next);
    }
  }
}

/** Groups that move fewer bytes cost a launch rather than bandwidth. */
const SMALL_BYTES = 2 ** 16;
const TINY_BYTES = 2 ** 12;
/** The least part of the smaller group's traffic that merging has to save. */
const LEAST_SAVED = 1 / 8;

/**
 * Whether the two save memory traffic as one. Where they meet in single numbers only, such as the norm of all gradients, nothing stays
 * on chip from one to the other; such groups merge when both are small.
 */
function worthMerging(groups: Groups, producer: Group, consumer: Group): boolean {
  const [a, b] = [groups.traffic(producer), groups.traffic(consumer)];
  const [total, other] = [a.bytes, b.bytes];
  // A consumer of single numbers is a launch of its own for nothing.
  if (total + other <= SMALL_BYTES || other <= TINY_BYTES) return true;
  const edges = a.outputs.filter((v) => b.inputs.has(v));
  if (edges.every((v) => sizeOf(v.type.shape) === 1)) return false;
  const shared = [...b.inputs].filter((v) => a.inputs.has(v));
  const saved = [...edges, ...shared].reduce((n, v) => n + bytesOfValue(v), 0);
  return saved >= Math.min(total, other) * LEAST_SAVED;
}

/** Operations whose results a consumer may as well compute again. */
const cheap = new Set([
  "add",
  "subtract",
  "multiply",
  "divide",
  "negate",
  "maximum",
  "minimum",
  "exponential",
  "logistic",
  "tanh",
  "rsqrt",
  "sqrt",
  "convert",
  "compare",
  "select",
  "broadcast_in_dim",
  "reshape",
  "slice",
  "constant",
  "iota",
  "transpose",
]);
const cheapComposites = new Set(["silu", "silu_derivative", "gelu_tanh", "gelu_tanh_derivative"]);
const isCheap = (op: Operation): boolean =>
  op.name === "custom_call"
    ? cheapComposites.has(String(op.attrs["call_target_name"]))
    : cheap.has(op.name);

/**
 * A large value that cheap operations make of values in memory is made again by the groups that read it, where that moves fewer bytes:
 * the exponentials of a softmax over the vocabulary are not kept for the backward pass.
 */
function copyCheapProducers(groups: Groups): void {
  for (const consumer of groups.all.toReversed()) {
    let group = consumer;
    if (!groups.isLive(group)) continue;
    for (const v of reads(groups, group)) {
      const chain = chainOf(groups, group, v);
      if (!chain) continue;
      const before = new Set(reads(groups, group));
      const extra = chain.inputs
        .filter((x) => !before.has(x))
        .reduce((n, x) => n + bytesOfValue(x), 0);
      if (extra >= bytesOfValue(v)) continue;
      group = groups.tryCopy(group, chain.ops) ?? group;
    }
  }
}

/** Values from other groups that the group reads, the largest first. */
function reads(groups: Groups, group: Group): readonly Value[] {
  const inside = new Set(group.ops);
  const found = new Set<Value>();
  for (const op of group.ops)
    for (const v of op.operands) if (!inside.has(v.op) && groups.homeOf(v.op)) found.add(v);
  return [...found].sort((a, b) => bytesOfValue(b) - bytesOfValue(a));
}

/** Longest chain that is copied. */
const MOST_COPIED = 24;

/**
 * The cheap operations behind `v` up to values that lie in memory anyway, or undefined when there are none or too many. Values as large
 * as `v` that lie in memory only because they were kept are looked through.
 */
function chainOf(
  groups: Groups,
  reader: Group,
  v: Value,
): { readonly ops: readonly Operation[]; readonly inputs: readonly Value[] } | undefined {
  const home = groups.homeOf(v.op)!;
  const stored = new Set(groups.outputs(home));
  const ops = new Set<Operation>();
  const inputs = new Set<Value>();
  const isInput = (x: Value): boolean => {
    if (x.op.name === "parameter" || reader.holds.has(x.op)) return true;
    const at = groups.homeOf(x.op);
    if (at && at !== home) return true;
    return stored.has(x) && (bytesOfValue(x) < bytesOfValue(v) || !isCheap(x.op));
  };
  const open = [v.op];
  for (let op = open.pop(); op; op = open.pop()) {
    if (ops.has(op)) continue;
    if (!isCheap(op) || ops.size >= MOST_COPIED) return undefined;
    ops.add(op);
    for (const x of op.operands) {
      if (isInput(x)) inputs.add(x);
      else open.push(x.op);
    }
  }
  return { ops: [...ops], inputs: [...inputs] };
}

/** The function as calls of its groups, in an order in which every value is made before it is read. */
function assemble(fn: Func, groups: Groups): Func {
  const now = new Map<Value, Value>(fn.params.map((v) => [v, v]));
  const done = new Set<Group>();
  let count = 0;
  const emitGroup = (group: Group): void => {
    const { fn: callee, inputs, outputs } = groups.function(group, `group${count++}`);
    const made = call(
      callee,
      inputs.map((v) => now.get(v)!),
    );
    outputs.forEach((v, i) => {
      now.set(v, made[i]!);
    });
  };
  // A stack instead of recursion: chains of groups are as long as the model is deep.
  for (const root of groups.all) {
    const open = [root];
    while (open.length > 0) {
      const group = open.at(-1)!;
      const missing = [...groups.producers(group)].filter((g) => !done.has(g));
      if (missing.length > 0 && !done.has(group)) open.push(...missing);
      else {
        open.pop();
        if (done.has(group)) continue;
        done.add(group);
        emitGroup(group);
      }
    }
  }
  return functionOf(
    fn.name,
    fn.params,
    fn.results.map((v) => now.get(v)!),
  );
}
