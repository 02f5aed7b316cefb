// Host nanoseconds of the instructions that compiled transformer steps use, at [128, 512] unless a row says otherwise, and which of them
// miss the fast path: `node bench/instructions.mjs [filter] [--reference]`. The built packages must be there (`npm run build`).
// Figures depend on the host and are for comparing two builds on it.
import { parseArgs } from "node:util";
import { place, prepare } from "../packages/device/dist/index.js";
import { BenchProgram } from "./bench-program.mjs";
import { rows } from "./instruction-rows.mjs";

const { values, positionals } = parseArgs({
  options: { reference: { type: "boolean", default: false } },
  allowPositionals: true,
});
const filter = positionals[0] ?? "";
/** Copies of the instruction in one Program, so that the start of a run does not count. */
const COPIES = 32;

/** The fastest of many runs: other processes only ever add to it. */
const least = (list) => list.reduce((a, b) => Math.min(a, b));
console.log("".padEnd(62), "path".padEnd(10), "µs".padStart(8), "rate");
for (const [name, make, flops = 0, elements = 128 * 512] of rows) {
  if (!name.includes(filter)) continue;
  try {
    const s = new BenchProgram();
    const emit = make(s);
    const before = s.b.length;
    for (let i = 0; i < COPIES; i++) emit();
    const program = s.b.finish();
    const e = prepare(program, place(program), { fast: !values.reference });
    const alone = (() => {
      const t = new BenchProgram();
      make(t);
      const p = t.b.finish();
      return {
        e: prepare(p, place(p)),
        inputs: p.inputs.map((id) => new Uint8Array(p.storages[id].rowBytes)),
      };
    })();
    const inputs = program.inputs.map((id) => new Uint8Array(program.storages[id].rowBytes));
    const time = (job) => {
      const started = performance.now();
      job();
      return performance.now() - started;
    };
    const whole = [];
    const setUp = [];
    const until = performance.now() + 300;
    for (let n = 0; n < 5 || performance.now() < until; n++) {
      whole.push(time(() => e.run(inputs)));
      setUp.push(time(() => alone.e.run(alone.inputs)));
    }
    const us = ((least(whole) - least(setUp)) / COPIES) * 1000;
    const path = values.reference || e.fastCount < before + COPIES ? "reference" : "fast";
    const rate =
      flops > 0
        ? `${(flops / us / 1000).toFixed(1)} GFLOP/s`
        : `${(elements / us / 1000).toFixed(2)} G elements/s`;
    console.log(name.padEnd(62), path.padEnd(10), us.toFixed(2).padStart(8), rate);
  } catch (error) {
    console.log(name.padEnd(62), String(error.message ?? error).slice(0, 160));
  }
}
