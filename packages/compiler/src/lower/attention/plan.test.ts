/** Tiles, batches, panels and steps of forward attention, and units of its gradient. */
import { describe, expect, test } from "vitest";
import { backwardSteps, blockOf, blocksOf } from "./backward-plan.ts";
import { Packing } from "./packing.ts";
import { type Batch, batchesOf, chunksOf, P, panelsOf, tilesOf } from "./plan.ts";

const sizes = { b: 1, n: 1024, m: 1024, h: 4, g: 4, r: 1, d: 64 };
const limits = { most: 8, block: 1024 };

const batchesFor = (n: number, heads: number): readonly Batch[] =>
  panelsOf({ ...sizes, n }, 0, [0, heads], 4096).flatMap((panel) =>
    batchesOf({ ...sizes, n, m: n }, true, panel, limits),
  );

describe("batches", () => {
  test("a head of eight tiles is one; short heads share one", () => {
    expect(batchesFor(1024, 2).map((x) => [x.heads, x.tiles.length])).toEqual([
      [[0, 1], 8],
      [[1, 2], 8],
    ]);
    expect(batchesFor(300, 3).map((x) => [x.heads, x.depth, x.tiles.length])).toEqual([
      [[0, 2], 3, 6],
      [[2, 3], 3, 3],
    ]);
  });

  test("the last tile has what is left, and causal tiles see up to their last query", () => {
    const [batch] = batchesFor(300, 1);
    expect(batch!.tiles.map((t) => [t.rows, t.keys])).toEqual([
      [128, 128],
      [128, 256],
      [44, 300],
    ]);
  });

  test("panels hold at most so many heads times queries", () => {
    expect(panelsOf({ ...sizes, n: 2000 }, 0, [0, 5], 2048)).toMatchObject([
      { heads: [0, 2], queries: [0, 1024] },
      { heads: [0, 2], queries: [1024, 2000] },
      { heads: [2, 4], queries: [0, 1024] },
      { heads: [2, 4], queries: [1024, 2000] },
      { heads: [4, 5], queries: [0, 1024] },
      { heads: [4, 5], queries: [1024, 2000] },
    ]);
  });
});

describe("packing", () => {
  const pack = (n: number, heads: number, ordered = false) => {
    const packing = new Packing<object>(1024, ordered);
    for (const batch of batchesFor(n, heads)) packing.add(batch, [[0, n]], () => ({}));
    return packing.steps;
  };

  test("segments of causal tiles fill blocks of eight chunks, across batches", () => {
    const steps = pack(1024, 2);
    // 2 x 36 chunks in nine full blocks.
    expect(steps.map((s) => s.chunks)).toEqual(Array.from({ length: 9 }, () => 8));
    for (const { segments } of steps) {
      const columns = segments.flatMap((s) => [s.at, s.at + s.to - s.from]);
      expect(columns).toEqual(columns.toSorted((a, b) => a - b));
    }
  });

  test("every key of every tile stands in one segment, and segments count each other", () => {
    for (const ordered of [false, true]) {
      const steps = pack(2500, 1, ordered);
      const segments = steps.flatMap((s) => s.segments);
      for (const tile of new Set(segments.map((s) => s.tile))) {
        const mine = segments.filter((s) => s.tile === tile);
        expect(mine.map((s) => s.before)).toEqual(mine.map((_, i) => i));
        expect(mine.map((s) => s.after)).toEqual(mine.map((_, i) => mine.length - 1 - i));
        const covered = mine.map((s) => [s.from, s.to]).toSorted((a, b) => a[0]! - b[0]!);
        expect(covered.flat().slice(1, -1)).toEqual(
          covered.slice(1).flatMap(([from]) => [from, from]),
        );
        expect([covered[0]![0], covered.at(-1)![1]]).toEqual([0, tile.keys]);
        if (ordered) expect(mine.map((s) => s.from)).toEqual(covered.map(([from]) => from));
      }
      expect(segments.filter((s) => s.closes).length).toBe(batchesFor(2500, 1).length);
    }
  });

  test("no step holds two segments of one tile", () => {
    for (const { segments } of pack(4000, 1))
      expect(new Set(segments.map((s) => s.tile)).size).toBe(segments.length);
  });
});

describe("units of the gradient", () => {
  test("blocks take one PSUM bank for dk and one for dv", () => {
    expect([16, 64, 96, 128, 256].map(blockOf)).toEqual([1024, 1024, 640, 512, 256]);
    expect(blocksOf({ ...sizes, m: 1100, d: 128 })).toEqual([
      [0, 512],
      [512, 1024],
      [1024, 1100],
    ]);
  });

  test("the first unit sees every key that another sees; pieces are a bank wide", () => {
    const tiles = tilesOf({ ...sizes, m: 1060 }, true, [0, 1], [0, 1024]);
    const steps = backwardSteps(tiles, [0, 1024], undefined);
    const pieces = steps.flatMap((s) => s.pieces);
    expect(Math.max(...pieces.map((p) => p.to))).toBe(1024);
    expect([pieces[0]!.from, pieces[0]!.to, pieces[1]!.to]).toEqual([0, 512, 1024]);
    expect(pieces.every((p) => p.to - p.from <= 512)).toBe(true);
    expect(pieces.filter((p) => p.first).length).toBe(tiles.length);
    expect(steps.every((s) => s.chunks <= 1024 / P)).toBe(true);
  });

  test("a step goes on with the next block where there is room", () => {
    const tiles = tilesOf({ ...sizes, n: 128 }, false, [0, 1], [0, 128]);
    const [first] = backwardSteps(tiles, [0, 300], undefined);
    const next = backwardSteps(tiles, [300, 600], first);
    expect(next).toEqual([first]);
    expect(first!.pieces.map((p) => p.at)).toEqual([0, 384]);
  });
});

test("128 x 128 scores, with the diagonal's in full", () => {
  expect(chunksOf(sizes, true)).toBe(36);
  expect(chunksOf(sizes, false)).toBe(64);
  expect(chunksOf({ ...sizes, n: 128, m: 1024 }, true)).toBe(8);
});
