import { type OpenTrnError, Random } from "@opentrn/base";
import type { AccessPattern, DynamicOffset } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { place } from "../placement/index.ts";
import { prepare } from "./executable.ts";
import { Hand } from "./hand.testing.ts";

const ROWS = 12;
const WIDTH = 40;

interface Case {
  readonly which: readonly number[];
  readonly skip?: boolean;
  readonly dtype?: DType;
  /** Adds table rows to a tile instead of a tile to table rows. */
  readonly gathers?: boolean;
  readonly swapped?: boolean;
}

/** The table and the tile afterwards, or the error; on the fast path or by the reference meaning. */
function outcome({ which, skip, dtype = "float32", gathers, swapped }: Case, fast: boolean) {
  const h = new Hand();
  const table = h.tensor("hbm", dtype, [ROWS, WIDTH], "input");
  const rows = h.tensor("hbm", "float32", [which.length, WIDTH], "input");
  const at = h.tensor("hbm", "int32", [which.length, 1], "input");
  const out = h.tensor("hbm", "float32", [which.length, WIDTH], "output");
  const tile = h.tensor("sbuf", "float32", [which.length, WIDTH]);
  const index = h.tensor("sbuf", "int32", [which.length, 1]);
  h.op("dma_copy", { dst: tile, src: rows }).op("dma_copy", { dst: index, src: at });
  const dynamic: DynamicOffset = { kind: "vector", stride: WIDTH, limit: ROWS, index };
  const dims = [
    [WIDTH, which.length],
    [1, WIDTH],
  ] as const;
  const moving: AccessPattern = { ...table, dims, dynamic };
  const [src0, src1] = swapped ? [tile, moving] : [moving, tile];
  const attrs = { reduce_op: "add", oob_mode: skip ? "skip" : "error" };
  h.op("dma_compute", { dst: gathers ? tile : moving, src0, src1 }, attrs);
  h.op("dma_copy", { dst: out, src: tile });
  const program = h.program();
  const e = prepare(program, place(program), { fast });
  const r = new Random(3);
  const numbers = (n: number): Uint8Array =>
    new Uint8Array(Float32Array.from({ length: n }, () => r.normal()).buffer);
  const held = numbers(ROWS * WIDTH).subarray(0, program.storages[table.storage]!.rowBytes);
  const inputs = [
    held,
    numbers(which.length * WIDTH),
    new Uint8Array(Int32Array.from(which).buffer),
  ];
  try {
    const { outputs, inputsAfter } = e.run(inputs);
    return { fastCount: e.fastCount, tensors: [...outputs, ...inputsAfter] };
  } catch (error) {
    return { fastCount: e.fastCount, tensors: (error as OpenTrnError).describe() };
  }
}

test.each<[string, Case]>([
  ["adds a tile to rows", { which: [3, 0, 11, 7] }],
  ["adds rows to a tile", { which: [3, 0, 11, 7], gathers: true }],
  ["takes sources in either order", { which: [5, 1], swapped: true }],
  ["rounds to the table's type", { which: [2, 9, 4], dtype: "bfloat16" }],
  ["ends alike when rows are named twice", { which: [3, 3, 8, 3] }],
  ["leaves out rows outside", { which: [3, 12, -1, 7], skip: true }],
  ["stops at a row outside", { which: [3, 12, 7] }],
])("dma_compute at run-time rows %s", (_, c) => {
  const [fast, reference] = [outcome(c, true), outcome(c, false)];
  expect(fast.fastCount).toBe(4);
  expect(reference.fastCount).toBe(0);
  expect(fast.tensors).toEqual(reference.tensors);
});

test("rows added to a tile are left out by the reference meaning alone", () => {
  const c = { which: [3, 12, 7], skip: true, gathers: true };
  const [fast, reference] = [outcome(c, true), outcome(c, false)];
  expect(fast.fastCount).toBe(3);
  expect(fast.tensors).toEqual(reference.tensors);
});
