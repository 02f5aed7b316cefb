/** The whole of `trn train` and `trn generate`, on a model of a few thousand parameters. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { GenerateReport, TrainReport } from "@opentrn/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-cli-train-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...path: string[]): string => join(folder, ...path);
const bin = fileURLToPath(new URL("../bin/trn.mjs", import.meta.url));

const fields = {
  model_type: "llama",
  vocab_size: 256,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 24,
  max_position_embeddings: 64,
  initializer_range: 0.1,
};
writeFileSync(at("tiny.json"), JSON.stringify(fields));
writeFileSync(at("poem.txt"), "the cat sat on the mat. the dog sat on the log.\n".repeat(40));
const small = ["--config", at("tiny.json"), "--engine", "interpreter"];
const shape = [
  "--batch",
  "2",
  "--seq",
  "8",
  "--lr",
  "0.02",
  "--save-every",
  "1",
  "--eval-every",
  "3",
];
const args = (out: string, ...more: string[]): string[] => [
  "train",
  ...small,
  ...shape,
  ...(more.includes("--data") ? [] : ["--data", at("poem.txt")]),
  "--out",
  at(out),
  ...more,
];
/** Every file of the newest checkpoint as hex. */
function checkpoint(out: string): Record<string, string> {
  const checkpoints = at(out, "checkpoints");
  const newest = join(checkpoints, readFileSync(join(checkpoints, "latest"), "utf8").trim());
  return Object.fromEntries(
    readdirSync(newest).map((f) => [f, readFileSync(join(newest, f), "hex")]),
  );
}
const steps = (out: string): number[] =>
  readFileSync(at(out, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((l) => (JSON.parse(l) as { step: number }).step);

describe("training", () => {
  let report: TrainReport;
  beforeAll(async () => {
    const { code, out, err } = await trn(args("straight", "--steps", "6", "--json"));
    expect([code, err]).toEqual([0, ""]);
    report = JSON.parse(out) as TrainReport;
  }, 60_000);

  test("reports loss, tokens and checkpoint, and writes logs", () => {
    expect(report).toMatchObject({
      ended: "done",
      step: 6,
      steps: 6,
      tokens: 96,
      engine: "interpreter",
      target: "trn2",
      model: { architecture: "llama", tokenizer: "bytes" },
      bad: null,
      predicted: null,
    });
    expect(report.loss).toBeLessThan(report.first_loss!);
    expect(report.eval_loss).toBeGreaterThan(0);
    expect(existsSync(join(report.checkpoint!, "model.safetensors"))).toBe(true);
    expect(steps("straight")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readFileSync(at("straight", "log.csv"), "utf8").split("\n")).toHaveLength(8);
    expect(readdirSync(at("straight", "tensorboard"))).toHaveLength(1);
    expect(
      readdirSync(at("straight", "checkpoints")).filter((n) => n.startsWith("step-")),
    ).toHaveLength(3);
  });

  test("a run killed in the middle and resumed ends with the same bytes", async () => {
    // Killed while step 4 or 5 is in the making: after the log has three steps, at an arbitrary point.
    const child = spawn(process.execPath, [bin, ...args("killed", "--steps", "6")], {
      stdio: "ignore",
      env: { ...process.env, NO_COLOR: "1" },
    });
    await killedAfter(child, 3, "killed");
    expect(steps("killed").length).toBeLessThan(6);
    const { code, err, out } = await trn(["train", "--out", at("killed"), "--resume", "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const resumed = JSON.parse(out) as TrainReport;
    expect(resumed.step).toBe(6);
    expect(resumed.steps_here).toBeLessThan(6);
    expect(checkpoint("killed")).toEqual(checkpoint("straight"));
    expect(steps("killed")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("without --json: plain lines, then a summary", async () => {
    const { code, out } = await trn(args("plain", "--steps", "4", "--accumulate", "2"));
    expect(code).toBe(0);
    expect(out).toMatch(/^llama \d+.\d+ parameters, 1.920 tokens of text$/m);
    expect(out).toMatch(/^4 steps of 32 tokens on trn2 x 1 \(interpreter, bfloat16\)$/m);
    expect(out).toMatch(/^step 1\/4 {2}loss 5\.\d{4} {2}lr /m);
    expect(out).toMatch(/^step 3\/4 {2}loss \d\.\d{4} {2}eval \d\.\d{4} /m);
    expect(out).toMatch(/^loss {8}5\.\d+ to \d\.\d+, held-back text \d\.\d+$/m);
    expect(out).toMatch(/^checkpoint {2}.*step-00000004$/m);
  });

  test("a finished run resumed is done already; the trained model generates", async () => {
    const again = await trn(["train", "--out", at("straight"), "--resume", "--json"]);
    expect(JSON.parse(again.out)).toMatchObject({ ended: "done", step: 6, steps_here: 0 });
    const prompt = ["--prompt", "the c", "--max-new-tokens", "5", "--engine", "interpreter"];
    const made = await trn(["generate", "--model", at("straight"), ...prompt, "--json"]);
    expect([made.code, made.err]).toEqual([0, ""]);
    const report = JSON.parse(made.out) as GenerateReport;
    expect(report).toMatchObject({ prompt_tokens: 5, ended: "length", predicted: null });
    expect(report.tokens).toHaveLength(5);
    const text = await trn(["generate", "--model", at("straight"), ...prompt]);
    expect(text.out).toBe(`the c${report.text}\n`);
    expect(text.err).toMatch(/^5 tokens of prompt, 5 new \(length\); this host: /);
    const greedy = ["--temperature", "0", "--json"];
    const one = await trn(["generate", "--model", at("straight"), ...prompt, ...greedy]);
    const two = await trn([
      "generate",
      "--model",
      at("straight"),
      ...prompt,
      ...greedy,
      "--seed",
      "9",
    ]);
    expect((JSON.parse(one.out) as GenerateReport).tokens).toEqual(
      (JSON.parse(two.out) as GenerateReport).tokens,
    );
  });
});

test("on the chip: predicted time, its range, MFU and cost", async () => {
  const more = ["--engine", "chip", "--steps", "2", "--term", "capacity-block", "--json"];
  const { code, out, err } = await trn(args("chip", ...more));
  expect([code, err]).toEqual([0, ""]);
  const { predicted, loss, first_loss, engine } = JSON.parse(out) as TrainReport;
  expect(engine).toBe("chip");
  expect(loss).toBeLessThan(first_loss! + 1);
  expect(predicted).toMatchObject({
    cores: 1,
    cost: { instance: "trn2.3xlarge", usd_per_hour: 2.235 },
  });
  const { step_ns, low_ns, high_ns, tokens_per_second, mfu, cost } = predicted!;
  expect(low_ns!).toBeLessThan(step_ns);
  expect(high_ns!).toBeGreaterThan(step_ns);
  expect(tokens_per_second).toBeCloseTo(16e9 / step_ns, 6);
  expect(mfu!).toBeGreaterThan(0);
  // Eight cores do the same as the one that was predicted.
  expect(cost!.tokens_per_second).toBeCloseTo(8 * tokens_per_second, 6);
  expect(cost!.usd_per_million_tokens).toBeCloseTo(
    (2.235 / 3600 / (8 * tokens_per_second)) * 1e6,
    9,
  );
  const prompt = ["--prompt", "the c", "--max-new-tokens", "2", "--json"];
  const made = await trn(["generate", "--model", at("chip"), ...prompt]);
  const { predicted: token, tokens } = JSON.parse(made.out) as GenerateReport;
  expect(tokens).toHaveLength(2);
  expect(token!.ttft_ns).toBeGreaterThan(0);
  expect(token!.tokens_per_second).toBeCloseTo(1e9 / token!.token_ns, 6);
  expect(token!.cost!.instance).toBe("trn2.3xlarge");
  expect(readFileSync(at("chip", "log.csv"), "utf8").split("\n")[1]).toMatch(/,\d+\.\d+$/);
}, 60_000);

test("a loss that is not finite ends with 1, the step and the tensor; the checkpoint stays", async () => {
  const { code, out, err } = await trn(
    args("nan", "--steps", "30", "--lr", "1000", "--clip", "0", "--json"),
  );
  const report = JSON.parse(out) as TrainReport;
  expect([code, report.ended]).toEqual([1, "bad"]);
  expect(err).toMatch(
    /^step \d+: the loss is \S+ .* first bad tensor is .+ The checkpoint .* is kept/,
  );
  expect(report.bad!.step).toBe(report.step + 1);
  expect(existsSync(join(report.checkpoint!, "trainer.json"))).toBe(true);
});

describe("Ctrl-C", () => {
  test("ends after the step with a checkpoint and 130, and the run goes on from there", async () => {
    const child = spawn(process.execPath, [bin, ...args("stopped", "--steps", "5000")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr!.on("data", (d) => {
      err += d;
    });
    await logged(child, 2, "stopped");
    child.kill("SIGINT");
    expect(await ended(child)).toBe(130);
    expect(err).toMatch(/stopping after this step/);
    const step = Number(/stopped at step (\d+); go on with trn train --resume/.exec(err)![1]);
    const latest = readFileSync(at("stopped", "checkpoints", "latest"), "utf8").trim();
    expect(Number(latest.slice(5))).toBe(step);
    expect(steps("stopped").at(-1)).toBe(step);
  });
});

describe("bad input ends with 2 and says what to do", () => {
  writeFileSync(at("zero.txt"), "");
  writeFileSync(at("short.txt"), "short");
  writeFileSync(at("binary.txt"), Uint8Array.of(65, 0, 66));
  writeFileSync(at("narrow.json"), JSON.stringify({ ...fields, vocab_size: 100 }));
  const cases: readonly [string, readonly string[], RegExp][] = [
    ["no config", ["train", "--out", at("b1")], /--config is missing; name a preset/],
    ["no data", ["train", "--config", at("tiny.json"), "--out", at("b2")], /--data is missing/],
    [
      "unknown config",
      args("b3", "--config", "gpt5"),
      /gpt5 is neither a file nor a preset; presets are/,
    ],
    ["no such data", args("b4", "--data", at("no.txt")), /no.txt: no such file or folder/],
    [
      "empty data",
      args("b5", "--data", at("zero.txt")),
      /text is empty; training needs at least 9/,
    ],
    [
      "short data",
      args("b6", "--data", at("short.txt")),
      /at least 9 tokens at --seq 8, there are 5/,
    ],
    ["binary data", args("b7", "--data", at("binary.txt")), /is not text: a zero byte at offset 1/],
    ["long sequence", args("b8", "--seq", "65"), /65 tokens is longer than the model's 64/],
    ["unknown chip", args("b9", "--target", "trn9"), /target trn9 is not a chip/],
    ["too many cores", args("b10", "--cores", "99"), /--cores 99 is more than the 8 that trn2 has/],
    ["uneven cores", args("b11", "--cores", "4"), /--cores 4 does not divide --batch 2/],
    [
      "rounding that no engine does",
      args("b16", "--stochastic-rounding"),
      /--stochastic-rounding is not done/,
    ],
    ["fp8 without a chip", args("b17", "--fp8"), /--fp8 is what the compiler does, not the interp/],
    [
      "long warm-up",
      args("b12", "--steps", "3", "--warmup", "4"),
      /--warmup 4 is longer than the run/,
    ],
    ["no price", args("b13", "--term", "on-demand"), /no on-demand price of trn2 is known/],
    [
      "small vocabulary",
      args("b14", "--config", at("narrow.json")),
      /has 256 tokens, .* vocab_size is 100/,
    ],
    ["nothing to resume", args("b15", "--resume"), /holds no checkpoint; start without --resume/],
    ["a run is there", args("straight"), /already holds a run; go on with it by --resume/],
    [
      "another seed",
      args("straight", "--resume", "--seed", "5"),
      /--seed: the checkpoint was made with 0/,
    ],
    [
      "another model",
      args("straight", "--resume", "--config", at("narrow.json")),
      /is another model than/,
    ],
    ["no prompt", ["generate", "--model", at("straight")], /--prompt is missing/],
    ["empty prompt", ["generate", "--model", at("straight"), "--prompt", ""], /--prompt is empty/],
    ["no model", ["generate", "--model", at("none"), "--prompt", "x"], /none/],
    [
      "two prompts",
      ["generate", "--model", at("straight"), "--prompt", "x", "--prompt-file", "y"],
      /both give the prompt/,
    ],
  ];
  for (const [what, argv, message] of cases)
    test(what, async () => {
      const { code, err } = await trn(argv);
      expect(err).toMatch(message);
      expect(code).toBe(2);
    });
});

/** Waits until the log has that many lines; stops when the process ends before. */
async function logged(child: ChildProcess, lines: number, out: string): Promise<void> {
  const path = at(out, "log.jsonl");
  const count = () => (existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0);
  while (count() < lines) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((done) => child.on("exit", done));

async function killedAfter(child: ChildProcess, lines: number, out: string): Promise<void> {
  await logged(child, lines, out);
  const gone = ended(child);
  child.kill("SIGKILL");
  await gone;
}
