import { chipNamed } from "@opentrn/chips";
import { instructionNamed, type Operand, type Program, ProgramBuilder } from "@opentrn/isa";
import { expect, test } from "vitest";
import { liveRanges } from "./live-ranges.ts";
import { loopsOf } from "./loops.ts";
import { place } from "./place.ts";

/** A program from text: `a` writes tile a, `(` opens a loop, `)` closes it. */
function program(text: string): { program: Program; id: (name: string) => number } {
  const b = new ProgramBuilder({ name: "loops", chip: chipNamed("trn2") });
  const ids = new Map<string, number>();
  const number = (value: number): Operand => ({ kind: "int", value });
  for (const c of text) {
    if (c === "(") {
      const index: Operand = { kind: "register", register: 0 };
      b.emit(instructionNamed("loop_begin")!, { index, start: number(0), stop: number(3) }, {});
    } else if (c === ")") b.emit(instructionNamed("loop_end")!, {}, {});
    else {
      const id =
        ids.get(c) ??
        b.declare({
          name: c,
          space: "sbuf",
          kind: "internal",
          dtype: "uint8",
          shape: [128, 65536],
        });
      ids.set(c, id);
      const dims = [
        [1, 128],
        [1, 65536],
      ] as const;
      const dst: Operand = {
        kind: "tile",
        pattern: { storage: id, dtype: "uint8", partition: 0, offset: 0, dims },
      };
      b.emit(instructionNamed("memset")!, { dst, value: number(0) }, { engine: "vector" });
    }
  }
  return { program: b.finish(), id: (name) => ids.get(name)! };
}

const range = (text: string, name: string): [number, number] => {
  const p = program(text);
  const { first, last } = liveRanges(p.program);
  return [first[p.id(name)]!, last[p.id(name)]!];
};

test("finds nested loops, each with its border", () => {
  const { loops, innermost } = loopsOf(program("a(b(c)d)e").program);
  expect(loops.map(({ begin, end, parent }) => [begin, end, parent])).toEqual([
    [1, 7, -1],
    [3, 5, 0],
  ]);
  expect([...innermost]).toEqual([-1, 0, 0, 1, 1, 1, 0, 0, -1]);
});

test("what is written before a loop and used in it lives through the loop", () => {
  expect(range("a(ba)c", "a")).toEqual([0, 4]);
  expect(range("a(b(a)d)c", "a")).toEqual([0, 7]);
});

test("what is written in a loop and used behind it lives from the loop's start", () => {
  expect(range("a(bc)b", "b")).toEqual([1, 5]);
  expect(range("(a(b)c)b", "b")).toEqual([0, 7]);
});

test("what a body alone uses lives for that body, not for the loops around it", () => {
  expect(range("a(bcd)", "c")).toEqual([1, 5]);
  expect(range("(a(b)c(d)e)", "b")).toEqual([2, 4]);
  expect(range("(a(b)c(d)e)", "a")).toEqual([0, 10]);
});

test("what crosses a whole loop is alive anyway", () => {
  expect(range("a(b)a", "a")).toEqual([0, 4]);
});

test("two bodies share memory, one body does not overwrite itself", () => {
  // Three tiles of 64 KiB fit: a lives through everything, so b and c of one body need the rest, and d and e reuse it.
  const p = program("a(bc)(de)a");
  const { address } = place(p.program);
  const at = (name: string): number => address[p.id(name)]! / 65536;
  expect(new Set([at("a"), at("b"), at("c")]).size).toBe(3);
  expect(new Set([at("a"), at("d"), at("e")]).size).toBe(3);
});
