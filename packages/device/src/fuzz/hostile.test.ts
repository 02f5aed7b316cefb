/** Damaged Program files are refused or run; nothing else comes out, and nothing takes long. */
import { expect, it } from "vitest";
import { feed, hostileFile } from "./hostile.ts";

const FILES = Number(process.env["OPENTRN_FUZZ_FILES"] ?? 800);
const seed = Number(process.env["OPENTRN_FUZZ_SEED"] ?? 20_26);
const MOST_MS = 5000;

it("damaged files end in typed errors or run", () => {
  const fates: Record<string, number> = { refused: 0, stopped: 0, ran: 0, "too large": 0 };
  const wrong: string[] = [];
  for (let draw = 0; draw < FILES; draw++) {
    const file = hostileFile(seed, draw);
    if (!file) continue;
    const started = performance.now();
    try {
      fates[feed(file)]!++;
    } catch (e) {
      wrong.push(`draw ${draw}: ${(e as Error).stack?.slice(0, 800)}`);
    }
    const ms = performance.now() - started;
    if (ms > MOST_MS) wrong.push(`draw ${draw} took ${ms.toFixed(0)} ms`);
  }
  if (process.env["OPENTRN_FUZZ_FILES"]) console.log(JSON.stringify(fates), wrong.length);
  expect(wrong.slice(0, 3)).toEqual([]);
  expect(fates["refused"]! > 0 && fates["ran"]! > 0).toBe(true);
}, 600_000);
