import { readFileSync } from "node:fs";
import { chipNamed } from "@opentrn/chips";
import { readProfile } from "@opentrn/trace";
import { describe, expect, it } from "vitest";
import { needsProfiles, realProfiles } from "../../../trace/src/profile/real-profiles.fixture.ts";
import { smallProfile } from "../../../trace/src/profile/small-profile.fixture.ts";
import { profileOfRecording } from "./profile.ts";

const chip = chipNamed("trn2");

describe("a small dump", () => {
  const r = profileOfRecording("small", readProfile(smallProfile), chip);

  it("is shown as recorded and as replayed", () => {
    expect([r.origin, r.recorded_ns, r.instructions]).toEqual(["recorded", 2000, 4]);
    expect(r.dma).toMatchObject({ bytes: 4096, packets: 1, active_ns: 158 });
    expect(r.dma.queues).toMatchObject([{ queue: "qGpSimdDynamic", transfers: 1 }]);
    expect(r.hbm).toEqual({ read_bytes: 4096, write_bytes: 0 });
    const sum = r.critical_path.kinds.reduce((n, k) => n + k.ns, 0);
    expect(sum).toBeCloseTo(r.total_ns, 3);
    const path = r.critical_path.parts.map((p) => p.instruction);
    expect(path.some((i) => i.startsWith("TENSOR_REDUCE") || i.startsWith("MATMUL"))).toBe(true);
  });

  it("counts an fp32 matmul of two instructions once", () => {
    expect(r.roofline.flops).toBe(128 * 128 * 128);
  });

  it("is refused for chips whose sequencers were never measured", () => {
    expect(() => profileOfRecording("small", readProfile(smallProfile), chipNamed("trn1"))).toThrow(
      /never measured/,
    );
  });
});

it.skipIf(realProfiles.length === 0)(needsProfiles("real dumps: totals, traffic, advice"), () => {
  for (const path of realProfiles) {
    const profile = readProfile(readFileSync(path, "utf8"));
    const r = profileOfRecording("real", profile, chip);
    expect(Math.abs(r.total_ns / r.recorded_ns! - 1)).toBeLessThan(0.03);
    // The profiler counts transposed and multiplied operations itself; ours counts an fp32 matmul once, the profiler twice.
    const { hardware_flops, transpose_flops, hbm_read_bytes } = profile.summary;
    expect(2 * r.roofline.flops).toBe(Number(hardware_flops) - Number(transpose_flops));
    expect(r.hbm.read_bytes).toBe(hbm_read_bytes);
    expect(r.transposes.count).toBe(20);
    expect(r.dma.active_ns / 1e9).toBeCloseTo(Number(profile.summary["dma_active_time"]), 6);
    const advised = r.advice.find((a) => a.kind === "bf16 matmul")!;
    expect(advised.gain_ns).toBeGreaterThan(0.05 * r.total_ns);
    for (const s of r.stalls) expect(s.waiter.instruction).toMatch(/ /);
  }
});
