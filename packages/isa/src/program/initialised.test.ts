import fc from "fast-check";
import { expect, test } from "vitest";
import { Initialised } from "./initialised.ts";
import type { AccessPattern, Storage } from "./pattern.ts";

const storage = (space: "sbuf" | "hbm", partitions: number, bytes: number): Storage => ({
  id: 0,
  name: "t",
  space,
  kind: "internal",
  core: 0,
  dtype: "uint8",
  shape: [partitions, bytes],
  partitions: space === "hbm" ? 1 : partitions,
  rowBytes: space === "hbm" ? partitions * bytes : bytes,
  line: 0,
});

const chip = (partition: number, count: number, offset: number, width: number): AccessPattern => ({
  storage: 0,
  dtype: "uint8",
  partition,
  offset,
  dims: [
    [1, count],
    [1, width],
  ],
});

test("any pieces written, any piece read: the first unwritten byte is the one a byte map finds", () => {
  const box = fc.tuple(
    fc.nat(63),
    fc.integer({ min: 1, max: 64 }),
    fc.nat(15),
    fc.integer({ min: 1, max: 16 }),
  );
  const step = fc.tuple(fc.boolean(), box);
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const s = storage("sbuf", 64, 16);
      const tracked = new Initialised();
      tracked.declare(s, false);
      const map = new Set<number>();
      for (const [writes, [p0, n, o, w]] of steps) {
        const [count, width] = [Math.min(n, 64 - p0), Math.min(w, 16 - o)];
        const pattern = chip(p0, count, o, width);
        const cells = Array.from(
          { length: count * width },
          (_, i) => (p0 + Math.floor(i / width)) * 16 + o + (i % width),
        );
        if (writes) {
          tracked.write(s, pattern);
          for (const c of cells) map.add(c);
          continue;
        }
        const missing = tracked.read(s, pattern);
        expect(missing === undefined).toBe(cells.every((c) => map.has(c)));
        if (missing) expect(map.has(missing[0] * 16 + missing[1])).toBe(false);
      }
    }),
    { numRuns: 300 },
  );
});

test("a tensor written in pieces is whole once they cover it, in HBM too", () => {
  const s = storage("hbm", 4, 8);
  const tracked = new Initialised();
  tracked.declare(s, false);
  const row = (i: number, width = 8): AccessPattern => ({
    storage: 0,
    dtype: "uint8",
    partition: 0,
    offset: i * 8,
    dims: [[1, width]],
  });
  for (const i of [2, 0, 3]) tracked.write(s, row(i));
  expect(tracked.read(s, { ...row(0), dims: [[1, 32]] })).toEqual([0, 8]);
  expect(tracked.read(s, row(2, 3))).toBeUndefined();
  tracked.write(s, row(1));
  expect(tracked.read(s, { ...row(0), dims: [[1, 32]] })).toBeUndefined();
});
