/** Every kernel of the benchmark computes what its float64 reference says, on the fast path throughout. */
import { chipNamed } from "@opentrn/chips";
import { compare, runProgram, valuesOf } from "@opentrn/runtime";
import { describe, expect, test } from "vitest";
import { benchKernels } from "./catalogue.ts";

describe.each(benchKernels.map((k) => [k.name, k] as const))("%s", (_, k) => {
  const inputs = k.small();
  const program = k.kernel.build({ chip: chipNamed(k.chip), inputs });
  const run = runProgram(program, inputs);

  test("values agree with float64 within the allowance, and not within an eighth of it", () => {
    const expected = k.reference(inputs);
    expect(run.outputs).toHaveLength(expected.length);
    const errorsWithin = (part: number) =>
      run.outputs!.map((o, n) =>
        compare(valuesOf(o), expected[n]!.data, o.shape, {
          rtol: part * k.tolerance.rtol,
          atol: part * k.tolerance.atol,
        }),
      );
    for (const { passed, worst } of errorsWithin(1))
      expect(passed, JSON.stringify(worst)).toBe(true);
    expect(errorsWithin(1 / 8).every((e) => e.passed)).toBe(false);
  });

  test("every instruction has a kernel, and the timeline a length", () => {
    expect(run.fastCount).toBe(program.starts.length);
    expect(run.timeline!.totalNs).toBeGreaterThan(1000);
  });
});
