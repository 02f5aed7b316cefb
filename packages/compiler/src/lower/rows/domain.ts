/**
 * The axes of a group's values: which dimensions run together, which values repeat along which axes. Everything that decides how a group
 * is laid out and looped over starts from here.
 */
import type { Operation, Value } from "@opentrn/ir";
import { Axes, type Axis } from "./axes.ts";

export interface Domain {
  readonly ops: readonly Operation[];
  readonly axes: Axes;
  /** Values from outside that are read as they are: parameters, and results of operations that are not in the group. */
  readonly outside: ReadonlySet<Value>;
  /** Values that are another look at one from outside, in HBM. */
  readonly looks: ReadonlySet<Value>;
  /** All values that have axes. */
  readonly values: readonly Value[];
  /** Axes of every dimension of the value's type; none for a dimension of 1. */
  readonly dims: (v: Value) => readonly (readonly Axis[])[];
  /** Axes along which the elements of the value differ; it repeats along the others of its type. None for what is read through views only. */
  readonly varies: (v: Value) => ReadonlySet<Axis>;
}

/** Axes of a type's dimensions, in order. */
export const flat = (dims: readonly (readonly Axis[])[]): readonly Axis[] => dims.flat();

type Dims = readonly (readonly Axis[])[];
type Numbers = readonly number[];
const numbers = (op: Operation, name: string): Numbers => op.attrs[name] as Numbers;

type Pair = readonly [operand: readonly Axis[], result: readonly Axis[]];

/** Which axes of an operation's operands run with which of its result. */
type Ties = (op: Operation, result: Dims, operands: readonly Dims[]) => readonly Pair[];

const alike: Ties = (_, result, operands) =>
  // The predicate of a select may be a scalar, which has no dimensions.
  operands.flatMap((dims) => dims.map((d, k) => [d, result[k]!] as const));

/** Dimensions that a slice or pad leaves as they are. */
const whole: Ties = (op, result, [from]) =>
  from!.flatMap((d, k) => (isWhole(op, k) ? [[d, result[k]!] as const] : []));

const ties: Readonly<Record<string, Ties>> = {
  broadcast_in_dim: (op, result, [from]) =>
    numbers(op, "broadcast_dimensions").flatMap((to, d) =>
      from![d]!.length > 0 ? [[from![d]!, result[to]!] as const] : [],
    ),
  reduce: (op, result, [from]) => {
    const gone = numbers(op, "dimensions");
    const kept = from!.filter((_, d) => !gone.includes(d));
    return kept.map((d, k) => [d, result[k]!] as const);
  },
  transpose: (op, result, [from]) =>
    numbers(op, "permutation").map((p, d) => [from![p]!, result[d]!] as const),
  reshape: (_, result, [from]) => [[flat(from!), flat(result)]],
  slice: whole,
  pad: whole,
  concatenate: (op, result, operands) => {
    const along = op.attrs["dimension"] as number;
    return operands.flatMap((from) =>
      from.flatMap((d, k) => (k === along ? [] : [[d, result[k]!] as const])),
    );
  },
  pick: (_, result, [x, label]) =>
    x!.slice(0, -1).flatMap((d, k) => [[d, result[k]!] as const, [d, label![k]!] as const]),
  iota: () => [],
  constant: () => [],
};

/** Whether a slice or pad leaves dimension `d` as it is. */
export function isWhole(op: Operation, d: number): boolean {
  const size = op.operands[0]!.type.shape[d];
  if (op.name === "slice")
    return (
      numbers(op, "start_indices")[d] === 0 &&
      numbers(op, "limit_indices")[d] === size &&
      (numbers(op, "strides")[d] === 1 || size === 1)
    );
  return ["edge_padding_low", "edge_padding_high", "interior_padding"].every(
    (n) => numbers(op, n)[d] === 0,
  );
}

/** Operations that pick or join elements by position along some dimensions. */
const cuts: Readonly<Record<string, (op: Operation, d: number) => boolean>> = {
  slice: (op, d) => !isWhole(op, d),
  pad: (op, d) => !isWhole(op, d),
  concatenate: (op, d) => op.attrs["dimension"] === d,
};

/**
 * The axes of `ops`, and of `more` values that need not be among their operands. `onChip` are values from outside that lie on chip;
 * transposes and slices of others are views in HBM. Tensors without elements and operations that move elements between axes in ways no
 * tile shows are refused with the reason.
 */
export function domainOf(
  ops: readonly Operation[],
  onChip: ReadonlySet<Value> = new Set(),
  more: readonly Value[] = [],
): Domain | string {
  const inside = new Set(ops);
  const outside = new Set<Value>();
  const users = new Map<Value, Operation[]>();
  for (const op of ops) for (const v of op.operands) users.set(v, [...(users.get(v) ?? []), op]);
  const isOutside = (v: Value): boolean => !inside.has(v.op);
  const looks = looksOf(ops, (v) => isOutside(v) && !onChip.has(v), users);
  const read = [...ops.flatMap((op) => (looks.has(op.results[0]!) ? [] : op.operands)), ...more];
  for (const v of read) if (isOutside(v)) outside.add(v);
  const axes = new Axes();
  const made = new Map<Value, Dims>();
  const rigid = rigidDims(ops, looks);
  const declare = (v: Value): string | undefined => {
    if (v.type.shape.includes(0)) return `[${v.type.shape}] holds no elements`;
    if (!made.has(v))
      made.set(
        v,
        v.type.shape.map((n, d) => axes.make(n, rigid.get(v)?.has(d) ?? false)),
      );
    return undefined;
  };
  for (const v of more) {
    const wrong = declare(v);
    if (wrong) return wrong;
  }
  for (const op of ops) {
    if (op.results.length !== 1) return `${op.name} has ${op.results.length} results`;
    const look = looks.has(op.results[0]!);
    for (const v of look ? op.results : [...op.operands, ...op.results]) {
      const wrong = declare(v);
      if (wrong) return `${op.name}: ${wrong}`;
    }
    if (look) continue;
    const pairs = (ties[op.name] ?? alike)(
      op,
      made.get(op.results[0]!)!,
      op.operands.map((v) => made.get(v)!),
    );
    if (!pairs.every(([x, y]) => axes.tie(x, y)))
      return `${op.name} to [${op.results[0]!.type.shape}] cuts across dimensions`;
  }
  // Axes are final from here on.
  const final = new Map([...made].map(([v, d]) => [v, d.map((a) => axes.leaves(a))] as const));
  const dims = (v: Value): Dims => final.get(v) ?? [];
  for (const v of made.keys()) {
    const all = flat(dims(v));
    if (new Set(all).size < all.length)
      return `a value of [${v.type.shape}] runs along one axis twice`;
  }
  return {
    ops,
    axes,
    outside,
    looks,
    values: [...made.keys()],
    dims,
    varies: variesOf(ops, outside, looks, dims),
  };
}

/** Transposes and slices of what lies in HBM, and of other such views. A slice of something that is read whole as well is taken on chip. */
function looksOf(
  ops: readonly Operation[],
  given: (v: Value) => boolean,
  users: ReadonlyMap<Value, readonly Operation[]>,
): ReadonlySet<Value> {
  const looks = new Set<Value>();
  const inHbm = (v: Value): boolean => given(v) || looks.has(v);
  for (const op of ops) {
    const [x] = op.operands;
    if (!x || !inHbm(x)) continue;
    const sliced =
      op.name === "slice" &&
      users.get(x)!.every((u) => u.name === "slice" || u.name === "transpose");
    if (op.name === "transpose" || sliced) looks.add(op.results[0]!);
  }
  return looks;
}

/** Dimensions of values that are cut, padded or joined on chip. */
function rigidDims(
  ops: readonly Operation[],
  looks: ReadonlySet<Value>,
): ReadonlyMap<Value, ReadonlySet<number>> {
  const found = new Map<Value, Set<number>>();
  const mark = (v: Value, d: number): void => {
    found.set(v, (found.get(v) ?? new Set()).add(d));
  };
  for (const op of ops) {
    const cut = cuts[op.name];
    if (!cut || looks.has(op.results[0]!)) continue;
    const operands = op.name === "pad" ? op.operands.slice(0, 1) : op.operands;
    for (const v of [...operands, op.results[0]!])
      v.type.shape.forEach((_, d) => {
        if (cut(op, d)) mark(v, d);
      });
  }
  return found;
}

function variesOf(
  ops: readonly Operation[],
  outside: ReadonlySet<Value>,
  looks: ReadonlySet<Value>,
  dims: (v: Value) => Dims,
): (v: Value) => ReadonlySet<Axis> {
  const known = new Map<Value, ReadonlySet<Axis>>();
  for (const v of [...outside, ...looks]) known.set(v, new Set(flat(dims(v))));
  for (const op of ops) {
    const [y] = op.results;
    if (!known.has(y!))
      known.set(
        y!,
        resultVaries(op, dims, (v) => known.get(v)!),
      );
  }
  const none = new Set<Axis>();
  return (v) => known.get(v) ?? none;
}

function resultVaries(
  op: Operation,
  dims: (v: Value) => Dims,
  varies: (v: Value) => ReadonlySet<Axis>,
): ReadonlySet<Axis> {
  const [y] = op.results;
  if (op.name === "constant")
    return new Set(typeof op.attrs["value"] === "number" ? [] : flat(dims(y!)));
  if (op.name === "iota") return new Set(dims(y!)[op.attrs["iota_dimension"] as number]);
  const here = new Set(flat(dims(y!)));
  const all = new Set(op.operands.flatMap((v) => [...varies(v)]).filter((a) => here.has(a)));
  const cut = cuts[op.name];
  // Results that pick by position vary along their own axis where the operand varies along its.
  if (cut)
    dims(y!).forEach((list, d) => {
      if (!cut(op, d)) return;
      const moves =
        op.name !== "slice" ||
        dims(op.operands[0]!)[d]!.some((a) => varies(op.operands[0]!).has(a));
      if (moves) for (const a of list) all.add(a);
    });
  return all;
}
