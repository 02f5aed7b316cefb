/**
 * Answers a kernel that asks for a tensor's elements while it is traced (python/nki/_values.py): the Program so far runs once, with the
 * tensor printed at its end.
 */
import { Buffer } from "node:buffer";
import { OpenTrnError } from "@opentrn/base";
import { type Program, type ProgramBuilder, WordReader } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";

/** Elements of an operand, row-major; doubles where fp32 cannot hold them. */
export interface Evaluated {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

/** Runs a Program that holds one print and gives what it printed; throws what running throws. */
export type Evaluate = (program: Program) => Evaluated;

export type ValueReport =
  | {
      readonly type: "value";
      readonly dtype: DType;
      readonly shape: readonly number[];
      /** Buffer format of the elements in `data` (base64, little-endian): f or d. */
      readonly format: "f" | "d";
      readonly data: string;
    }
  | { readonly type: "value"; readonly rule: string; readonly unavailable: string };

/** Elements shown at most; more would take longer to carry than to run. */
const MAX_ELEMENTS = 2 ** 24;

/** Never throws: why there is no value is an answer, too. */
export function valueReport(
  builder: ProgramBuilder,
  words: unknown,
  evaluate: Evaluate | undefined,
): ValueReport {
  const none = (rule: string, unavailable: string): ValueReport => ({
    type: "value",
    rule,
    unavailable,
  });
  if (!evaluate) return none("values", "no values are computed in this run");
  try {
    const operand = new WordReader(Int32Array.from(words as readonly number[])).operand();
    if (!operand) return none("values", "nothing was asked for");
    const { program, unwritten } = builder.soFar(operand);
    if (unwritten && operand.kind === "tile") {
      const onChip = builder.storages[operand.pattern.storage]!.space !== "hbm";
      const where = `${onChip ? `partition ${unwritten[0]}, ` : ""}byte ${unwritten[1]}`;
      return none("uninitialised read", `nothing has written ${where} yet`);
    }
    const { dtype, shape, values } = evaluate(program);
    if (values.length > MAX_ELEMENTS)
      return none("values", `${values.length} elements are too many; take a slice`);
    const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const format = values instanceof Float32Array ? "f" : "d";
    return { type: "value", dtype, shape, format, data: data.toString("base64") };
  } catch (e) {
    if (e instanceof OpenTrnError) return none(e.rule ?? e.category, e.message);
    return none("internal", e instanceof Error ? (e.stack ?? e.message) : String(e));
  }
}
