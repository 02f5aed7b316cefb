import { bytesOf, type DType, decode, encode } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, convertible, Strided, stored } from "../test-support/strided.ts";

const bench = new Bench(1);
const shape = (): number[] => {
  const rank = 1 + bench.random.below(4);
  return Array.from({ length: rank }, () => 1 + bench.random.below(rank > 2 ? 7 : 70));
};
/** The same number of elements cut another way. */
const reshaped = (counts: readonly number[]): number[] => {
  const total = counts.reduce((a, b) => a * b, 1);
  for (let d = 2 + bench.random.below(8); d > 1; d--) if (total % d === 0) return [d, total / d];
  return [total];
};

describe("copy", () => {
  it("keeps every bit between strided arrays of one type", () => {
    for (let round = 0; round < 300; round++) {
      bench.reset();
      const counts = shape();
      const dtype = bench.random.pick(convertible);
      const dst = bench.fill(bench.array(dtype, bench.random.below(2) ? counts : reshaped(counts)));
      const src = bench.fill(bench.array(dtype, counts));
      const [d, s] = [bench.arena.operand(dst.operand), bench.arena.operand(src.operand)];
      bench.expectWrites(() => bench.exports.copy(d, s), [dst, src.allBits()]);
    }
  });

  it("converts between all pairs of types as numerics does", () => {
    for (const from of convertible)
      for (const to of convertible)
        for (let round = 0; round < 4; round++) {
          bench.reset();
          const counts = shape();
          const dst = bench.fill(bench.array(to, counts));
          const src = bench.fill(bench.array(from, reshaped(counts)));
          const [d, s] = [bench.arena.operand(dst.operand), bench.arena.operand(src.operand)];
          bench.expectWrites(() => bench.exports.cast(d, s), [dst, stored(src.values(), to)]);
        }
  });

  it("repeats a source with stride 0", () => {
    for (const to of convertible) {
      bench.reset();
      const dst = bench.tile(to, 5, 130);
      const src = bench.fill(bench.tile("float16", 5, 1));
      const repeated = bench.arena.perPartition(src.operand, [130]);
      const expected = Array.from({ length: 650 }, (_, i) =>
        encode(src.values()[Math.floor(i / 130)]!, to),
      );
      const d = bench.arena.operand(dst.operand);
      bench.expectWrites(() => bench.exports.cast(d, repeated), [dst, expected]);
    }
  });
});

describe("every pattern of at most 16 bits", () => {
  for (const d of convertible.filter((name) => bytesOf(name) <= 2))
    it(`${d} to fp32 and back`, () => {
      bench.reset();
      const n = 2 ** (8 * bytesOf(d));
      const all = bench.tile(d, 1, n);
      for (let i = 0; i < n; i++) all.setBits(i, i);
      const wide = bench.tile("float32", 1, n);
      const [a, w] = [bench.arena.operand(all.operand), bench.arena.operand(wide.operand)];
      const values = all.values();
      bench.expectWrites(() => bench.exports.cast(w, a), [wide, stored(values, "float32")]);
      bench.exports.cast(w, a);
      bench.expectWrites(() => bench.exports.cast(a, w), [all, stored(values, d)]);
    });
});

/** fp32 patterns around every value of `d`: the value, the midpoints, and one unit either side of each. */
function around(d: DType): number[] {
  const out: number[] = [];
  const buffer = new DataView(new ArrayBuffer(4));
  const push = (x: number): void => {
    buffer.setFloat32(0, x);
    const bits = buffer.getUint32(0);
    for (const near of [-1, 0, 1]) out.push((bits + near) >>> 0);
  };
  const n = Math.min(2 ** (8 * bytesOf(d)), 65536);
  let previous = 0;
  for (let i = 0; i < n; i++) {
    const x = decode(n === 65536 && bytesOf(d) === 4 ? i * 65536 : i, d);
    push(x);
    push((x + previous) / 2);
    previous = x;
  }
  return out;
}

describe("fp32 to narrower", () => {
  for (const d of convertible)
    it(`${d}: ties, limits and their neighbours round as numerics does`, () => {
      const patterns = around(d);
      const chunk = 65536;
      for (let start = 0; start < patterns.length; start += chunk) {
        bench.reset();
        const n = Math.min(chunk, patterns.length - start);
        const src = bench.tile("float32", 1, n);
        for (let i = 0; i < n; i++) src.setBits(i, patterns[start + i]!);
        const dst = bench.tile(d, 1, n);
        const [s, t] = [bench.arena.operand(src.operand), bench.arena.operand(dst.operand)];
        expect(bench.exports.cast(t, s)).toBe(0);
        expect(dst.allBits()).toEqual(stored(src.values(), d));
      }
    });
});

describe("fill and predicated copies", () => {
  it("fills strided arrays of every width", () => {
    for (let round = 0; round < 100; round++) {
      bench.reset();
      const dst = bench.fill(bench.array(bench.random.pick(convertible), shape()));
      const bits = bench.random.u32() % 2 ** (8 * bytesOf(dst.dtype));
      const d = bench.arena.operand(dst.operand);
      bench.expectWrites(() => bench.exports.fill(d, bits), [dst, new Array(dst.size).fill(bits)]);
    }
  });

  it("copies where the predicate holds and leaves the rest", () => {
    for (let round = 0; round < 100; round++) {
      bench.reset();
      const counts = shape();
      const dtype = bench.random.pick(convertible);
      const dst = bench.fill(bench.array(dtype, counts));
      const src = bench.fill(bench.array(dtype, counts));
      const predicate = bench.array(
        bench.random.pick(["uint8", "uint16", "uint32"] as const),
        counts,
      );
      for (let i = 0; i < predicate.size; i++)
        predicate.setBits(i, bench.random.below(3) ? 0 : 0x80);
      const reverse = bench.random.below(2);
      const expected = dst
        .allBits()
        .map((old, i) => ((predicate.bits(i) !== 0) !== (reverse === 1) ? src.bits(i) : old));
      const [d, s, p] = [dst, src, predicate].map((t) => bench.arena.operand(t.operand));
      bench.expectWrites(() => bench.exports.copyPredicated(d!, s!, p!, reverse), [dst, expected]);
    }
  });
});

describe("overlapping operands", () => {
  const view = new DataView(bench.memory.buffer);
  it("behave as if all of the source were read first", () => {
    for (let round = 0; round < 200; round++) {
      bench.reset();
      const room = bench.fill(bench.tile("uint8", 1, 8192));
      const [from, to] = [bench.random.pick(convertible), bench.random.pick(convertible)];
      const free = 1 + bench.random.below(40);
      const pitch = 256;
      const place = (dtype: DType): Strided =>
        new Strided(view, {
          address: room.operand.address + 4 * bench.random.below(40),
          dtype,
          dims: [
            [pitch, 1 + 20],
            [bytesOf(dtype) * (1 + bench.random.below(2)), free],
          ],
        });
      const [src, dst] = [place(from), place(to)];
      const expected = from === to ? src.allBits() : stored(src.values(), to);
      const [s, d] = [bench.arena.operand(src.operand), bench.arena.operand(dst.operand)];
      bench.expectWrites(() => bench.exports.copy(d, s), [dst, expected]);
    }
  });
});
