import { FrameReader, messageFrame } from "@opentrn/nki";
import { expect, test } from "vitest";
import { EngineServer } from "./engine-server.ts";

/** What the server answers to messages sent one after another. */
function answers(...messages: readonly unknown[]): Record<string, unknown>[] {
  const got: Record<string, unknown>[] = [];
  const reader = new FrameReader({
    records: () => expect.fail("records"),
    message: (m) => got.push(m),
    bytes: () => expect.fail("bytes"),
  });
  const server = new EngineServer((bytes) => reader.push(bytes));
  for (const m of messages) {
    const whole = messageFrame(m);
    // Pieces of any size are one message.
    for (let at = 0; at < whole.length; at += 5) server.push(whole.subarray(at, at + 5));
  }
  return got;
}

test("a package made from other records is refused, with the number of its trace", () => {
  const [refusal] = answers({
    type: "begin",
    name: "k",
    target: "trn2",
    cores: 1,
    fingerprint: "0",
    trace: 7,
  });
  expect(refusal).toMatchObject({ type: "error", rule: "fingerprint", trace: 7 });
});

test("unknown requests and Programs are errors, and the next request is served", () => {
  const got = answers(
    { type: "dance" },
    { type: "run", program: 9, inputs: 0 },
    { type: "forget", program: 9 },
    { type: "time", program: 9 },
  );
  expect(got.map((m) => m["message"])).toEqual([
    "the engine does not know the request dance",
    "the engine has no Program 9",
    "the engine has no Program 9",
  ]);
});
