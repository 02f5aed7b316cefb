import {
  type ActivationName,
  type AluName,
  activate,
  activationId,
  activationNames,
  aluId,
  aluNames,
  aluOp,
  decode,
  encode,
  f32OfBits,
  isReduction,
} from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, convertible, type Strided, stored } from "../test-support/strided.ts";

const bench = new Bench(2);
const { random, arena, exports } = bench;
const arithmetic = aluNames.filter((name) => aluOp(name).class === "arithmetic");
const binary = arithmetic.filter((name) => aluOp(name).arity === 2);
const fp32 = (x: number): number => Math.fround(x);

interface Stage {
  readonly op: AluName;
  readonly reverse: boolean;
  readonly operand: number;
  readonly value: (i: number) => number;
}

/** An operand of any of the forms an instruction takes: immediate, one value a partition, or a whole tile. */
function operand(op: AluName, counts: readonly number[]): Stage {
  const reverse = aluOp(op).arity === 2 && random.below(2) === 1;
  const kind = random.below(3);
  const free = counts.slice(1).reduce((a, b) => a * b, 1);
  if (kind === 0) {
    const x = fp32(random.normal());
    return { op, reverse, operand: arena.immediate(x, counts), value: () => x };
  }
  if (kind === 1) {
    const v = bench.fill(bench.tile(random.pick(["float32", "bfloat16"] as const), counts[0]!, 1));
    const values = v.values();
    return {
      op,
      reverse,
      operand: arena.perPartition(v.operand, counts.slice(1)),
      value: (i) => values[Math.floor(i / free)]!,
    };
  }
  const t = bench.fill(bench.array(random.pick(convertible), counts));
  const values = t.values();
  return { op, reverse, operand: arena.operand(t.operand), value: (i) => values[i]! };
}

const run = (stage: Stage | undefined, x: number, i: number): number => {
  if (stage === undefined) return x;
  const y = stage.value(i);
  return aluOp(stage.op).evaluate(stage.reverse ? y : x, stage.reverse ? x : y, 32);
};

const shape = (): number[] => {
  const shapes = [
    () => [1 + random.below(20), 1 + random.below(70)],
    () => [1 + random.below(4), 1 + random.below(3000)],
    () => [1 + random.below(9), 1 + random.below(5), 1 + random.below(80)],
  ];
  return random.pick(shapes)();
};

interface Case {
  readonly fn?: ActivationName;
  readonly op0?: AluName;
  readonly op1?: AluName;
  readonly reduce?: AluName;
}

function check(c: Case): void {
  bench.reset();
  const counts = shape();
  const data = bench.fill(
    bench.array(random.pick(convertible), counts, c.reduce ? false : undefined),
  );
  const inPlace = random.below(5) === 0;
  const dst = inPlace ? data : bench.fill(bench.array(random.pick(convertible), counts));
  const first = c.op0 && operand(c.op0, counts);
  const second = c.op1 && operand(c.op1, counts);
  const alpha = c.fn === "prelu" ? operand("bypass", counts) : undefined;
  const results = data.values().map((x, i) => {
    const y = run(second, run(first, x, i), i);
    return c.fn ? activate(c.fn, y, alpha?.value(i) ?? 0) : y;
  });
  const writes: [Strided, number[]][] = [[dst, stored(results, dst.dtype)]];
  let registers = 0;
  const reset = random.below(2);
  if (c.reduce) {
    const file = bench.fill(bench.tile("float32", counts[0]!, 1), true);
    const free = results.length / counts[0]!;
    const op = aluOp(c.reduce);
    writes.push([
      file,
      file.values().map((old, p) => {
        let sum = reset ? (op.identity ?? 0) : old;
        for (let f = 0; f < free; f++) sum = op.evaluate(sum, results[p * free + f]!, 32);
        return encode(sum, "float32");
      }),
    ]);
    registers = arena.operand(file.operand);
  }
  const [d, x] = [arena.operand(dst.operand), arena.operand(data.operand)];
  bench.expectWrites(
    () =>
      exports.pipeline(
        d,
        x,
        first ? aluId[first.op] : -1,
        first?.operand ?? 0,
        first?.reverse ? 1 : 0,
        second ? aluId[second.op] : -1,
        second?.operand ?? 0,
        second?.reverse ? 1 : 0,
        c.fn ? activationId[c.fn] : -1,
        alpha?.operand ?? 0,
        c.reduce ? aluId[c.reduce] : -1,
        registers,
        reset,
      ),
    ...writes,
  );
}

describe("elementwise instructions", () => {
  for (const op of arithmetic)
    it(`${op} alone and after another`, () => {
      for (let round = 0; round < 12; round++) check({ op0: op });
      for (let round = 0; round < 6; round++) check({ op0: random.pick(binary), op1: op });
    });

  for (const fn of activationNames)
    it(`${fn}, bare and of data * scale + bias`, () => {
      for (let round = 0; round < 8; round++) check({ fn });
      for (let round = 0; round < 6; round++) check({ fn, op0: "multiply", op1: "add" });
    });

  for (const reduce of [...arithmetic.filter(isReduction), "abs_max"] as AluName[])
    it(`reduces results into registers with ${reduce}`, () => {
      for (let round = 0; round < 12; round++)
        check({ reduce, op0: random.pick(binary), ...(round % 2 ? { fn: "exp" } : {}) });
    });

  it("refuses a bitvec operation and operands of another size", () => {
    bench.reset();
    const [a, b] = [bench.tile("float32", 2, 3), bench.tile("float32", 2, 4)];
    const [d, x] = [arena.operand(a.operand), arena.operand(b.operand)];
    expect(exports.pipeline(d, d, aluId.invert, d, 0, -1, 0, 0, -1, 0, -1, 0, 0)).toBe(4);
    expect(exports.pipeline(d, x, -1, 0, 0, -1, 0, 0, -1, 0, -1, 0, 0)).toBe(2);
  });
});

describe("functions over all of fp32", () => {
  const n = 65536;
  for (const fn of activationNames)
    it(`${fn} has the bits of the reference on 128 Ki patterns of both signs`, () => {
      bench.reset();
      const src = bench.tile("float32", 1, n);
      const dst = bench.tile("float32", 1, n);
      const [s, d] = [arena.operand(src.operand), arena.operand(dst.operand)];
      const offset = random.below(32768);
      for (const sign of [0, 0x80000000]) {
        // Every 32,768th pattern, from an offset, covers each binade 256 times.
        for (let i = 0; i < n; i++) src.setBits(i, (sign + i * 32768 + offset) >>> 0);
        exports.pipeline(d, s, -1, 0, 0, -1, 0, 0, activationId[fn], 0, -1, 0, 0);
        let wrong = 0;
        for (let i = 0; i < n; i++) {
          const x = f32OfBits(src.bits(i));
          if (
            dst.bits(i) !== encode(activate(fn, decode(encode(x, "float32"), "float32")), "float32")
          )
            wrong++;
        }
        expect(wrong).toBe(0);
      }
    });
});
