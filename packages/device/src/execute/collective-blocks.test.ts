import { Random } from "@opentrn/base";
import { f32OfBits } from "@opentrn/numerics";
import { expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { Hand } from "./hand.testing.ts";
import { prepareRanks, runRanks } from "./ranks.ts";

const RANKS = 3;

/** all_reduce over three ranks of `rows` x 100 values; `gap` leaves room between rows, so that elements move one by one. */
function reduced(inputs: readonly Uint8Array[], rows: number, gap: number, inPlace = false) {
  const h = new Hand();
  const width = 100 + gap;
  const src = h.tensor("hbm", "float32", [rows, width], "input");
  const dst = inPlace ? src : h.tensor("hbm", "float32", [rows, width], "output");
  if (inPlace) h.b.markOutput(src.storage);
  const part = (p: typeof src) => ({
    ...p,
    dims: [
      [width, rows],
      [1, 100],
    ] as const,
  });
  const attrs = { replica_group: [RANKS, 2, 0, 1], op: "add" };
  h.op("all_reduce", { dst0: part(dst), src0: part(src) }, attrs);
  const program = h.program();
  const bytes = inputs.map((b) => [spread(b, rows, gap)]);
  const all = prepareRanks(program, place(program), RANKS);
  return runRanks(all, bytes).map((o) => spread(o.outputs[0]!, rows, -gap));
}

/** Rows of 100 values with `gap` zeros behind each; a negative gap takes them out. */
function spread(b: Uint8Array, rows: number, gap: number): Uint8Array {
  const [from, to] = [400 + Math.max(0, -gap) * 4, 400 + Math.max(0, gap) * 4];
  const out = new Uint8Array(rows * to);
  for (let r = 0; r < rows; r++) out.set(b.subarray(r * from, r * from + 400), r * to);
  return out;
}

const specials = [0x7fc12345, 0xff800001, 0x7f800000, 0xff800000, 0x80000000, 1, 0x7f7fffff];

/** Normal numbers with NaN payloads, infinities, zeros and extremes among them. */
function values(seed: number, n: number): Uint8Array {
  const r = new Random(seed);
  const x = Float32Array.from({ length: n }, () => r.normal());
  const bits = new Uint32Array(x.buffer);
  for (let k = 0; k < 20; k++) bits[r.below(n)] = r.pick(specials);
  expect(Number.isNaN(f32OfBits(specials[0]!))).toBe(true);
  return new Uint8Array(x.buffer);
}

it("whole tensors are summed a piece at a time with the bits of sums element by element", () => {
  for (const rows of [1, 41, 90]) {
    const inputs = [1, 2, 3].map((seed) => values(seed * rows, rows * 100));
    const [whole, single] = [reduced(inputs, rows, 0), reduced(inputs, rows, 3)];
    expect(whole).toEqual(single);
    expect(whole[1]).toEqual(whole[0]);
    expect(reduced(inputs, rows, 0, true)).toEqual(whole);
  }
});

it("a destination that overlaps the source partly still gets sums of what was there before", () => {
  const h = new Hand();
  const x = h.tensor("hbm", "float32", [12], "input");
  h.b.markOutput(x.storage);
  const eight = (offset: number) => ({ ...x, offset, dims: [[1, 8]] as const });
  const attrs = { replica_group: [2, 0, 1], op: "add" };
  h.op("all_reduce", { dst0: eight(4), src0: eight(0) }, attrs);
  const program = h.program();
  const input = new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => i + 1).buffer);
  const all = prepareRanks(program, place(program), 2);
  const out = runRanks(all, [[input], [input]]).map((o) => [
    ...new Float32Array(o.outputs[0]!.buffer),
  ]);
  const expected = [1, 2, 3, 4, 2, 4, 6, 8, 10, 12, 14, 16];
  expect(out).toEqual([expected, expected]);
});
