import { type AluName, aluId, aluOp, bytesOf, encode } from "@opentrn/numerics";
import { describe, it } from "vitest";
import { Bench, convertible, type Strided, stored } from "../test-support/strided.ts";

const bench = new Bench(5);
const { random, arena, exports } = bench;
const comparisons = [
  "equal",
  "not_equal",
  "greater",
  "greater_equal",
  "less",
  "less_equal",
] as const;
const pointers = (...tiles: Strided[]): number[] => tiles.map((t) => arena.operand(t.operand));
const holds = (op: AluName, a: number, b: number): boolean => aluOp(op).evaluate(a, b, 32) === 1;

/** An affine function of partition and up to three free indices, with its int32 values. */
function pattern(partitions: number): { pointer: number; values: number[]; free: number } {
  const counts = [
    partitions,
    ...Array.from({ length: 1 + random.below(3) }, () => 1 + random.below(12)),
  ];
  const steps = counts.map(() => random.below(41) - 20);
  const offset = random.below(200) - 100;
  const pointer = arena.operand({
    address: offset,
    dtype: "int32",
    dims: counts.map((n, i) => [steps[i]!, n]),
  });
  const total = counts.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: total }, (_, e) => {
    let rest = e;
    let v = offset;
    for (let d = counts.length - 1; d >= 0; d--) {
      v += (rest % counts[d]!) * steps[d]!;
      rest = Math.floor(rest / counts[d]!);
    }
    return v;
  });
  return { pointer, values, free: total / partitions };
}

describe("iota", () => {
  for (const dtype of convertible)
    it(`writes the pattern as ${dtype}`, () => {
      for (let round = 0; round < 8; round++) {
        bench.reset();
        const p = 1 + random.below(9);
        const { pointer, values, free } = pattern(p);
        const dst = bench.fill(bench.array(dtype, [p, free]));
        const whole = dtype === "int32" || dtype === "uint32";
        const expected = values.map((v) => (whole ? v >>> 0 : encode(Math.fround(v), dtype)));
        const [d] = pointers(dst);
        bench.expectWrites(() => exports.iota(d!, pointer), [dst, expected]);
      }
    });
});

describe("affine_select", () => {
  for (const op of comparisons)
    it(`keeps elements where the pattern is ${op} 0`, () => {
      for (let round = 0; round < 20; round++) {
        bench.reset();
        const p = 1 + random.below(9);
        const { pointer, values, free } = pattern(p);
        const [from, to] = [random.pick(convertible), random.pick(convertible)];
        const onTrue = bench.fill(bench.array(from, [p, free]));
        const dst = bench.fill(bench.array(random.below(2) ? from : to, [p, free]));
        const other = encode(-1e30, dst.dtype);
        const kept = dst.dtype === from ? onTrue.allBits() : stored(onTrue.values(), dst.dtype);
        const expected = values.map((v, i) => (holds(op, v, 0) ? kept[i]! : other));
        const [d, t] = pointers(dst, onTrue);
        bench.expectWrites(
          () => exports.affineSelect(d!, t!, pointer, aluId[op], other),
          [dst, expected],
        );
      }
    });
});

/** Results of a selecting instruction reduced with maximum on top of the registers. */
function reduced(file: Strided, results: readonly number[], reset: number): number[] {
  const free = results.length / file.size;
  return file.values().map((old, p) => {
    let m = reset === 1 ? Number.NEGATIVE_INFINITY : old;
    for (let f = 0; f < free; f++) m = Math.max(m, results[p * free + f]!);
    return encode(m, "float32");
  });
}

describe("range_select", () => {
  it("keeps elements whose index passes both comparisons, and reduces", () => {
    for (let round = 0; round < 60; round++) {
      bench.reset();
      const [p, f] = [1 + random.below(12), random.pick([1, 5, 64, 600])];
      const onTrue = bench.fill(bench.array(random.pick(convertible), [p, f]));
      const dst = bench.fill(bench.array(random.pick(convertible), [p, f]));
      const bounds = [0, 1].map(() => {
        const b = bench.tile("float32", p, 1);
        for (let i = 0; i < p; i++) b.setBits(i, encode(random.below(f + 2), "float32"));
        return b;
      });
      const file = bench.fill(bench.tile("float32", p, 1), true);
      const [op0, op1] = [random.pick(comparisons), random.pick(comparisons)];
      const start = random.below(9);
      const fill = -3.4028234663852886e38;
      const [x, low, high] = [onTrue.values(), bounds[0]!.values(), bounds[1]!.values()];
      const results = x.map((v, i) => {
        const index = start + (i % f);
        const row = Math.floor(i / f);
        return holds(op0, index, low[row]!) && holds(op1, index, high[row]!) ? v : fill;
      });
      const reset = random.below(2);
      const onFalse = arena.immediate(fill, [p, f]);
      const [d, t, b0, b1, r] = pointers(dst, onTrue, bounds[0]!, bounds[1]!, file);
      bench.expectWrites(
        () =>
          exports.rangeSelect(
            d!,
            t!,
            onFalse,
            aluId[op0],
            aluId[op1],
            b0!,
            b1!,
            start,
            aluId.maximum,
            r!,
            reset,
          ),
        [dst, stored(results, dst.dtype)],
        [file, reduced(file, results, reset)],
      );
    }
  });
});

describe("select_reduce", () => {
  it("takes either tile by predicate, with and without reduction", () => {
    for (let round = 0; round < 60; round++) {
      bench.reset();
      const [p, f] = [1 + random.below(12), random.pick([1, 5, 64, 600])];
      const predicate = bench.array(random.pick(["int8", "uint8", "int16", "uint16"] as const), [
        p,
        f,
      ]);
      for (let i = 0; i < predicate.size; i++)
        predicate.setBits(i, random.below(2) * (2 ** (8 * bytesOf(predicate.dtype)) - 1));
      const onTrue = bench.fill(bench.array(random.pick(convertible), [p, f]));
      const vector = bench.fill(bench.tile("float32", p, 1));
      const dst = bench.fill(bench.array(random.pick(convertible), [p, f]));
      const file = bench.fill(bench.tile("float32", p, 1), true);
      const [reverse, reset, reduce] = [random.below(2), random.below(2), random.below(2)];
      const [x, other] = [onTrue.values(), vector.values()];
      const results = x.map((v, i) =>
        (predicate.bits(i) !== 0) !== (reverse === 1) ? v : other[Math.floor(i / f)]!,
      );
      const onFalse = arena.perPartition(vector.operand, [f]);
      const [d, q, t, r] = pointers(dst, predicate, onTrue, file);
      bench.expectWrites(
        () =>
          exports.selectReduce(
            d!,
            q!,
            t!,
            onFalse,
            reverse,
            reduce ? aluId.maximum : -1,
            reduce ? r! : 0,
            reset,
          ),
        [dst, stored(results, dst.dtype)],
        [file, reduce ? reduced(file, results, reset) : file.allBits()],
      );
    }
  });
});
