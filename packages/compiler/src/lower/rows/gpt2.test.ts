import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { test } from "vitest";
import { trainStep } from "../../../../models/src/build/train-step.ts";
import { presetConfig } from "../../../../models/src/index.ts";
import { compile } from "../../compile.ts";
import { timePlan } from "../../plan/time.ts";

test("gpt2", () => {
  const trn2 = chipNamed("trn2");
  const t0 = performance.now();
  const config = presetConfig(process.env["MODEL"] ?? "gpt2");
  const { fn } = trainStep(config, {
    batch: Number(process.env["B"] ?? 8),
    seq: Number(process.env["S"] ?? 1024),
    computeDtype: "bfloat16",
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    clip: 1,
  } as never);
  const t1 = performance.now();
  let last = t1;
  const plan = compile(fn, {
    chip: trn2,
    onPass: (n) => {
      const t = performance.now();
      console.log("PASS", n, (t - last).toFixed(0));
      last = t;
    },
  });
  const t2 = performance.now();
  const time = timePlan(plan);
  const t3 = performance.now();
  console.log(
    "TOTAL ms",
    (time.totalNs / 1e6).toFixed(2),
    "build",
    (t1 - t0).toFixed(0),
    "compile",
    (t2 - t1).toFixed(0),
    "lower",
    (t2 - last).toFixed(0),
    "time",
    (t3 - t2).toFixed(0),
    "instr",
    time.instructions,
    "mfu",
    (time.flops / 78.6e12 / (time.totalNs / 1e9)).toFixed(3),
  );
  const byT = new Map<string, number>();
  for (const m of time.modules) {
    const k = plan.modules[m.module]!.template;
    byT.set(k, (byT.get(k) ?? 0) + m.totalNs);
  }
  for (const [k, v] of byT) console.log("TEMPLATE", k, (v / 1e6).toFixed(2));
  for (const m of [...time.modules].sort((a, b) => b.totalNs - a.totalNs).slice(0, 40)) {
    const mod = plan.modules[m.module]!;
    const t = m.timeline;
    const e = Object.entries(t.engines)
      .map(([k, u]) => `${k[0]}${((100 * u.activeNs) / t.totalNs).toFixed(0)}`)
      .join(" ");
    const io = [...mod.group.params, ...mod.group.results].reduce(
      (n, v) =>
        n +
        ir.sizeOf(v.type.shape) *
          ({ float32: 4, bfloat16: 2, int32: 4, bool_: 1 } as Record<string, number>)[
            v.type.dtype
          ]!,
      0,
    );
    const ops = new Map<string, number>();
    for (const op of mod.group.body) ops.set(op.name, (ops.get(op.name) ?? 0) + 1);
    console.log(
      "MOD",
      mod.name,
      mod.template,
      `${m.calls}x`,
      (m.totalNs / 1e6).toFixed(2),
      "ms each us",
      (t.totalNs / 1e3).toFixed(0),
      "bound",
      (io / 360e3).toFixed(0),
      "n",
      mod.program.starts.length,
      e,
      `dma${((100 * t.dma.activeNs) / t.totalNs).toFixed(0)}`,
      "in",
      mod.group.params.map((v) => ir.printType(v.type).slice(7, -1)).join(" "),
      "out",
      mod.group.results.map((v) => ir.printType(v.type).slice(7, -1)).join(" "),
      "|",
      [...ops].map(([k, v]) => `${k}${v > 1 ? v : ""}`).join(" "),
    );
    if (process.env["PRINT"] === mod.name) console.log(ir.print(mod.group));
  }
}, 600000);
