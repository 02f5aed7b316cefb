import { chipNamed } from "@opentrn/chips";
import { place, type Timeline, timeline } from "@opentrn/device";
import { kernel, nisa, nl, type Tensor } from "@opentrn/nki";
import { expect, it } from "vitest";
import { evidenceOf } from "./regimes.ts";

/** A load of [128, 512], matmuls over some rows, an eviction and a store. */
const narrow = kernel("narrow", (x: Tensor, times: number, rows: number) => {
  const held = nl.ndarray([128, 512], { dtype: "bfloat16" });
  nisa.dmaCopy({ dst: held, src: x, dgeMode: "hwdge" });
  const bank = nl.ndarray([128, 512], { dtype: "float32", buffer: "psum" });
  for (let i = 0; i < times; i++)
    nisa.ncMatmul({
      dst: bank,
      stationary: held.slice([0, rows], [0, 128]),
      moving: held.slice([0, rows]),
    });
  const out = nl.ndarray([128, 512], { dtype: "float32" });
  nisa.tensorCopy({ dst: out, src: bank, engine: "vector" });
  const result = nl.ndarray([128, 512], { dtype: "float32", buffer: "shared_hbm" });
  nisa.dmaCopy({ dst: result, src: out, dgeMode: "hwdge" });
  return result;
});

function played(times: number, rows = 64): Timeline {
  const program = narrow.build({
    chip: chipNamed("trn2"),
    inputs: { x: { shape: [128, 512], dtype: "bfloat16" } },
    args: { times, rows },
    lnc: 1,
  });
  return timeline(program, place(program));
}

it("shares of a kernel's time by kind of work add up to it", () => {
  const e = evidenceOf([played(200)]);
  const shares = [...e.regimes.values()].reduce((sum, r) => sum + r.share, 0);
  expect(shares).toBeCloseTo(1, 9);
  expect(e.regimes.get("nc_matmul 16 bit, half the rows or fewer")!.share).toBeGreaterThan(0.8);
  expect([...e.regimes.keys()]).toEqual(
    expect.arrayContaining([
      "dma_copy by hardware descriptors, pieces of 512 B or more",
      "tensor_copy on vector 32 bit",
    ]),
  );
});

it("several launches add up", () => {
  const t = played(200);
  expect(evidenceOf([t, t]).meanNs).toBeCloseTo(2 * evidenceOf([t]).meanNs, 6);
});

it("what the duty limiter may do lies between the least and the most", () => {
  const e = evidenceOf([played(40, 128)]);
  expect(e.leastNs).toBeLessThanOrEqual(e.meanNs);
  expect(e.mostNs).toBeGreaterThan(e.leastNs);
});

it("nothing takes no time", () => {
  expect(evidenceOf([])).toMatchObject({ totalNs: 0, meanNs: 0 });
});
