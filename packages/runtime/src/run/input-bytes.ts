/** Named tensors to the bytes of a Program's inputs, in its order. */
import { OpenTrnError } from "@opentrn/base";
import type { Program } from "@opentrn/isa";
import type { TensorData } from "../tensors/tensor.ts";

/** Throws `bad input` for a missing tensor or one of another type or shape. */
export function inputBytes(
  program: Program,
  inputs: Readonly<Record<string, TensorData>>,
): readonly Uint8Array[] {
  return program.inputs.map((id) => {
    const s = program.storages[id]!;
    const given = Object.hasOwn(inputs, s.name) ? inputs[s.name] : undefined;
    const fail = (message: string): never => {
      throw new OpenTrnError(`input ${s.name} ${message}`, {
        category: "bad input",
        rule: "inputs",
      });
    };
    const want = `${s.shape.join("x")}:${s.dtype}`;
    if (given === undefined) return fail(`is missing; add --arg ${s.name}=${want}`);
    if (given.dtype !== s.dtype || `${given.shape}` !== `${s.shape}`)
      fail(`is ${given.shape.join("x")}:${given.dtype}, the kernel was traced for ${want}`);
    return given.bytes;
  });
}
