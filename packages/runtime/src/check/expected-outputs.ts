/** `--check REF.py:FN` and `--check REF.ts:FN`: the expected outputs, computed by the user in double precision. */
import { OpenTrnError } from "@opentrn/base";
import type { ArgumentValue } from "../inputs/argument.ts";
import { readKernelName } from "../kernels/kernel-name.ts";
import { elementCount } from "../tensors/tensor.ts";
import { pythonReference } from "./python-reference.ts";
import type { ExpectedTensor } from "./reference-tensor.ts";
import { scriptReference } from "./script-reference.ts";

/** What the check of one output needs to know of it. */
export interface OutputShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Runs the reference named by `text` and returns one tensor of doubles an output, shapes checked. */
export async function expectedOutputs(
  text: string,
  args: Readonly<Record<string, ArgumentValue>>,
  outputs: readonly OutputShape[],
  python?: string,
): Promise<readonly Float64Array[]> {
  const name = readKernelName(text, "--check");
  if (name.language === "program" || name.kernel === undefined)
    throw new OpenTrnError(
      `--check ${text} names no function; write REF.py:FN or REF.ts:FN, a function of the kernel's inputs`,
      { category: "bad input", rule: "--check" },
    );
  const results =
    name.language === "python"
      ? pythonReference(name.path, name.kernel, args, python)
      : await scriptReference(name.path, name.kernel, args);
  return matchOutputs(text, results, outputs);
}

function matchOutputs(
  text: string,
  results: readonly ExpectedTensor[],
  outputs: readonly OutputShape[],
): readonly Float64Array[] {
  const fail = (message: string): never => {
    throw new OpenTrnError(`--check ${text} ${message}`, {
      category: "bad input",
      rule: "--check",
    });
  };
  if (results.length !== outputs.length)
    fail(`returns ${results.length} arrays, the kernel has ${outputs.length} outputs`);
  return outputs.map((o, i) => {
    const r = results[i]!;
    const shape = r.shape ?? [r.data.length];
    const squeeze = (s: readonly number[]): string => s.filter((d) => d !== 1).join(",");
    if (
      r.data.length !== elementCount(o.shape) ||
      (r.shape && squeeze(r.shape) !== squeeze(o.shape))
    )
      fail(
        `returns shape (${shape.join(", ")}) for output ${o.name}, which is (${o.shape.join(", ")})`,
      );
    return r.data;
  });
}
