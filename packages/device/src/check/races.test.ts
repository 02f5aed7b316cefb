import { chipNamed } from "@opentrn/chips";
import { type AccessPattern, instructionNamed, type Operand, ProgramBuilder } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { checkRaces } from "./races.ts";

const dma = instructionNamed("dma_copy")!;

/** Two cores that each copy a [4, 8] tile into rows or columns of one shared [8, 16] tensor. */
function twoCores(corner: (core: number) => number): ProgramBuilder {
  const b = new ProgramBuilder({ name: "race", chip: chipNamed("trn2"), cores: 2 });
  const whole = (storage: number, over: Partial<AccessPattern> = {}): Operand => ({
    kind: "tile",
    pattern: {
      storage,
      dtype: "float32",
      partition: 0,
      offset: 0,
      dims: [
        [16, 4],
        [1, 8],
      ],
      ...over,
    },
  });
  const input = b.declare({
    name: "x",
    space: "hbm",
    kind: "input",
    dtype: "float32",
    shape: [8, 16],
  });
  const out = b.declare({
    name: "y",
    space: "hbm",
    kind: "output",
    dtype: "float32",
    shape: [8, 16],
  });
  for (const core of [0, 1]) {
    b.setCore(core);
    const t = b.declare({
      name: "t",
      space: "sbuf",
      kind: "internal",
      dtype: "float32",
      shape: [4, 8],
    });
    const tile = whole(t, {
      dims: [
        [1, 4],
        [1, 8],
      ],
    });
    b.emit(dma, { dst: tile, src: whole(input) }, {}, b.line("two.py", 10 + core));
    b.emit(
      dma,
      { dst: whole(out, { offset: corner(core) }), src: tile },
      {},
      b.line("two.py", 20 + core),
    );
  }
  return b;
}

describe("races between cores", () => {
  it("disjoint rows and disjoint columns are fine", () => {
    checkRaces(twoCores((core) => core * 64).finish());
    checkRaces(twoCores((core) => core * 8).finish());
  });

  it("overlapping writes are named with both lines", () => {
    expect(() => checkRaces(twoCores((core) => core * 4).finish())).toThrow(
      "data race on byte 16 of y float32[8,16]: core 0 writes it at two.py:20, core 1 writes it at two.py:21, with no core_barrier between",
    );
  });
});
