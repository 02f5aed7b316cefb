/** Reads what `scripts/pytorch/model_fixtures.py` wrote. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSafetensors, safetensorsKeys, valuesOf, withFile } from "@opentrn/runtime";

const root = new URL("../fixtures/", import.meta.url);

/** The path of a fixture. */
export const fixturePath = (name: string): string => fileURLToPath(new URL(name, root));

/** A JSON fixture. */
export const fixtureJson = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(name, root), "utf8")) as T;

/** The tensors of a safetensors fixture. */
export const fixtureTensors = (name: string): Readonly<Record<string, Float64Array>> =>
  withFile(fixturePath(name), (source) =>
    Object.fromEntries(
      safetensorsKeys(source).map((key) => [key, valuesOf(readSafetensors(source, key))]),
    ),
  );

/** `expected.json` of a model. */
export interface Expected {
  readonly tokens: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
  readonly logits: readonly (readonly (readonly number[])[])[];
  readonly bfloat16_logits: Expected["logits"];
  readonly loss: number;
  readonly prompt: readonly (readonly number[])[];
  readonly greedy: readonly (readonly number[])[];
}

/** `expected.json` of the loss curve. */
export interface Curve {
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
  readonly float32: { readonly loss: readonly number[]; readonly gradient_norm: readonly number[] };
  readonly bfloat16_autocast: Curve["float32"];
}
