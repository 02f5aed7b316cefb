import { describe, expect, it } from "vitest";
import { HbmShare } from "./hbm-share.ts";

/** 700 B/ns. */
const memory = () => new HbmShare(0.7, 500_000);
const us = 1_000_000;

describe("shared memory bandwidth", () => {
  it("leaves a transfer alone whose engines are slower", () => {
    expect(memory().reserve(3 * us, 5 * us, 2 * us * 0.4)).toBe(5 * us);
  });

  it("stretches transfers that together ask for more than there is", () => {
    const m = memory();
    const bytes = 100 * us * 0.4;
    m.reserve(0, 100 * us, bytes);
    const end = m.reserve(0, 100 * us, bytes);
    expect(end / us).toBeGreaterThan(110);
    expect(end / us).toBeLessThan(126);
  });

  it("gives one that is submitted later the time before one that starts later", () => {
    const m = memory();
    m.reserve(50 * us, 100 * us, 50 * us * 0.7);
    expect(m.reserve(0, 50 * us, 50 * us * 0.7)).toBe(50 * us);
  });

  it("never gives more than there is", () => {
    const m = memory();
    let last = 0;
    for (let i = 0; i < 200; i++) last = Math.max(last, m.reserve(0, us, us * 0.4));
    expect((200 * us * 0.4) / last).toBeLessThanOrEqual(0.7);
    expect((200 * us * 0.4) / last).toBeGreaterThan(0.65);
  });
});
