import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { totalsByDutyPhase, totalsIfNarrowRowsCountOtherwise } from "./duty-phases.ts";
import { Sketch } from "./sketch.ts";
import { timeline } from "./timeline.ts";

/** `rounds` of `turns` transposes over all rows, then `matmuls` of 512 columns over `rows` rows. */
function bursts(rounds: number, turns: number, matmuls: number, rows: number, target = "trn2") {
  const s = new Sketch(target);
  const whole = s.tile("sbuf", [128, 128], "float32");
  const [held, moving] = [
    s.tile("sbuf", [128, 128], "float32"),
    s.tile("sbuf", [128, 512], "float32"),
  ];
  for (const t of [whole, held, moving])
    s.emit("memset", { dst: s.part(t), value: { kind: "float", value: 1 } }, { engine: "gpsimd" });
  const [bank, sums] = [
    s.tile("psum", [128, 128], "float32"),
    s.tile("psum", [128, 512], "float32"),
  ];
  for (let r = 0; r < rounds; r++) {
    for (let i = 0; i < turns; i++)
      s.emit("nc_transpose", { dst: s.part(bank), data: s.part(whole) }, { engine: "tensor" });
    for (let i = 0; i < matmuls; i++)
      s.emit("nc_matmul", {
        dst: s.part(sums),
        stationary: s.part(held, [0, rows]),
        moving: s.part(moving, [0, rows]),
      });
  }
  const program = s.finish();
  return timeline(program, place(program));
}

const spread = (totals: readonly number[]): number => Math.max(...totals) / Math.min(...totals);

describe("phases of the duty windows", () => {
  it("matter to a kernel whose bursts just fill a window", () => {
    // Sixteen transposes of 128 fp32 columns last one cold window; only whole in one do they warm the array up for matmuls of 64 rows.
    const totals = totalsByDutyPhase(bursts(4, 16, 64, 64), 8);
    expect(totals).toHaveLength(8);
    expect(spread(totals)).toBeGreaterThan(1.2);
  });

  it("do not matter to a stream that fills the array all the time, and begin with the timeline's own", () => {
    const t = bursts(1, 0, 2000, 128);
    const totals = totalsByDutyPhase(t, 4);
    expect(totals[0]).toBe(t.totalNs);
    expect(spread(totals)).toBeLessThan(1.005);
  });

  it("are one where no limiter is", () => {
    expect(totalsByDutyPhase(bursts(1, 4, 4, 128, "trn1"), 4)).toHaveLength(1);
  });
});

describe("the duty limiter's threshold", () => {
  it("leaves eight transposes in a window of half-filled matmuls cold, at every phase", () => {
    const cold = bursts(8, 8, 64, 64);
    const perMatmul = totalsByDutyPhase(cold, 4).map((ns) => ns / (8 * 64));
    // 853 ns at full rate, 1707 cold; measured on the chip: 1.9 times the time at full rate (kda-for-trainium bmm_d1_twophase).
    for (const ns of perMatmul) expect(ns).toBeGreaterThan(1700);
  });

  it("keeps half-filled matmuls warm that full ones warmed up", () => {
    const t = bursts(1, 64, 400, 64);
    expect(t.totalNs / 400).toBeLessThan(920);
  });

  it("is uncertain for half-filled matmuls only: they may be cold all the time, or warm up where the threshold is met exactly", () => {
    const half = bursts(1, 64, 400, 64);
    expect(totalsIfNarrowRowsCountOtherwise(half).less / half.totalNs).toBeGreaterThan(1.8);
    const cold = bursts(8, 8, 64, 64);
    expect(totalsIfNarrowRowsCountOtherwise(cold).more / cold.totalNs).toBeLessThan(0.7);
    const full = bursts(1, 64, 400, 128);
    expect(totalsIfNarrowRowsCountOtherwise(full)).toEqual({
      less: full.totalNs,
      more: full.totalNs,
    });
  });
});
