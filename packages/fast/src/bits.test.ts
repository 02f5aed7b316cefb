import {
  type AluName,
  aluId,
  aluNames,
  aluOp,
  bytesOf,
  type IntegerOpName,
  integerOps,
} from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, type Strided } from "../test-support/strided.ts";

const bench = new Bench(7);
const { random, arena, exports } = bench;
const bitvec = aluNames.filter((n) => aluOp(n).class === "bitvec");
const pointers = (...tiles: Strided[]): number[] => tiles.map((t) => arena.operand(t.operand));

describe("bitvec operations", () => {
  for (const op of bitvec)
    it(`${op} alone and before another, on 8, 16 and 32 bits`, () => {
      for (let round = 0; round < 30; round++) {
        bench.reset();
        const dtype = random.pick(["int8", "uint8", "int16", "uint16", "int32", "uint32"] as const);
        const width = 8 * bytesOf(dtype);
        const counts = [1 + random.below(12), 1 + random.below(90)];
        const [data, x, y, dst] = Array.from({ length: 4 }, () =>
          bench.fill(bench.array(dtype, counts)),
        );
        // Shift amounts that are mostly within the width.
        for (const t of [x!, y!])
          for (let i = 0; i < t.size; i += 2) t.setBits(i, random.below(width + 2));
        const second: AluName | undefined = round % 2 ? random.pick(bitvec) : undefined;
        const [r0, r1] = [random.below(2), random.below(2)];
        const run = (name: AluName, a: number, b: number, reverse: number): number =>
          reverse === 1 && aluOp(name).arity === 2
            ? aluOp(name).evaluate(b, a, width)
            : aluOp(name).evaluate(a, b, width);
        const expected = data!.allBits().map((a, i) => {
          const t = run(op, a, x!.bits(i), r0);
          return second ? run(second, t, y!.bits(i), r1) : t;
        });
        const [d, s, p, q] = pointers(dst!, data!, x!, y!);
        bench.expectWrites(
          () => exports.bitvec(d!, s!, aluId[op], p!, r0, second ? aluId[second] : -1, q!, r1),
          [dst!, expected],
        );
      }
    });

  it("refuses operands of another width", () => {
    bench.reset();
    const [d, s] = pointers(bench.tile("int32", 2, 2), bench.tile("int16", 2, 2));
    expect(exports.bitvec(d!, s!, aluId.bitwise_and, s!, 0, -1, 0, 0)).toBe(2);
  });
});

describe("exact 32-bit integers", () => {
  for (const op of Object.keys(integerOps) as IntegerOpName[])
    it(`${op}, signed and unsigned`, () => {
      for (let round = 0; round < 12; round++) {
        bench.reset();
        const signed = random.below(2) === 1;
        const dtype = signed ? "int32" : "uint32";
        const counts = [1 + random.below(12), 1 + random.below(300)];
        const [a, b, dst] = Array.from({ length: 3 }, () => bench.fill(bench.array(dtype, counts)));
        const expected = a!.allBits().map((x, i) => integerOps[op](x, b!.bits(i), signed));
        const [d, p, q] = pointers(dst!, a!, b!);
        bench.expectWrites(
          () => exports.integer(aluId[op], signed ? 1 : 0, d!, p!, q!),
          [dst!, expected],
        );
      }
    });
});
