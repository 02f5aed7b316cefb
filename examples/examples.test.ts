/** Every example: both languages issue the same instructions, and values agree with float64 within a stated allowance that is tight. */
import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { printProgram } from "@opentrn/isa";
import { pythonAvailable, traceCPython } from "@opentrn/nki";
import {
  compare,
  loadArgument,
  readArgument,
  runProgram,
  scriptValue,
  type TensorData,
  valuesOf,
} from "@opentrn/runtime";
import { describe, expect, test } from "vitest";
import { type Example, examples } from "./catalogue.ts";
import demo from "./demo.json" with { type: "json" };
import * as references from "./references.ts";

const chip = chipNamed("trn2");
const exported = references as unknown as Readonly<
  Record<string, (...inputs: references.Array64[]) => references.Array64>
>;

/** Tensors and compile-time values that the texts describe. */
function inputsOf(texts: Readonly<Record<string, string>>) {
  const inputs: Record<string, TensorData> = {};
  const args: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) {
    const value = loadArgument(readArgument(`${name}=${text}`), 0);
    if (value.kind === "tensor") inputs[name] = value.tensor;
    else args[name] = scriptValue(value.value);
  }
  return { inputs, args };
}

const array64 = (t: TensorData): references.Array64 => ({ shape: t.shape, data: valuesOf(t) });

/** Instructions without the parts that name files: both languages have their own. */
const instructionsOf = (text: string): string =>
  text.replace(/ {2}; .*/g, "").replace(/ "[^"]*"$/gm, "");

describe.each(examples.map((e) => [e.name, e] as const))("%s", (_, e: Example) => {
  const { inputs, args } = inputsOf(e.small);
  const program = e.kernel.build({ chip, inputs, args });

  test.skipIf(!pythonAvailable())("Python issues the same instructions", async () => {
    const traced = await traceCPython({
      file: fileURLToPath(new URL(`${e.file}.py`, import.meta.url)),
      kernel: e.name,
      args: [
        ...Object.entries(inputs).map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
        ...Object.entries(args).map(([name, value]) => ({ name, value })),
      ],
      chip,
    });
    expect(instructionsOf(printProgram(traced.program))).toBe(
      instructionsOf(printProgram(program)),
    );
  });

  test("values agree with float64 within the allowance, and not within an eighth of it", () => {
    const [output] = runProgram(program, inputs, { time: false }).outputs!;
    const expected = exported[e.reference]!(...Object.values(inputs).map(array64));
    const errorsWithin = (part: number) =>
      compare(valuesOf(output!), expected.data, output!.shape, {
        rtol: part * e.tolerance.rtol,
        atol: part * e.tolerance.atol,
      });
    const { passed, worst } = errorsWithin(1);
    expect(passed, JSON.stringify(worst)).toBe(true);
    expect(errorsWithin(1 / 8).passed).toBe(false);
  });
});

/** Predicted timeline of an example at its real size. */
function timed(name: string) {
  const e = examples.find((x) => x.name === name)!;
  const { inputs, args } = inputsOf(e.args);
  const program = e.kernel.build({ chip, inputs, args });
  return runProgram(program, inputs, { values: false }).timeline!;
}

describe("time at real sizes", () => {
  test("each step of the matrix product is faster than the one before, the last close to the peak", () => {
    const steps = ["tiled", "hoisted", "resident", "pipelined"].map((s) => timed(`matmul_${s}`));
    const totals = steps.map((t) => t.totalNs);
    expect(totals).toEqual([...totals].sort((a, b) => b - a));
    expect(steps.at(-1)!.mfu).toBeGreaterThan(0.85);
  });

  test("flash attention keeps VectorE and ScalarE busy together, and twice gives the same time", () => {
    const t = timed("flash_attention");
    for (const engine of ["vector", "scalar"] as const)
      expect(t.engines[engine].activeNs / t.totalNs).toBeGreaterThan(0.7);
    expect(timed("flash_attention").totalNs).toBe(t.totalNs);
  });
});

test("the demo runs the examples marked for it", () => {
  const marked = examples.filter((e) => e.demo);
  expect(demo).toEqual(
    marked.map((e) => ({
      title: e.title,
      kernel: `examples/${e.file}.py:${e.name}`,
      args: e.args,
      check: `examples/references.ts:${e.reference}`,
      rtol: e.tolerance.rtol,
      atol: e.tolerance.atol,
      why: e.tolerance.why,
    })),
  );
});
