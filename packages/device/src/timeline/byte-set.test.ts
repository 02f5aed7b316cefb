import { Random } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { type ByteShape, byteShape, contains, overlaps } from "./byte-set.ts";

/** The bytes of a set, one by one. */
function listed(lo: number, s: ByteShape): Set<number> {
  const out = new Set<number>();
  const pitch = s.pitch || s.length;
  for (let at = 0; at < s.length; at += pitch)
    for (let i = 0; i < s.run && at + i < s.length; i++) out.add(lo + s.base + at + i);
  return out;
}

/** The bytes of the pattern itself. */
function touched(lo: number, dims: readonly (readonly [number, number])[], size: number) {
  let at = [0];
  for (const [stride, count] of dims)
    at = at.flatMap((a) => Array.from({ length: count }, (_, i) => a + stride * i));
  return new Set(at.flatMap((a) => Array.from({ length: size }, (_, b) => lo + a * size + b)));
}

const meet = (x: number, a: ByteShape, y: number, b: ByteShape): boolean =>
  overlaps(
    x + a.base,
    x + a.base + a.length,
    a.pitch,
    a.run,
    y + b.base,
    y + b.base + b.length,
    b.pitch,
    b.run,
  );

describe("byteShape", () => {
  it("merges contiguous dimensions into one run", () => {
    expect(
      byteShape(
        [
          [512, 128],
          [1, 512],
        ],
        2,
      ),
    ).toEqual({ base: 0, length: 131072, pitch: 0, run: 131072 });
  });

  it("describes a column tile of a row-major tensor exactly", () => {
    // 4 rows of a tensor with 1000 columns, 10 columns wide, fp32.
    expect(
      byteShape(
        [
          [1000, 4],
          [1, 10],
        ],
        4,
      ),
    ).toEqual({ base: 0, length: 12040, pitch: 4000, run: 40 });
  });

  it("sorts dimensions, drops broadcasts and turns negative strides round", () => {
    expect(
      byteShape(
        [
          [0, 128],
          [1, 8],
          [-100, 3],
        ],
        1,
      ),
    ).toEqual({ base: -200, length: 208, pitch: 100, run: 8 });
  });

  it("widens patterns with unrelated pitches to one run", () => {
    expect(
      byteShape(
        [
          [70, 2],
          [30, 2],
          [1, 4],
        ],
        1,
      ),
    ).toEqual({ base: 0, length: 104, pitch: 0, run: 104 });
  });
});

describe("overlaps", () => {
  it("keeps neighbouring column tiles and interleaved halves apart", () => {
    const tile = byteShape(
      [
        [1000, 4],
        [1, 10],
      ],
      4,
    );
    expect(meet(0, tile, 40, tile)).toBe(false);
    expect(meet(0, tile, 36, tile)).toBe(true);
    const even = byteShape([[2, 64]], 2);
    expect(meet(0, even, 2, even)).toBe(false);
    expect(meet(0, even, 4, even)).toBe(true);
  });

  it("never misses a shared byte and never calls nested sets apart", () => {
    const random = new Random(3);
    const pick = (n: number): number => Math.floor(random.uniform() * n);
    let apart = 0;
    for (let i = 0; i < 3000; i++) {
      const make = (): [number, [number, number][]] => [
        pick(60),
        Array.from({ length: 1 + pick(3) }, () => [pick(24) - 4, 1 + pick(4)]),
      ];
      const [[x, p], [y, q]] = [make(), make()];
      const size = 1 + pick(2);
      const [a, b] = [byteShape(p, size), byteShape(q, size)];
      const [s, t] = [touched(x, p, size), touched(y, q, size)];
      for (const byte of s) expect(listed(x, a).has(byte)).toBe(true);
      const shared = [...s].some((byte) => t.has(byte));
      const said = meet(x, a, y, b);
      if (shared) expect(said).toBe(true);
      if (!said) apart++;
      const inside = contains(
        x + a.base,
        x + a.base + a.length,
        a.pitch,
        a.run,
        y + b.base,
        y + b.base + b.length,
        b.pitch,
        b.run,
      );
      if (inside) for (const byte of listed(y, b)) expect(listed(x, a).has(byte)).toBe(true);
    }
    expect(apart).toBeGreaterThan(500);
  });
});
