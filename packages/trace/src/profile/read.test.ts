import { OpenTrnError } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { parseOperands } from "./operands.ts";
import { readProfile, readProfileStream } from "./read.ts";
import { smallProfile } from "./small-profile.fixture.ts";

describe("profile import", () => {
  it("keeps 64-bit identifiers, so dependencies resolve", () => {
    const { instructions } = readProfile(smallProfile);
    const reduce = instructions.find((i) => i.opcode === "TENSOR_REDUCE")!;
    expect(reduce.predecessors[0]!.id).toBe("3234272491855211889");
    expect(instructions.map((i) => i.id)).toContain("3234272491855211889");
  });

  it("orders each engine by its program, not by start times", () => {
    const { instructions } = readProfile(smallProfile);
    expect(instructions.map((i) => `${i.engine} ${i.pc}`)).toEqual([
      "Tensor 6",
      "Tensor 7",
      "Tensor 9",
      "Vector 8",
    ]);
  });

  it("reads packets, duty stretches, queues, semaphores and totals, and counts what it leaves out", () => {
    const p = readProfile(smallProfile);
    expect(p.packets[0]).toMatchObject({ queue: 0, engine: 64, bytes: 4096 });
    expect(p.duty[0]).toMatchObject({ allowed: 4, of: 8, duration: 3413 });
    expect(p.queues[0]).toMatchObject({ name: "qGpSimdDynamic", id: 0 });
    expect(p.semaphores[0]).toMatchObject({ semaphore: 5, value: 4 });
    expect(p.metadata).toMatchObject({ durationNs: 2000, compilerVersion: "2.23" });
    expect(p.unread).toEqual({ warnings: 1 });
  });

  it("gives the same profile from any cut of the bytes", async () => {
    const bytes = new TextEncoder().encode(smallProfile);
    for (const size of [1, 7, 64]) {
      const pieces = (async function* () {
        for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
      })();
      expect(await readProfileStream(pieces)).toEqual(readProfile(smallProfile));
    }
  });

  it.each([
    ["no JSON at all", "hello [1]"],
    ["a file cut short", smallProfile.slice(0, -40)],
    ["a number in place of a table", smallProfile.replace(`"ham":[`, `"ham":{"x":[`)],
    ["an engine nobody knows", smallProfile.replace(`"label":"Vector"`, `"label":"Quantum"`)],
    ["a start that is no number", smallProfile.replace(`"timestamp":1200`, `"timestamp":"soon"`)],
    ["no instructions", `{"metadata":[]}`],
  ])("stops on %s", (_, json) => {
    expect(() => readProfile(json)).toThrow(OpenTrnError);
  });
});

describe("operand text", () => {
  it("separates waits from updates, polled from hardware", () => {
    const o = parseOperands("setter=0 $S[2]==7 $S[2]++@complete");
    expect(o.waits).toEqual([{ semaphore: 2, relation: "==", value: 7, polled: true }]);
    expect(o.updates).toEqual([{ semaphore: 2, kind: "add", value: 1 }]);
    expect(parseOperands("$S[1]>=1 $S[1]--@complete").updates[0]!.value).toBe(-1);
    expect(parseOperands("$S[2]+=3@complete").updates[0]).toMatchObject({ kind: "add", value: 3 });
    expect(parseOperands("$S[2]==8 $S[2]=0@complete").updates[0]).toMatchObject({ kind: "set" });
  });

  it("reads patterns with and without a type, settings and bare words", () => {
    const o = parseOperands(
      "S[4] (Scalar)++@complete EXP bias_ptr=fp32@0x4810 src=fp32@0x2002000[1,1,1][512,1,1] dst=0x10[-1,0][128,1] scale=1.0",
    );
    expect(o.patterns["src"]).toEqual({
      dtype: "fp32",
      address: 0x2002000,
      strides: [1, 1, 1],
      counts: [512, 1, 1],
    });
    expect(o.patterns["dst"]).toMatchObject({ dtype: undefined, strides: [-1, 0] });
    expect(o.patterns["bias_ptr"]!.address).toBe(0x4810);
    expect(o.settings).toEqual({ scale: "1.0" });
    expect(o.words).toEqual(["EXP"]);
  });
});
