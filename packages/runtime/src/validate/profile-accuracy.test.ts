import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { replay } from "@opentrn/device";
import { type ProfiledInstruction, type ProfiledPacket, readProfile } from "@opentrn/trace";
import { describe, expect, it } from "vitest";
import { needsProfiles, realProfiles } from "../../../trace/src/profile/real-profiles.fixture.ts";
import { smallProfile } from "../../../trace/src/profile/small-profile.fixture.ts";
import { profileAccuracy, recordedData } from "./profile-accuracy.ts";

const packet = (queue: number, engine: number, start: number, bytes: number): ProfiledPacket => ({
  core: "sg00",
  queue,
  engine,
  source: "software_dynamic",
  start,
  duration: 10,
  bytes,
});

describe("profile accuracy", () => {
  it("splits the packets of a queue at the writes to semaphores", () => {
    const transfers = ["a", "b"].map((id) => ({ id, core: "sg00" }) as ProfiledInstruction);
    const spans = recordedData(
      [
        packet(0, 1, 100, 512),
        packet(0, 2, 105, 512),
        packet(1, 1, 110, 512),
        packet(0, 1, 120, 4),
        packet(0, 1, 130, 512),
        packet(0, 2, 140, 512),
        packet(0, 2, 150, 4),
        packet(0, 2, 160, 512),
        packet(0, 1, 170, 4),
      ],
      transfers,
      () => 0,
    );
    expect(Object.fromEntries(spans)).toEqual({
      a: { start: 100, end: 150 },
      b: { start: 130, end: 170 },
    });
  });

  it("counts errors by engine and opcode", () => {
    const accuracy = profileAccuracy(replay(readProfile(smallProfile), chipNamed("trn2")));
    expect(accuracy.kinds.map((k) => `${k.engine} ${k.opcode} ${k.n}`)).toEqual([
      "Tensor DRAIN 1",
      "Tensor LDWEIGHTS 1",
      "Tensor MATMUL 1",
      "Vector TENSOR_REDUCE 1",
    ]);
    expect(accuracy.all.n).toBe(4);
    expect(accuracy.total.measuredNs).toBe(2000);
  });

  const paths = realProfiles.map((path) => [basename(path), path] as const);
  it.skipIf(paths.length === 0)(
    needsProfiles("stays within 5 % of durations and 3 % of the total on real dumps"),
    () => {
      for (const [name, path] of paths) {
        const profile = readProfile(readFileSync(path, "utf8"));
        const accuracy = profileAccuracy(replay(profile, chipNamed("trn2")));
        expect(accuracy.all.medianAbsPct, name).toBeLessThan(5);
        expect(accuracy.kernel.medianAbsPct, name).toBeLessThan(5);
        expect(Math.abs(accuracy.total.errorPct), name).toBeLessThan(3);
        expect(accuracy.unknown, name).toEqual({});
      }
    },
  );
});
