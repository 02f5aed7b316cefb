import {
  type AluName,
  aluId,
  aluNames,
  aluOp,
  bytesOf,
  encode,
  isReduction,
  reduce,
} from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, convertible, Strided, stored } from "../test-support/strided.ts";

const bench = new Bench(4);
const { random, arena, exports } = bench;
const arithmetic = aluNames.filter((n) => aluOp(n).class === "arithmetic" && isReduction(n));
const binary = aluNames.filter((n) => aluOp(n).class === "arithmetic" && aluOp(n).arity === 2);
const pointers = (...tiles: Strided[]): number[] => tiles.map((t) => arena.operand(t.operand));

describe("tensor_reduce", () => {
  for (const op of arithmetic)
    it(`${op} over trailing dimensions of every length`, () => {
      for (let round = 0; round < 24; round++) {
        bench.reset();
        const counts = [1 + random.below(20), 1 + random.below(6)];
        const length = random.pick([1, 2, 5, 16, 127, 129, 513, 700]);
        const data = bench.fill(bench.array(random.pick(convertible), [...counts, length]));
        const dst = bench.fill(bench.array(random.pick(convertible), counts));
        const negate = random.below(2);
        const x = data.values();
        const sums = Array.from({ length: dst.size }, (_, o) => {
          const sum = reduce(op, x.slice(o * length, (o + 1) * length));
          return negate ? Math.fround(sum * -1) : sum;
        });
        const [d, s] = pointers(dst, data);
        bench.expectWrites(
          () => exports.tensorReduce(aluId[op], d!, s!, negate),
          [dst, stored(sums, dst.dtype)],
        );
      }
    });

  it("reduces a value repeated by stride 0, and refuses what does not divide", () => {
    bench.reset();
    const v = bench.fill(bench.tile("float32", 3, 1), true);
    const dst = bench.tile("float32", 3, 1);
    const repeated = arena.perPartition(v.operand, [300]);
    const sums = v.values().map((x) => reduce("add", new Array<number>(300).fill(x)));
    const [d] = pointers(dst);
    bench.expectWrites(
      () => exports.tensorReduce(aluId.add, d!, repeated, 0),
      [dst, stored(sums, "float32")],
    );
    const other = arena.operand(bench.tile("float32", 1, 7).operand);
    expect(exports.tensorReduce(aluId.add, d!, other, 0)).toBe(2);
  });

  it("needs no second copy of rows beside the one value a partition it writes", () => {
    bench.reset();
    const { address } = bench.fill(bench.tile("float32", 4, 16), true).operand;
    const place = (from: number, free: Strided["operand"]["dims"]): Strided =>
      new Strided(new DataView(bench.memory.buffer), {
        address: address + from,
        dtype: "float32",
        dims: [[128, 4], ...free],
      });
    const repeated = 1_000_000; // 16 MB, more than the scratch region stages
    const data = place(4, [[0, repeated]]);
    const dst = place(12, []);
    const rows = Array.from({ length: 4 }, (_, p) => data.bits(p * repeated));
    const [d, s] = pointers(dst, data);
    bench.expectWrites(() => exports.tensorReduce(aluId.maximum, d!, s!, 0), [dst, rows]);
  });
});

describe("tensor_partition_reduce", () => {
  for (const op of arithmetic)
    it(`${op} over partitions`, () => {
      for (let round = 0; round < 6; round++) {
        bench.reset();
        const [p, f] = [1 + random.below(30), random.pick([1, 3, 64, 1100])];
        const data = bench.fill(bench.array(random.pick(convertible), [p, f]));
        const dst = bench.fill(bench.array(random.pick(convertible), [1, f]));
        const x = data.values();
        const sums = Array.from({ length: f }, (_, i) =>
          reduce(
            op,
            Array.from({ length: p }, (_, k) => x[k * f + i]!),
          ),
        );
        const [d, s] = pointers(dst, data);
        bench.expectWrites(
          () => exports.partitionReduce(aluId[op], d!, s!),
          [dst, stored(sums, dst.dtype)],
        );
      }
    });
});

describe("bitvec reductions", () => {
  for (const op of ["bitwise_and", "bitwise_or", "bitwise_xor"] as const)
    it(`${op} over trailing dimensions and over partitions`, () => {
      for (let round = 0; round < 12; round++) {
        bench.reset();
        const dtype = random.pick(["uint8", "int16", "uint32"] as const);
        const width = 8 * bytesOf(dtype);
        const data = bench.fill(bench.array(dtype, [7, 3, 20]));
        const rows = bench.fill(bench.array(dtype, [7, 3]));
        const columns = bench.fill(bench.array(dtype, [1, 60]));
        const x = data.allBits();
        const mask = 2 ** width - 1;
        const along = Array.from(
          { length: 21 },
          (_, o) => (reduce(op, x.slice(o * 20, o * 20 + 20), undefined, width) & mask) >>> 0,
        );
        const across = Array.from(
          { length: 60 },
          (_, f) =>
            (reduce(
              op,
              Array.from({ length: 7 }, (_, p) => x[p * 60 + f]!),
              undefined,
              width,
            ) &
              mask) >>>
            0,
        );
        const [d, r, c] = pointers(data, rows, columns);
        bench.expectWrites(() => exports.bitvecReduce(aluId[op], r!, d!), [rows, along]);
        bench.expectWrites(
          () => exports.bitvecPartitionReduce(aluId[op], c!, d!),
          [columns, across],
        );
      }
    });
});

describe("scan", () => {
  interface Case {
    readonly op0: AluName;
    readonly op1: AluName;
    readonly withData1: boolean;
    readonly pre?: AluName;
  }
  function check({ op0, op1, withData1, pre }: Case): void {
    bench.reset();
    const [p, f] = [1 + random.below(10), random.pick([1, 3, 4, 17, 515])];
    const plain = random.below(2) === 1;
    const data0 = bench.fill(bench.array(random.pick(convertible), [p, f]), plain);
    const data1 = bench.fill(bench.array(random.pick(convertible), [p, f]), plain);
    const initial = bench.fill(bench.tile("float32", p, 1), plain);
    const last = bench.fill(bench.tile("float32", p, 1));
    const dst = bench.fill(bench.array(random.pick(convertible), [p, f]));
    const immediate = Math.fround(random.normal());
    const [r0, r1, rp] = [random.below(2), random.below(2), random.below(2)];
    const run = (op: AluName, a: number, b: number, reverse: number): number =>
      reverse === 1 ? aluOp(op).evaluate(b, a, 32) : aluOp(op).evaluate(a, b, 32);
    const [x, y] = [data0.values(), data1.values()];
    const finals: number[] = [];
    const out: number[] = [];
    initial.values().forEach((start, row) => {
      let state = start;
      for (let i = 0; i < f; i++) {
        const e = row * f + i;
        const a = pre ? run(pre, x[e]!, immediate, rp) : x[e]!;
        state = run(op0, a, state, r0);
        if (withData1) state = run(op1, state, y[e]!, r1);
        out.push(state);
      }
      finals.push(encode(state, "float32"));
    });
    const operand = arena.immediate(immediate, [p, f]);
    const [d, a, b, i, l] = pointers(dst, data0, data1, initial, last);
    bench.expectWrites(
      () =>
        exports.scan(
          d!,
          a!,
          pre ? aluId[pre] : -1,
          operand,
          rp,
          aluId[op0],
          r0,
          withData1 ? b! : 0,
          withData1 ? aluId[op1] : aluId.bypass,
          withData1 ? r1 : 0,
          i!,
          l!,
        ),
      [dst, stored(out, dst.dtype)],
      [last, finals],
    );
  }
  it("tensor_tensor_scan: the linear recurrence", () => {
    for (let round = 0; round < 40; round++)
      check({ op0: "multiply", op1: "add", withData1: true });
  });
  it("tensor_tensor_scan: any pair of operations", () => {
    for (const op0 of binary)
      for (let round = 0; round < 3; round++)
        check({ op0, op1: random.pick(binary), withData1: true });
  });
  it("tensor_scalar_cumulative: a stage with an operand, then a running operation", () => {
    for (const op0 of ["add", "subtract", "multiply", "maximum", "minimum"] as const)
      for (let round = 0; round < 8; round++)
        check({ op0, op1: "bypass", withData1: false, pre: random.pick(binary) });
  });
});
