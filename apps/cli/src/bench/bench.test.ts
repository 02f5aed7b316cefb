import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { kernel, nisa, nl, pythonCommand, type Tensor } from "@opentrn/nki";
import {
  loadArgument,
  readArgument,
  readTensorFile,
  runProgram,
  type TensorData,
  valuesOf,
  writeNpz,
} from "@opentrn/runtime";
import { afterAll, expect, test } from "vitest";
import { flashAttention } from "../../../../examples/05-flash-attention.ts";
import { repositoryFile } from "../repository.ts";
import { trn } from "../testing.ts";
import { median, medianSeconds } from "./measure.ts";
import { peerProgram } from "./peer-program.ts";
import { CannotMeasure, runBench } from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const chip = chipNamed("trn2");

test("a row is met above its target or, where less is better, below it", async () => {
  const row = { name: "r", unit: "u", target: 10 };
  const fast = await runBench({ ...row, higher: true, measure: () => ({ value: 12, peer: 4 }) });
  expect(fast).toEqual({ ...row, value: 12, met: true, peer: 4, ratio: 3 });
  const slow = await runBench({ ...row, higher: false, measure: () => ({ value: 12, peer: 4 }) });
  expect(slow).toMatchObject({ met: false, ratio: 1 / 3 });
  const none = await runBench({
    ...row,
    higher: true,
    measure: () => {
      throw new CannotMeasure("no python3");
    },
  });
  expect(none).toMatchObject({
    value: null,
    met: null,
    peer: null,
    ratio: null,
    note: "no python3",
  });
  const fault = { ...row, higher: true, measure: () => Promise.reject(new Error("bug")) };
  await expect(runBench(fault)).rejects.toThrow("bug");
});

test("medians leave out the warm-up", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  let calls = 0;
  expect(medianSeconds(() => calls++, 0, 5)).toBeGreaterThanOrEqual(0);
  expect(calls).toBe(6);
});

test("trn bench --filter measures the rows asked for", async () => {
  const { code, out } = await trn(["bench", "--filter", "dispatch", "--json"]);
  expect(code).toBe(0);
  const rows = JSON.parse(out) as Record<string, unknown>[];
  expect(rows).toHaveLength(1);
  expect(Object.keys(rows[0]!)).toEqual(
    expect.arrayContaining(["name", "value", "unit", "target", "met", "peer", "ratio"]),
  );
  expect((await trn(["bench", "--filter", "nothing"])).err).toMatch(/matches no row; rows are/);
});

test("the peer refuses what it has no form of", () => {
  const loop = kernel("loop", (x: Tensor) => {
    const t = nl.ndarray([128, 4], { dtype: "float32" });
    nisa.dmaCopy({ dst: t, src: x });
    nl.foriLoop(0, 2, () => {
      nisa.tensorCopy({ dst: t, src: t });
    });
    const out = nl.ndarray([128, 4], { dtype: "float32", buffer: nl.sharedHbm });
    nisa.dmaCopy({ dst: out, src: t });
    return out;
  });
  const inputs = { x: { shape: [128, 4], dtype: "float32" as const } };
  expect(() => peerProgram(loop.build({ chip, inputs }))).toThrow("NumPy peer does not interpret");
});

const python = pythonCommand();
const numpy = spawnSync(python, ["-c", "import numpy"]).status === 0;

test.skipIf(!numpy)("the peer computes what the device computes, within bfloat16", () => {
  const inputs: Record<string, TensorData> = {};
  for (const name of ["q", "k", "v"]) {
    const value = loadArgument(readArgument(`${name}=256x128:bfloat16:normal`), 0);
    if (value.kind === "tensor") inputs[name] = value.tensor;
  }
  const program = flashAttention.build({ chip, inputs });
  const at = (file: string): string => join(folder, file);
  writeFileSync(at("p.json"), JSON.stringify(peerProgram(program)));
  writeFileSync(at("in.npz"), writeNpz(inputs));
  const script = repositoryFile("bench/numpy_peer.py");
  const done = spawnSync(python, [script, at("p.json"), at("in.npz"), at("out.npz"), "1"]);
  expect(done.stderr.toString()).toBe("");
  expect(JSON.parse(done.stdout.toString())).toMatchObject({
    instructions: program.starts.length,
    seconds: expect.any(Number),
  });
  const ours = runProgram(program, inputs, { time: false }).outputs![0]!;
  const bytes = readTensorFile(at("out.npz")).bytes;
  const theirs = valuesOf({ dtype: ours.dtype, shape: ours.shape, bytes });
  const mine = valuesOf(ours);
  const worst = theirs.reduce((m, v, i) => Math.max(m, Math.abs(v - mine[i]!)), 0);
  expect(worst).toBeLessThan(0.02);
});
