/**
 * What an executor's command stream can call: kernels by name with the number of their arguments. The WebAssembly build turns positions in
 * this table into the numbers that assembly/execute.ts knows.
 */
export const commandArity = {
  copy: 2,
  cast: 2,
  fill: 2,
  copyPredicated: 4,
  pipeline: 13,
  rangeSelect: 11,
  selectReduce: 8,
  matmul: 5,
  matmulMx: 6,
  quantizeMx: 3,
  transpose: 2,
  exchange: 2,
  tensorReduce: 4,
  partitionReduce: 3,
  scan: 12,
  bnStats: 2,
  bnAggregate: 2,
  iota: 2,
  affineSelect: 5,
  bitvec: 8,
  bitvecReduce: 3,
  bitvecPartitionReduce: 3,
  integer: 5,
  /** Puts an operand where an index says (assembly/addressing.ts). */
  at: 11,
  /** Runs commands once a row of a vector of offsets. */
  rows: 4,
} as const;

export type CommandName = keyof typeof commandArity;
export const commandNames = Object.keys(commandArity) as readonly CommandName[];
const numbers = new Map(commandNames.map((name, n) => [name, n]));
export const commandNumber = (name: CommandName): number => numbers.get(name)!;

/** One kernel call: addresses of descriptors and small numbers. */
export interface Call {
  readonly kernel: Exclude<CommandName, "at" | "rows">;
  readonly args: readonly number[];
}

export const call = (kernel: Call["kernel"], ...args: readonly number[]): Call => ({
  kernel,
  args,
});
