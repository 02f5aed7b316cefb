import { instruction } from "../define.ts";
import { noMeaning, onEngine } from "./control.ts";

export const coreBarrier = instruction({
  name: "core_barrier",
  summary: "The engine waits until the same engine of the other core stands at its barrier.",
  source: "NKI API reference, nki.isa.core_barrier",
  generations: [3, 4],
  operands: {
    data: { role: "inout", spaces: ["hbm"], keeps: true, doc: "the shared tensor that is guarded" },
  },
  attrs: {
    cores: { kind: "ints", doc: "cores that meet" },
    engine: {
      kind: "enum",
      values: ["unknown", "gpsimd", "vector", "scalar", "tensor", "sync"],
      default: "gpsimd",
      doc: "engine that waits",
    },
  },
  params: ["data", "cores", "engine"],
  engines: () => ["gpsimd", "vector", "scalar", "tensor", "sync"],
  rules: {
    C1: {
      says: "cores are (0, 1)",
      broken: ({ attr: { cores } }) =>
        cores.join() === "0,1" ? undefined : `cores are (${cores}); only LNC 2 has barriers`,
    },
  },
  evaluate: noMeaning("core_barrier"),
  cost: {
    kind: "unknown",
    why: "no figure is published; taken as one semaphore to the other core and one wait",
    cycles: (call) => onEngine(call, 2 * call.chip.sync.semaphoreNs.value),
  },
  control: true,
});
