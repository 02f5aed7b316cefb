/** What can compute steps and tokens, by the name that `--engine` takes. The first is what a run takes when none is named. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { DecodeEngine } from "../generate/decode-engine.ts";
import { ChipDecoder } from "./chip/chip-decoder.ts";
import { ChipTraining } from "./chip/chip-training.ts";
import { type DecodeEngineRequest, InterpreterDecoder } from "./interpreter-decoder.ts";
import { InterpreterEngine, type TrainingEngineRequest } from "./interpreter-engine.ts";
import type { StepEngine } from "./step-engine.ts";

/** Where the chip is and how much of it there is; the interpreter has no use for it. */
export interface Placement {
  readonly chip: Chip;
  /** Data-parallel cores; each takes an equal part of every micro-batch. */
  readonly cores: number;
  readonly stochasticRounding: boolean;
  /** Products of 16-bit operands in fp8. */
  readonly fp8: boolean;
  readonly seed: number;
}

/** Told what is going on while something is compiled. */
export type Say = (what: string) => void;

export interface Engines {
  /** Compiles what a training run needs. */
  readonly training: (
    request: TrainingEngineRequest,
    placement: Placement,
    say: Say,
  ) => Promise<StepEngine>;
  /** Compiles what generation needs. */
  readonly decoding: (
    request: DecodeEngineRequest,
    placement: Placement,
    say: Say,
  ) => Promise<DecodeEngine>;
}

export const engines = {
  chip: {
    training: (request, placement, say) => ChipTraining.of(request, placement, say),
    decoding: (request, placement, say) => ChipDecoder.of(request, placement, say),
  },
  interpreter: {
    training: async (request) => new InterpreterEngine(request),
    decoding: async (request) => new InterpreterDecoder(request),
  },
} as const satisfies Record<string, Engines>;

export type EngineName = keyof typeof engines;
export const engineNames = Object.keys(engines) as readonly EngineName[];

/** Stops with `bad input` for another word, which a file that a person edited may hold. */
export function engineNamed(name: string): Engines {
  const found = engineNames.find((n) => n === name);
  if (found) return engines[found];
  throw new OpenTrnError(`--engine ${name} is not one of ${engineNames.join(", ")}`, {
    category: "bad input",
    rule: "--engine",
  });
}
