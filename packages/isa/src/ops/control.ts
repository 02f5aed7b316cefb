/** What the instructions share that the executor and the sequencers run themselves: loops, registers, barriers. */
import { OpenTrnError } from "@opentrn/base";
import type { AnyCall, EngineCost } from "../define.ts";

/** Control instructions act on registers and on the order of execution, never on dense data. */
export const noMeaning = (name: string) => (): never => {
  throw new OpenTrnError(`${name} is carried out by the executor and has no dense meaning`, {
    category: "internal",
  });
};

/** The sequencer's facts are in nanoseconds, so a cycle of the sync engine is one nanosecond. */
export const sequencer = (ns: number): EngineCost => ({ interval: ns, latency: ns });

/** Nanoseconds in cycles of the engine that runs the call. */
export function onEngine(call: Pick<AnyCall, "engine" | "chip">, ns: number): EngineCost {
  const { engine, chip } = call;
  const clock =
    engine === "tensor"
      ? chip.tensor.clockGHz.value
      : engine === "sync" || engine === "dma"
        ? 1
        : chip.engines[engine].clockGHz.value;
  return sequencer(ns * clock);
}

const profile = "neuron-profile dumps of a trn2.3xlarge";
const instructionNs = 13;

/** One short sequencer instruction; the profiles show 13 to 25 ns for a NOP and 13 for NOTIFY. */
export const shortInstruction = {
  kind: "engine",
  basis: "assumed",
  formula: `${instructionNs} ns, the shortest sequencer instruction measured`,
  source: `${profile}; register moves were not seen in them`,
  cycles: (): EngineCost => sequencer(instructionNs),
} as const;

/** One compare and branch. */
export const branch = {
  kind: "engine",
  basis: "measured",
  formula: "one compare and branch on every engine that runs the loop",
  source: profile,
  cycles: (call: Pick<AnyCall, "chip">): EngineCost => sequencer(call.chip.sync.branchNs.value),
} as const;

/** One word between memory and a register. */
export const registerAccess = {
  kind: "engine",
  basis: "measured",
  formula: "one word read by a sequencer; a store is taken to be as long",
  source: profile,
  cycles: (call: Pick<AnyCall, "chip">): EngineCost =>
    sequencer(call.chip.sync.registerLoadNs.value),
} as const;

/** What is wrong with a number that goes into a 32-bit register. */
export const isRegisterValue = (name: string, v: number | undefined): string | undefined =>
  v === undefined || (Number.isInteger(v) && v >= -(2 ** 31) && v < 2 ** 32)
    ? undefined
    : `${name} is ${v}; a register holds a 32-bit integer`;
