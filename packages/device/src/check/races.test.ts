import type { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { type AccessPattern, instructionNamed, type Operand, ProgramBuilder } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { Hand } from "../execute/hand.testing.ts";
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

describe("what one core fills and another reads", () => {
  /** Core 0 writes a shared tensor, core 1 reads it; `between` runs on both after core 0's write and before core 1's read. */
  function handOver(between: (h: Hand, shared: AccessPattern) => void, writes = true) {
    const h = new Hand(2);
    const x = h.tensor("hbm", "float32", [4], "input");
    const shared = h.tensor("hbm", "float32", [4]);
    const out = h.tensor("hbm", "float32", [4], "output");
    if (writes) h.core(0).op("dma_copy", { dst: shared, src: x });
    between(h.core(0), shared);
    between(h.core(1), shared);
    h.op("dma_copy", { dst: out, src: shared });
    return h.program();
  }
  const barrier = (h: Hand, data: AccessPattern) =>
    h.op("core_barrier", { data }, { cores: [0, 1] });

  it("a barrier between makes it fine, none is a race", () => {
    checkRaces(handOver(barrier));
    expect(() => checkRaces(handOver(() => undefined))).toThrow(
      "data race on byte 0 of internal4 float32[4]: core 0 writes it at hand.py:1, core 1 reads it at hand.py:2, with no core_barrier between",
    );
  });

  it("reading what no core wrote is an uninitialised read at the reader's line", () => {
    try {
      checkRaces(handOver(barrier, false));
    } catch (e) {
      const { rule, at, category } = e as OpenTrnError;
      expect({ rule, at, category }).toEqual({
        rule: "shared read before write",
        at: { file: "hand.py", line: 3 },
        category: "uninitialised read",
      });
      return;
    }
    expect.fail("no error");
  });

  it("a core sees its own writes without a barrier, and a write after the read does not count", () => {
    const h = new Hand(2);
    const x = h.tensor("hbm", "float32", [4], "input");
    const shared = h.tensor("hbm", "float32", [4]);
    const out = h.tensor("hbm", "float32", [4], "output");
    h.core(1).op("dma_copy", { dst: shared, src: x }).op("dma_copy", { dst: out, src: shared });
    checkRaces(h.program());
    const late = new Hand(2);
    const [y, tile] = [
      late.tensor("hbm", "float32", [4], "input"),
      late.tensor("hbm", "float32", [4]),
    ];
    late.core(0).op("dma_copy", { dst: late.tensor("hbm", "float32", [4], "output"), src: tile });
    barrier(late, tile);
    barrier(late.core(1), tile);
    late.op("dma_copy", { dst: tile, src: y });
    expect(() => checkRaces(late.program())).toThrow("core 0 reads byte 0 of internal4");
  });

  it("a loop's tail races with the next iteration's head", () => {
    const loop = (second: boolean) => {
      const h = new Hand(2);
      const x = h.tensor("hbm", "float32", [4], "input");
      const shared = h.tensor("hbm", "float32", [4]);
      const out = h.tensor("hbm", "float32", [4], "output");
      for (const core of [0, 1]) {
        h.core(core).op("loop_begin", { index: { register: 0 }, start: 0, stop: 3 });
        if (core === 0) h.op("dma_copy", { dst: shared, src: x });
        barrier(h, shared);
        if (core === 1) h.op("dma_copy", { dst: out, src: shared });
        if (second) barrier(h, shared);
        h.op("loop_end", {});
      }
      return h.program();
    };
    checkRaces(loop(true));
    expect(() => checkRaces(loop(false))).toThrow("data race on byte 0 of internal4");
  });
});
