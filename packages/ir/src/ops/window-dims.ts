/**
 * The dimension numbers that gather and scatter share: which dimensions of the operand an index addresses, which ones batch, and
 * which ones a window spans. Source: StableHLO specification, gather and scatter.
 */
import { otherDims, pick, stridesOf } from "../indexing.ts";
import type { Data } from "../storage.ts";
import { printType, type TensorType } from "../types.ts";
import { ascending, inRange, length, list, unique } from "./dims.ts";

/** gather's names; scatter maps its own to them. */
export interface WindowDims {
  /** Dimensions of the windowed tensor (gather's result, scatter's updates) that run inside a window. */
  readonly offset: readonly number[];
  /** Dimensions of the operand that a window spans with one element and the windowed tensor leaves out. */
  readonly collapsed: readonly number[];
  /** Dimensions of the operand that go along with dimensions of the indices, pair by pair. */
  readonly operandBatching: readonly number[];
  readonly indicesBatching: readonly number[];
  /** The operand's dimension each component of an index addresses. */
  readonly indexMap: readonly number[];
  /** Dimension of the indices that holds the components; their rank when an index is a single number. */
  readonly vectorDim: number;
}

export interface Parties {
  readonly operand: TensorType;
  readonly indices: TensorType;
  readonly dims: WindowDims;
  /** Attribute names for messages, in the order of `WindowDims`. */
  readonly names: Readonly<Record<keyof WindowDims, string>>;
}

/** Components of one index. */
export const componentsOf = ({ indices, dims }: Pick<Parties, "indices" | "dims">): number =>
  indices.shape[dims.vectorDim] ?? 1;

/** Shape of the indices without the dimension of components. */
export const batchShape = ({
  indices,
  dims,
}: Pick<Parties, "indices" | "dims">): readonly number[] =>
  indices.shape.filter((_, d) => d !== dims.vectorDim);

/** The operand's dimensions that appear in a window, ascending. */
export const windowDims = ({
  operand,
  dims,
}: Pick<Parties, "operand" | "dims">): readonly number[] =>
  otherDims(operand.shape.length, [...dims.collapsed, ...dims.operandBatching]);

type Check = (p: Parties) => string | undefined;
/** What both operations ask of their dimension numbers, in this order. */
export const windowRules: Readonly<
  Record<string, { readonly says: string; readonly broken: Check }>
> = {
  vectorDim: {
    says: "the index vector dimension is a dimension of the indices, or their rank",
    broken: ({ indices, dims, names }) =>
      dims.vectorDim >= 0 && dims.vectorDim <= indices.shape.length
        ? undefined
        : `${names.vectorDim} is ${dims.vectorDim}, indices are ${printType(indices)}`,
  },
  collapsed: {
    says: "the dimensions left out of windows are dimensions of the operand, ascending",
    broken: ({ operand, dims, names }) =>
      inRange(names.collapsed, dims.collapsed, operand.shape.length) ??
      ascending(names.collapsed, dims.collapsed),
  },
  operandBatching: {
    says: "the operand's batching dimensions are dimensions of it, ascending, and not left out otherwise",
    broken: ({ operand, dims, names }) =>
      inRange(names.operandBatching, dims.operandBatching, operand.shape.length) ??
      ascending(names.operandBatching, dims.operandBatching) ??
      unique(`${names.collapsed} with ${names.operandBatching}`, [
        ...dims.collapsed,
        ...dims.operandBatching,
      ]),
  },
  indicesBatching: {
    says: "the indices' batching dimensions are dimensions of them but the index vector dimension, each once",
    broken: ({ indices, dims, names }) =>
      inRange(names.indicesBatching, dims.indicesBatching, indices.shape.length) ??
      unique(names.indicesBatching, dims.indicesBatching) ??
      (dims.indicesBatching.includes(dims.vectorDim)
        ? `${names.indicesBatching} names ${dims.vectorDim}, which holds the index vectors`
        : undefined),
  },
  pairs: {
    says: "batching dimensions come in pairs of one size",
    broken: ({ operand, indices, dims, names }) => {
      const sizes = pick(operand.shape, dims.operandBatching);
      const other = pick(indices.shape, dims.indicesBatching);
      return sizes.length === other.length && sizes.every((n, i) => n === other[i])
        ? undefined
        : `${names.operandBatching} have sizes ${list(sizes)}, ${names.indicesBatching} ${list(other)}`;
    },
  },
  indexMap: {
    says: "every component of an index addresses another dimension of the operand, none of them batching",
    broken: (p) => {
      const { operand, dims, names } = p;
      return (
        length(names.indexMap, dims.indexMap, componentsOf(p)) ??
        inRange(names.indexMap, dims.indexMap, operand.shape.length) ??
        unique(`${names.indexMap} with ${names.operandBatching}`, [
          ...dims.indexMap,
          ...dims.operandBatching,
        ])
      );
    },
  },
};

/**
 * Calls `visit` for every index in ascending order with where its window starts: `start` in the operand (not clamped, batching
 * included, reused between calls), and the number of the index among all.
 */
export function forEachWindow(
  p: Pick<Parties, "operand" | "indices" | "dims">,
  indices: Data,
  visit: (start: number[], batchIndex: readonly number[]) => void,
): void {
  const { operand, dims } = p;
  const batch = batchShape(p);
  const steps = stridesOf(p.indices.shape);
  const batchSteps = steps.filter((_, d) => d !== dims.vectorDim);
  const componentStep = steps[dims.vectorDim] ?? 0;
  const start = new Array<number>(operand.shape.length).fill(0);
  const index = new Array<number>(batch.length).fill(0);
  if (batch.includes(0)) return;
  const batchPlace = dims.indicesBatching.map((d) => (d < dims.vectorDim ? d : d - 1));
  for (;;) {
    const at = index.reduce((sum, i, d) => sum + i * batchSteps[d]!, 0);
    for (const [c, d] of dims.indexMap.entries()) start[d] = indices[at + c * componentStep]!;
    for (const [i, d] of dims.operandBatching.entries()) start[d] = index[batchPlace[i]!]!;
    visit(start, index);
    let d = batch.length - 1;
    for (; d >= 0; d--) {
      if (++index[d]! < batch[d]!) break;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}
