import process from "node:process";
import { expect, test } from "vitest";
import { StopRequest } from "./stop-request.ts";

test("the first signal asks, the second ends the process with its code", () => {
  let asked = 0;
  const exits: number[] = [];
  const stop = new StopRequest(
    () => asked++,
    (code) => exits.push(code),
  );
  expect(stop.exitCode).toBeUndefined();
  process.emit("SIGTERM", "SIGTERM");
  expect([stop.exitCode, asked, exits]).toEqual([143, 1, []]);
  process.emit("SIGINT", "SIGINT");
  expect(exits).toEqual([143]);
  const listening = process.listenerCount("SIGINT");
  stop.release();
  expect(process.listenerCount("SIGINT")).toBe(listening - 1);
});
