/** The demo in small: a few steps of a tiny model on two chapters, on two cores of the virtual chip. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { loadConfig } from "@opentrn/train";
import pc from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoCommand, type TypedDemoOptions } from "./commands/demo.ts";
import type { DemoReport } from "./demo/demo-report.ts";
import { mobyDick } from "./demo/moby-dick.ts";
import { type DemoSettings, demoSettings } from "./demo/settings.ts";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "trn-demo-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...path: string[]): string => join(folder, ...path);

const model = {
  model_type: "llama",
  vocab_size: 300,
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 64,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 0,
};
writeFileSync(at("tiny.json"), JSON.stringify(model));
const small: DemoSettings = {
  ...demoSettings(),
  train: {
    ...demoSettings().train,
    config: at("tiny.json"),
    data: mobyDick().slice(0, 2),
    steps: 6,
    batch: 2,
    sequence: 16,
    learningRate: 0.02,
    evaluationBatches: 2,
  },
  newTokens: 8,
};

interface Shown {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The demo with its output; `onOut` sees every piece of standard output. */
async function demo(
  typed: TypedDemoOptions,
  onOut: (text: string) => void = () => {},
): Promise<Shown> {
  let out = "";
  let err = "";
  const io = {
    out: (text: string) => {
      out += text;
      onOut(text);
    },
    err: (text: string) => {
      err += text;
    },
    colours: pc.createColors(false),
    live: false,
    env: {},
  };
  const code = await demoCommand(typed, io, "0.0.0", small);
  return { code, out, err };
}

describe("stopped, typed again, and again", () => {
  let stopped: Shown;
  let goneOn: Shown;
  let fresh: Shown;
  beforeAll(async () => {
    stopped = await demo({ out: at("demo") }, (text) => {
      if (/^step 2\/6 /.test(text)) process.emit("SIGINT", "SIGINT");
    });
    goneOn = await demo({ out: at("demo"), json: true });
    fresh = await demo({ out: at("demo") });
  }, 120_000);

  test("Ctrl-C ends with a checkpoint and 130", () => {
    expect(stopped.code).toBe(130);
    expect(stopped.err).toMatch(/^stopped at step 2; go on with trn demo --out .*demo$/m);
    expect(stopped.out).not.toMatch(/The whale/);
  });

  test("the next goes on to the end; --json has it all", () => {
    expect([goneOn.code, goneOn.err]).toEqual([0, ""]);
    const report = JSON.parse(goneOn.out) as DemoReport;
    const { train, generate } = report;
    expect(train).toMatchObject({
      ended: "done",
      step: 6,
      steps_here: 4,
      engine: "chip",
      cores: 2,
    });
    expect([train.out, report.first_eval_loss]).toEqual([at("demo"), null]);
    expect(train.predicted!.cost!.usd_per_million_tokens).toBeGreaterThan(0);
    expect(generate!.prompt).toBe("The whale");
    expect(generate!.tokens).toHaveLength(8);
    expect(generate!.predicted!.token_ns).toBeGreaterThan(0);
    for (const file of Object.values(report.files)) expect(existsSync(file!)).toBe(true);
    expect(report.host.peak_bytes).toBeGreaterThan(2 ** 20);
  });

  test("the third leaves the finished run alone and goes beside it, to the same weights", () => {
    const weights = (run: string) =>
      readFileSync(join(at(run), "checkpoints", "step-00000006", "model.safetensors"));
    expect(weights("demo").equals(weights("demo-2"))).toBe(true);
  });

  test("shows steps, text, loss, this host, the chip, its cost, and where files lie", () => {
    const { code, out, err } = fresh;
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^6 steps of 32 tokens on trn2 x 2 \(chip, bfloat16\)$/m);
    expect(out).toMatch(/^step 1\/6 {2}loss 5\.\d+ {2}eval 5\.\d+/m);
    expect(out).toMatch(/^The whale/m);
    expect(out).toMatch(/^this host {3}6 steps in .+ tokens\/s, writing .+; all in .+ [MG]iB$/m);
    expect(out).toMatch(/^trn2 {8}step .+ on 2 cores, .+ tokens\/s, MFU .+% \(predicted\)$/m);
    expect(out).toMatch(/^ {12}first token .+, then .+ a token, .+ tokens\/s \(predicted\)$/m);
    expect(out).toMatch(/^cost {8}\$.+ a million tokens trained, trn2\.3xlarge at \$/m);
    const loss = /^loss {8}(\S+) to (\S+); text held back (\S+) to (\S+)$/m.exec(out)!.slice(1);
    const [first, last, heldFirst, heldLast] = loss.map(Number) as [number, number, number, number];
    expect(first - last).toBeGreaterThan(0.1);
    expect(heldFirst - heldLast).toBeGreaterThan(0.1);
    for (const subject of ["checkpoint", "logs", "TensorBoard"])
      for (const file of new RegExp(`^${subject} +(.*)$`, "m").exec(out)![1]!.split(", "))
        expect(existsSync(file)).toBe(true);
  });
});

test("the text is the book in its order, and the model is a preset", () => {
  const chapters = mobyDick();
  expect(chapters).toHaveLength(135);
  expect([chapters[0]!, chapters[9]!, chapters[134]!].map((p) => basename(p))).toEqual([
    "chapter_1.txt",
    "chapter_10.txt",
    "chapter_135.txt",
  ]);
  expect(readFileSync(chapters[0]!, "utf8")).toMatch(/Call me Ishmael/);
  const { config, sequence } = demoSettings().train;
  expect(loadConfig(config!).positions).toBeGreaterThanOrEqual(sequence!);
});

test("there are two demos, and only training has steps", async () => {
  const other = await trn(["demo", "nothing"]);
  expect([other.code, other.err]).toEqual([
    2,
    expect.stringMatching(/trn demo "nothing" is not one of train, kernels/),
  ]);
  const kernels = await trn(["demo", "kernels", "--steps", "3"]);
  expect([kernels.code, kernels.err]).toEqual([
    2,
    expect.stringMatching(/--steps are those of trn demo train/),
  ]);
});
