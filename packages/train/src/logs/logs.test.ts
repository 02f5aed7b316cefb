import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { afterAll, expect, test } from "vitest";
import { scratch } from "../testing.ts";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import type { RunLog, StepRecord } from "./step-record.ts";
import { eventStep, tensorboardLog, tfRecords } from "./tensorboard-log.ts";
import { csvLog, jsonLog } from "./text-logs.ts";

const { at } = scratch(afterAll);
const record = (step: number, more: Partial<StepRecord> = {}): StepRecord => ({
  step,
  epoch: step / 10,
  tokens: step * 32,
  loss: 5 / step,
  gradNorm: 0.5,
  learningRate: 0.001,
  hostMs: 12.5,
  hostTokensPerSecond: 2560,
  ...more,
});
const write = (log: RunLog, steps: readonly number[]): void => {
  for (const s of steps) log.add(record(s));
  log.close();
};
const text = (path: string): string => readFileSync(path, "utf8");

test("JSON lines: absent fields stay absent, what JSON cannot hold is a string", () => {
  const log = jsonLog(at("a.jsonl"));
  log.add(record(1, { evaluationLoss: 4, gradNorm: Number.POSITIVE_INFINITY }));
  log.add(record(2));
  log.close();
  const [one, two] = text(at("a.jsonl"))
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
  expect(one).toEqual({
    step: 1,
    epoch: 0.1,
    tokens: 32,
    loss: 5,
    grad_norm: "Infinity",
    learning_rate: 0.001,
    eval_loss: 4,
    host_ms: 12.5,
    host_tokens_per_second: 2560,
  });
  expect(two).not.toHaveProperty("eval_loss");
});

test("CSV has one title row and one row a step", () => {
  write(csvLog(at("a.csv")), [1, 2]);
  expect(text(at("a.csv"))).toBe(
    "step,epoch,tokens,loss,grad_norm,learning_rate,eval_loss,host_ms,host_tokens_per_second,chip_ms\n" +
      "1,0.1,32,5,0.5,0.001,,12.5,2560,\n2,0.2,64,2.5,0.5,0.001,,12.5,2560,\n",
  );
});

for (const [name, open] of [
  ["b.jsonl", jsonLog],
  ["b.csv", csvLog],
] as const)
  test(`${name}: a resumed run takes away what came after its checkpoint, and a torn line`, () => {
    write(open(at(name)), [1, 2, 3, 4]);
    const whole = text(at(name));
    appendFileSync(at(name), whole.slice(-9, -3));
    write(open(at(name), 2), [3, 4]);
    expect(text(at(name))).toBe(whole);
    appendFileSync(at(name), "{torn");
    write(open(at(name), 4), []);
    expect(text(at(name))).toBe(whole);
    write(open(at(name)), [1]);
    expect(text(at(name)).length).toBeLessThan(whole.length);
  });

test("a log that is not there is made when a run goes on", () => {
  write(csvLog(at("new", "x.csv"), 5), [6]);
  expect(text(at("new", "x.csv")).split("\n")).toHaveLength(3);
  write(jsonLog(at("new", "x.jsonl"), 5), [6]);
  expect(text(at("new", "x.jsonl"))).toMatch(/^{"step":6/);
});

test("a log that cannot be written says so", () => {
  writeFileSync(at("file"), "");
  expect(() => jsonLog(at("file", "x.jsonl"))).toThrow(/log .*x.jsonl: it cannot be written \(E/);
});

test("CRC-32C gives the published values", () => {
  // RFC 3720, B.4.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  // The first bytes of every event file: the length 24 and its masked CRC.
  expect(maskedCrc32c(Uint8Array.of(24, 0, 0, 0, 0, 0, 0, 0))).toBe(0x224b7fa3);
});

/** Tags and values of an event, read by field number. */
function scalars(data: Uint8Array): Record<string, number> {
  const found: Record<string, number> = {};
  const event = new BinaryReader(data);
  while (event.pos < event.len) {
    const [number, wire] = event.tag();
    if (number !== 5) {
      event.skip(wire);
      continue;
    }
    const summary = new BinaryReader(event.bytes());
    while (summary.pos < summary.len) {
      summary.tag();
      const value = new BinaryReader(summary.bytes());
      value.tag();
      const tag = value.string();
      value.tag();
      found[tag] = value.float();
    }
  }
  return found;
}

test("TensorBoard events hold the scalars, and a resumed run cuts and goes on in the same file", () => {
  const folder = at("board");
  const clock = () => 1_700_000_000.5;
  write(tensorboardLog(folder, undefined, clock), [1, 2, 3]);
  const [name] = readdirSync(folder);
  expect(name).toMatch(/^events\.out\.tfevents\.1700000000\./);
  const path = at("board", name!);
  const whole = readFileSync(path);
  const events = [...tfRecords(whole)].map((r) => r.data);
  expect(new TextDecoder().decode(events[0]!)).toContain("brain.Event:2");
  expect(events.map(eventStep)).toEqual([0, 1, 2, 3]);
  expect(scalars(events[2]!)).toEqual({
    "data/epoch": Math.fround(0.2),
    "data/tokens": 64,
    "train/loss": 2.5,
    "train/grad_norm": 0.5,
    "train/learning_rate": Math.fround(0.001),
    "host/step_ms": 12.5,
    "host/tokens_per_second": 2560,
  });
  appendFileSync(path, Uint8Array.of(9, 9, 9));
  write(tensorboardLog(folder, 1, clock), [2, 3]);
  expect(readFileSync(path).equals(whole)).toBe(true);
  expect(readdirSync(folder)).toEqual([name]);
});

test("a damaged record ends what is read of an event file", () => {
  const bytes = Uint8Array.from(readFileSync(at("board", readdirSync(at("board"))[0]!)));
  const ends = [...tfRecords(bytes)].map((r) => r.end);
  bytes[ends[1]! + 14]! ^= 1;
  expect([...tfRecords(bytes)]).toHaveLength(2);
});
