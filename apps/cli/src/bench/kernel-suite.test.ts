import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { pythonCommand } from "@opentrn/nki";
import { readTensorFile, runProgram, valuesOf, writeNpz } from "@opentrn/runtime";
import { afterAll, describe, expect, test } from "vitest";
import { benchKernels } from "../../../../bench/kernels/catalogue.ts";
import { repositoryFile } from "../repository.ts";
import { geometricMean, suiteNames } from "./kernel-suite.ts";
import { peerProgram } from "./peer-program.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (file: string): string => join(folder, file);

test("rows are the catalogue's kernels", () => {
  expect(suiteNames).toEqual(benchKernels.map((k) => k.name));
});

test("the geometric mean of 2 and 8 is 4", () => {
  expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
});

const python = pythonCommand();
const numpy = spawnSync(python, ["-c", "import numpy"]).status === 0;

describe.skipIf(!numpy).each(benchKernels.map((k) => [k.name, k] as const))("%s", (_, k) => {
  test("the NumPy peer computes what the device computes, within the kernel's allowance", () => {
    const inputs = k.small();
    const program = k.kernel.build({ chip: chipNamed(k.chip), inputs });
    writeFileSync(at("p.json"), JSON.stringify(peerProgram(program)));
    writeFileSync(at("in.npz"), writeNpz(inputs));
    const script = repositoryFile("bench/numpy_peer.py");
    const done = spawnSync(python, [script, at("p.json"), at("in.npz"), at("out.npz"), "1"]);
    expect(done.stderr.toString()).toBe("");
    const ours = runProgram(program, inputs, { time: false }).outputs!;
    ours.forEach((o, n) => {
      const key = program.storages[program.outputs[n]!]!.name;
      const { bytes } = readTensorFile(at("out.npz"), key);
      const theirs = valuesOf({ dtype: o.dtype, shape: o.shape, bytes });
      const mine = valuesOf(o);
      const { rtol, atol } = k.tolerance;
      const worst = theirs.reduce(
        (m, v, i) => Math.max(m, Math.abs(v - mine[i]!) / (2 * (atol + rtol * Math.abs(v)))),
        0,
      );
      expect(worst).toBeLessThan(1);
    });
  });
});
