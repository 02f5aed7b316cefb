/**
 * Whole training steps on the chip against the interpreter and float64: the compiled step errs no more than bf16 arithmetic does
 * anyway, whatever was fused.
 */
import { chipNamed } from "@opentrn/chips";
import { bytesOfTensor, compile, link, valuesOfBytes } from "@opentrn/compiler";
import { place, prepare } from "@opentrn/device";
import * as ir from "@opentrn/ir";
import {
  adamScalars,
  defaultAdamW,
  initialise,
  type ModelConfig,
  presetConfig,
  ropeTables,
  trainStep,
} from "@opentrn/models";
import { expect, test } from "vitest";

const batch = 2;
const seq = 40;

/** Inputs of a first step, by name. */
function inputsOf(fn: ir.Func, config: ModelConfig): Record<string, ArrayLike<number>> {
  const known: Record<string, ArrayLike<number>> = {};
  for (const [name, t] of Object.entries(initialise(config, 1))) known[name] = t as Float32Array;
  const tables = config.rope && ropeTables(config, seq);
  if (tables) Object.assign(known, { "rope.cos": tables.cos, "rope.sin": tables.sin });
  const scalars = adamScalars(defaultAdamW, 1, 1e-3) as unknown as Record<string, number>;
  const ids = (shift: number): Int32Array =>
    Int32Array.from({ length: batch * seq }, (_, i) => (i * 37 + shift) % config.vocabSize);
  return Object.fromEntries(
    fn.params.map((v) => {
      const name = ir.parameterName(v);
      const size = ir.sizeOf(v.type.shape);
      if (name === "tokens" || name === "labels") return [name, ids(name === "tokens" ? 0 : 11)];
      if (name === "label_weight") return [name, [1 / (batch * seq)]];
      if (name in scalars) return [name, [scalars[name]!]];
      // Second moments of 0 would make the first update the sign of each gradient, however small.
      const start = name.startsWith("v.") ? 1e-4 : 0;
      return [name, known[name] ?? new Float32Array(size).fill(start)];
    }),
  );
}

/** Length of the difference over the length of the exact values. */
function distance(a: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [difference, length] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    difference += (a[i]! - exact[i]!) ** 2;
    length += exact[i]! ** 2;
  }
  return Math.sqrt(difference / Math.max(length, 1e-30));
}

test.each(["tiny-llama", "tiny-gpt2", "tiny-qwen3"])(
  "%s, one layer",
  (name) => {
    const config = { ...presetConfig(name), layers: 1, vocabSize: 300 };
    const options = { batch, seq, optimizer: defaultAdamW, clip: 1 };
    const { fn, outputs } = trainStep(config, { ...options, computeDtype: "bfloat16" });
    const program = link(compile(fn, { chip: chipNamed("trn2") }));
    const inputs = inputsOf(fn, config);
    const customCalls = ir.compositeCalls;
    const interpreted = ir.interpret(fn, inputs, { customCalls });
    const oracle = ir.interpret(fn, inputs, { customCalls, arithmetic: "float64" });
    const bytes = fn.params.map((v) =>
      bytesOfTensor({ type: v.type, data: inputs[ir.parameterName(v)] as ir.Data }),
    );
    const found = prepare(program, place(program)).run(bytes).outputs;
    fn.results.forEach((v, i) => {
      const chip = distance(valuesOfBytes(v.type, found[i]!), oracle[i]!.data);
      const same = distance(interpreted[i]!.data, oracle[i]!.data);
      // One number may be lucky in one of the two; many are not.
      const slack = ir.sizeOf(v.type.shape) === 1 ? 2 ** -12 : 1e-6;
      const bound = 1.5 * same + slack;
      expect(chip, `${outputs[i]}: the interpreter is ${same} off`).toBeLessThanOrEqual(bound);
    });
  },
  180_000,
);
