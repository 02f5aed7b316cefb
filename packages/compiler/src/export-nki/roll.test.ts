/** Loops mean the statements they were made of. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Interned, type Node, roll, type Statement, unroll } from "./roll.ts";

const statement = (shape: number, ...numbers: number[]): Statement => ({
  kind: "statement",
  shape,
  numbers,
});
const text = (nodes: readonly Node[]): string =>
  nodes.map((n) => (n.kind === "loop" ? `${n.count}x(${text(n.body)})` : n.shape)).join(" ");
const shapes = (): Interned => {
  const made = new Interned();
  for (let i = 0; i < 10; i++) made.of(String(i));
  return made;
};

test("nested loops are found from the inside", () => {
  const made: Statement[] = [];
  for (let m = 0; m < 3; m++) {
    made.push(statement(1, 100 * m));
    for (let n = 0; n < 4; n++) {
      for (let k = 0; k < 5; k++) made.push(statement(2, 7 * m + k, 10 * n));
      made.push(statement(3, n, m));
    }
  }
  const rolled = roll(made, shapes());
  expect(text(rolled)).toBe("3x(1 4x(5x(2) 3))");
  expect(unroll(rolled)).toEqual(made);
});

test("uneven steps stay apart", () => {
  const made = [0, 1, 2, 4, 8].map((n) => statement(1, n));
  expect(text(roll(made, shapes()))).toBe("3x(1) 1 1");
});

test("rolling then unrolling gives back any statements", () => {
  const one = fc.record({
    kind: fc.constant("statement" as const),
    shape: fc.nat(2),
    numbers: fc.array(fc.nat(3), { minLength: 1, maxLength: 1 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), (made) => {
      expect(unroll(roll(made, shapes()))).toEqual(made);
    }),
    { numRuns: 300 },
  );
});
