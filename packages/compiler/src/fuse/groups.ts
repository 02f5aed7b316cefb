/**
 * Groups of operations in the making. Every operation has one home group, except free ones (views, constants, widening conversions),
 * which each group that needs them copies. Groups only ever merge, and only into what some template lowers.
 */
import type { Chip } from "@opentrn/chips";
import { type Func, isFloatType, type Operation, sizeOf, type Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import { templateFor } from "../lower/lower-group.ts";
import { outline, outlineKey } from "./outline.ts";

export interface Group {
  /** Operations that have their home here. */
  readonly owned: ReadonlySet<Operation>;
  /** These and copies of others, in order of execution. */
  readonly ops: readonly Operation[];
  /** The same as a set. */
  readonly holds: ReadonlySet<Operation>;
  /** Serials of the first and last operation owned. */
  readonly first: number;
  readonly last: number;
}

export interface Traffic {
  readonly inputs: ReadonlySet<Value>;
  readonly outputs: readonly Value[];
  readonly bytes: number;
}

/** Bytes of a value in HBM. */
export const bytesOfValue = (v: Value): number => sizeOf(v.type.shape) * bytesOf(v.type.dtype);

const views = new Set(["broadcast_in_dim", "reshape", "slice", "transpose", "constant", "iota"]);

/** Whether copying the operation into its users costs less than its result in memory. */
const isFree = (op: Operation): boolean => views.has(op.name) || widens(op);

/** bf16 to fp32 and the like: the narrow operand is what should lie in memory. */
function widens(op: Operation): boolean {
  if (op.name !== "convert") return false;
  const [from, to] = [op.operands[0]!.type, op.results[0]!.type];
  return isFloatType(from) && isFloatType(to) && bytesOf(to.dtype) > bytesOf(from.dtype);
}

export class Groups {
  private readonly chip: Chip;
  private readonly results: ReadonlySet<Value>;
  private readonly users = new Map<Value, Operation[]>();
  private readonly home = new Map<Operation, Group>();
  private readonly copiedIn = new Map<Operation, Set<Group>>();
  private readonly live = new Set<Group>();
  /** Outputs grow when consumers copy operations, which comes after all merging. */
  private readonly traffics = new WeakMap<Group, Traffic>();
  private readonly answers = new Map<string, boolean>();
  /** Free operations whose results lie in memory all the same. */
  private readonly kept = new Set<Operation>();

  constructor(fn: Func, chip: Chip) {
    this.chip = chip;
    this.results = new Set(fn.results);
    for (const op of fn.body)
      for (const v of op.operands) this.users.set(v, [...(this.users.get(v) ?? []), op]);
    for (const op of fn.body) if (op.results.some((v) => this.results.has(v))) this.kept.add(op);
    for (const op of fn.body) if (!this.copies(op)) this.start(op);
  }

  /** Groups in order of their last operation. */
  get all(): readonly Group[] {
    return [...this.live].sort((a, b) => a.last - b.last);
  }

  isLive(group: Group): boolean {
    return this.live.has(group);
  }

  /** The group that makes the operation's results for others. */
  homeOf(op: Operation): Group | undefined {
    return this.home.get(op);
  }

  private copies(op: Operation): boolean {
    return isFree(op) && !this.kept.has(op);
  }

  /** A group of one operation and the free ones before it; where no template takes that, the free ones lie in memory. */
  private start(op: Operation): void {
    let group = this.groupOf([op]);
    if (group.ops.length > 1 && !this.accepts(group, op.results)) {
      for (const free of group.ops.slice(0, -1)) {
        this.kept.add(free);
        if (!this.home.has(free)) this.start(free);
      }
      group = this.groupOf([op]);
    }
    this.enter(group);
  }

  /** A group that owns `ops` and copies the free operations before them, and `extra`. */
  private groupOf(owned: Iterable<Operation>, extra: readonly Operation[] = []): Group {
    const own = new Set(owned);
    const found = new Set([...own, ...extra]);
    const open = [...found];
    for (let op = open.pop(); op; op = open.pop())
      for (const { op: before } of op.operands)
        if (!found.has(before) && before.name !== "parameter" && this.copies(before)) {
          found.add(before);
          open.push(before);
        }
    const serials = [...own].map((op) => op.serial);
    return {
      owned: own,
      holds: found,
      ops: [...found].sort((a, b) => a.serial - b.serial),
      first: Math.min(...serials),
      last: Math.max(...serials),
    };
  }

  private enter(group: Group): void {
    this.live.add(group);
    for (const op of group.ops) {
      if (group.owned.has(op)) this.home.set(op, group);
      else this.copiedIn.set(op, (this.copiedIn.get(op) ?? new Set()).add(group));
    }
  }

  private leave(group: Group): void {
    this.live.delete(group);
    for (const op of group.ops) this.copiedIn.get(op)?.delete(group);
  }

  /** Values the group makes for others: results of the function, or operands of operations in groups other than `same`. */
  outputs(group: Group, same: ReadonlySet<Group> = new Set([group])): readonly Value[] {
    // A group that copies the operation which makes the value does not ask for it.
    const asks = (g: Group, v: Value): boolean => !same.has(g) && !g.holds.has(v.op);
    const elsewhere = (op: Operation, v: Value): boolean => {
      const at = this.home.get(op);
      if (at ? asks(at, v) : !group.owned.has(op) && !this.copies(op)) return true;
      for (const g of this.copiedIn.get(op) ?? []) if (asks(g, v)) return true;
      return false;
    };
    return group.ops
      .filter((op) => group.owned.has(op))
      .flatMap((op) =>
        op.results.filter(
          (v) => this.results.has(v) || (this.users.get(v) ?? []).some((u) => elsewhere(u, v)),
        ),
      );
  }

  /** Homes of the values that the group reads. */
  producers(group: Group): ReadonlySet<Group> {
    const inside = new Set(group.ops);
    const found = new Set<Group>();
    for (const op of group.ops)
      for (const { op: before } of op.operands) {
        const at = inside.has(before) ? undefined : this.home.get(before);
        if (at) found.add(at);
      }
    return found;
  }

  /** What the group reads from HBM and writes to it. */
  traffic(group: Group): Traffic {
    const known = this.traffics.get(group);
    if (known) return known;
    const inside = new Set(group.ops);
    const inputs = new Set<Value>();
    for (const op of group.ops) for (const v of op.operands) if (!inside.has(v.op)) inputs.add(v);
    const outputs = this.outputs(group);
    const made = {
      inputs,
      outputs,
      bytes: [...inputs, ...outputs].reduce((n, v) => n + bytesOfValue(v), 0),
    };
    this.traffics.set(group, made);
    return made;
  }

  /** The group as a function. */
  function(group: Group, name = "group") {
    return outline(name, group.ops, this.outputs(group));
  }

  private accepts(group: Group, outputs: readonly Value[]): boolean {
    // Layers that are alike ask the same again.
    const key = outlineKey(group.ops, outputs);
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const { fn } = outline("group", group.ops, outputs);
    const answer = templateFor(fn, this.chip) !== undefined;
    this.answers.set(key, answer);
    return answer;
  }

  /**
   * The two groups as one, if no third group depends on one and feeds the other, and a template takes the whole; undefined leaves
   * everything as it was.
   */
  tryMerge(a: Group, b: Group, mostOps: number): Group | undefined {
    if (a.ops.length + b.ops.length > mostOps || this.pathAround(a, b)) return undefined;
    const extra = [...a.ops, ...b.ops].filter((op) => !a.owned.has(op) && !b.owned.has(op));
    const merged = this.groupOf([...a.owned, ...b.owned], extra);
    if (!this.accepts(merged, this.outputs(merged, new Set([merged, a, b])))) return undefined;
    this.leave(a);
    this.leave(b);
    this.enter(merged);
    return merged;
  }

  /** The group with copies of `extra` operations instead of reading their results; undefined when no template takes that. */
  tryCopy(group: Group, extra: readonly Operation[]): Group | undefined {
    const own = group.ops.filter((op) => !group.owned.has(op));
    const made = this.groupOf(group.owned, [...own, ...extra]);
    if (!this.accepts(made, this.outputs(made, new Set([made, group])))) return undefined;
    this.leave(group);
    this.enter(made);
    return made;
  }

  /** Whether a third group lies on a way from one of the two to the other. */
  private pathAround(a: Group, b: Group): boolean {
    const seen = new Set<Group>([a, b]);
    const open = [...this.producers(a), ...this.producers(b)].filter((g) => !seen.has(g));
    const start = Math.min(a.first, b.first);
    for (let g = open.pop(); g; g = open.pop()) {
      // What ends before both begin depends on neither.
      if (seen.has(g) || g.last < start) continue;
      seen.add(g);
      for (const p of this.producers(g)) {
        if (p === a || p === b) return true;
        open.push(p);
      }
    }
    return false;
  }
}
