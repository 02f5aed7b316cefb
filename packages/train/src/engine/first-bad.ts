/** Finds where a computation went wrong: the first value that is NaN or infinite, told in words a person can act on. */
import {
  type Func,
  type Inputs,
  type InterpretOptions,
  interpret,
  type Operation,
  parameterName,
  printType,
  type Tensor,
} from "@opentrn/ir";

/** Minus infinity is what masked scores are made of; it is wrong only where it reaches the end, as NaN. */
const isBad = (x: number): boolean => Number.isNaN(x) || x === Number.POSITIVE_INFINITY;
export const holdsBad = (data: ArrayLike<number>): boolean => {
  for (let i = 0; i < data.length; i++) if (isBad(data[i]!)) return true;
  return false;
};

/** Thrown to end a run of the interpreter; never leaves this file. */
class Found extends Error {
  readonly op: Operation;
  readonly result: Tensor;
  constructor(op: Operation, result: Tensor) {
    super("found");
    this.op = op;
    this.result = result;
  }
}

/**
 * The first bad tensor in the run of `fn`: an input by its name, or the operation with the parameter nearest to it, such as
 * `exponential of tensor<4x8xf32> next to model.layers.0.mlp.up_proj.weight`. Undefined when all values are fine.
 */
export function firstBadTensor(
  fn: Func,
  inputs: Inputs,
  options: InterpretOptions,
): string | undefined {
  for (const [name, value] of Object.entries(inputs))
    if (holdsBad("data" in value ? value.data : value)) return name;
  try {
    interpret(fn, inputs, {
      ...options,
      observe: (op, results) => {
        const bad = results.find(({ data }) => holdsBad(data));
        if (bad) throw new Found(op, bad);
      },
    });
  } catch (e) {
    if (!(e instanceof Found)) throw e;
    const near = nearestParameter(e.op);
    return `${e.op.name} of ${printType(e.result.type)}${near ? ` next to ${near}` : ""}`;
  }
  return undefined;
}

/** The weight that the fewest operations lie between; tables, tokens and scalars are none. */
function nearestParameter(op: Operation): string | undefined {
  const seen = new Set<Operation>([op]);
  for (const current of seen) {
    if (current.name === "parameter") {
      const name = parameterName(current.results[0]!);
      if (name.endsWith(".weight") || name.endsWith(".bias")) return name;
    }
    for (const v of current.operands) seen.add(v.op);
  }
  return undefined;
}
