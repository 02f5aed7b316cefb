/** The values that an operand of a running core has right now: for prints, watched tensors and debuggers. */
import type { Operand } from "@opentrn/isa";
import { bytesOf, type DType, dtypeInfo, integerOf } from "@opentrn/numerics";
import { readDense } from "./dense.ts";
import { type LayoutContext, layOut } from "./operand.ts";

export interface OperandValues {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major. 32-bit integers and the bits of packed types, which fp32 cannot hold, are doubles. */
  readonly values: Float32Array | Float64Array;
}

/** Reads an operand; run-time addressing is resolved with the registers as they are. */
export function operandValues(ctx: LayoutContext, op: string, o: Operand): OperandValues {
  if (o.kind !== "tile") {
    const value = o.kind === "register" ? ctx.registers[o.register]! : o.value;
    return { dtype: "int32", shape: [], values: Float64Array.of(value) };
  }
  const { dtype, dims } = o.pattern;
  const shape = dims.map((d) => d[1]);
  const laid = layOut(ctx, op, "tensor", o.pattern, false);
  laid.resolve?.();
  const { kind } = dtypeInfo[dtype];
  if (kind === "float" || (kind !== "packed" && bytesOf(dtype) < 4)) {
    const values = readDense(ctx.map, laid.strided, laid.offsets, false) as Float32Array;
    return { dtype, shape, values };
  }
  const bits = readDense(ctx.map, laid.strided, laid.offsets, true);
  const values = Float64Array.from(
    bits,
    kind === "packed" ? undefined : (b) => integerOf(b, dtype),
  );
  return { dtype, shape, values };
}
