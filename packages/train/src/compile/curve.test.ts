/**
 * 200 steps of training on the chip in bf16 against PyTorch in fp32 (scripts/pytorch/model_fixtures.py), whose curve the interpreter in
 * fp32 follows to 4e-7.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { bytesOfTensor, compile, link, valuesOfBytes } from "@opentrn/compiler";
import { place, prepare } from "@opentrn/device";
import { parameterName, tensor } from "@opentrn/ir";
import { adamScalars, labelWeight, readCheckpoint, ropeTables, trainStep } from "@opentrn/models";
import { expect, test } from "vitest";

const fixture = (path: string): string =>
  fileURLToPath(new URL(`../../../models/fixtures/${path}`, import.meta.url));

interface Curve {
  readonly settings: {
    readonly text: string;
    readonly steps: number;
    readonly batch: number;
    readonly seq: number;
    readonly lr: number;
    readonly minimum_lr: number;
    readonly warmup: number;
    readonly clip: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly weight_decay: number;
  };
  readonly float32: { readonly loss: readonly number[] };
}

test("the loss of every step is within 1 % of PyTorch's", () => {
  const curve = JSON.parse(readFileSync(fixture("pytorch/curve/expected.json"), "utf8")) as Curve;
  const s = curve.settings;
  const { config, parameters } = readCheckpoint(fixture("pytorch/curve"));
  const text = readFileSync(fixture(s.text));
  const optimizer = {
    beta1: s.beta1,
    beta2: s.beta2,
    epsilon: s.epsilon,
    weightDecay: s.weight_decay,
  };
  const { batch, seq, clip } = s;
  const { fn, outputs } = trainStep(config, {
    batch,
    seq,
    computeDtype: "bfloat16",
    optimizer,
    clip,
  });
  const program = link(compile(fn, { chip: chipNamed("trn2") }));
  const names = fn.params.map(parameterName);
  const carry = outputs.flatMap((name, i) =>
    names.includes(name)
      ? [{ from: program.outputs[i]!, to: program.inputs[names.indexOf(name)]! }]
      : [],
  );
  const chip = prepare(program, place(program), { carry });
  const write = (name: string, values: ArrayLike<number>): void => {
    const at = names.indexOf(name);
    const data = Float32Array.from(values);
    chip.write(program.inputs[at]!, bytesOfTensor({ type: fn.params[at]!.type, data }));
  };
  for (const [name, values] of Object.entries(parameters)) {
    write(name, values);
    for (const moment of ["m", "v"]) write(`${moment}.${name}`, new Float32Array(values.length));
  }
  const { cos, sin } = ropeTables(config, seq);
  write("rope.cos", cos);
  write("rope.sin", sin);
  const rate = (i: number): number => {
    if (i < s.warmup) return (s.lr * (i + 1)) / s.warmup;
    const done = (i - s.warmup) / (s.steps - s.warmup);
    return s.minimum_lr + (s.lr - s.minimum_lr) * 0.5 * (1 + Math.cos(Math.PI * done));
  };
  const lossAt = program.outputs[outputs.indexOf("loss")]!;
  const off = curve.float32.loss.map((expected, i) => {
    const rows = Array.from({ length: batch }, (_, r) => {
      const start = (97 * (batch * i + r)) % (text.length - seq);
      return Array.from(text.subarray(start, start + seq + 1));
    });
    const labels = rows.flatMap((row) => row.slice(1));
    write(
      "tokens",
      rows.flatMap((row) => row.slice(0, -1)),
    );
    write("labels", labels);
    write("label_weight", [labelWeight(labels)]);
    for (const [name, x] of Object.entries(adamScalars(optimizer, i + 1, rate(i))))
      write(name, [x]);
    chip.execute();
    return Math.abs(valuesOfBytes(tensor([]), chip.read(lossAt))[0]! / expected - 1);
  });
  expect(off).toHaveLength(200);
  expect(Math.max(...off)).toBeLessThan(0.01);
}, 180_000);
