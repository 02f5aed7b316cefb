import { instruction } from "../define.ts";
import { branch, isRegisterValue, noMeaning } from "./control.ts";

export const loopBegin = instruction({
  name: "loop_begin",
  summary: "index = start; continues after the matching loop_end when start >= stop.",
  source: "NKI API reference, nki.language.dynamic_range and fori_loop",
  generations: [2, 3, 4],
  operands: {
    index: { role: "out", spaces: [], register: true, doc: "register that counts" },
    start: { role: "in", spaces: [], scalar: true, register: true, doc: "first value" },
    stop: { role: "in", spaces: [], scalar: true, register: true, doc: "end, exclusive" },
  },
  attrs: { step: { kind: "int", default: 1, doc: "compile-time step, positive" } },
  params: ["index", "start", "stop", "step"],
  engines: () => ["sync"],
  rules: {
    C1: {
      says: "step is a positive integer",
      broken: ({ attr: { step } }) =>
        Number.isInteger(step) && step > 0
          ? undefined
          : `step is ${step}; count upwards and mirror the index in the body`,
    },
    C2: {
      says: "start and stop are 32-bit integers",
      broken: ({ immediate: { start, stop } }) =>
        isRegisterValue("start", start) ?? isRegisterValue("stop", stop),
    },
  },
  evaluate: noMeaning("loop_begin"),
  cost: branch,
  control: true,
});
