import { chipNamed } from "@opentrn/chips";
import { readProfile } from "@opentrn/trace";
import { describe, expect, it } from "vitest";
import { smallProfile } from "../../../trace/src/profile/small-profile.fixture.ts";
import { replay } from "./replay.ts";

const profile = readProfile(smallProfile);
const chip = chipNamed("trn2");

describe("replay", () => {
  const played = replay(profile, chip);
  const of = (opcode: string) => played.instructions.find((r) => r.instruction.opcode === opcode)!;

  it("times every instruction of the dump", () => {
    expect(played.instructions.map((r) => r.instruction.id).sort()).toEqual(
      profile.instructions.map((i) => i.id).sort(),
    );
    expect(played.unknown).toEqual([]);
    for (const r of played.instructions) expect(r.duration).toBeGreaterThan(0);
  });

  it("makes instructions wait for the semaphore values they name", () => {
    const matmul = of("MATMUL");
    const reduce = of("TENSOR_REDUCE");
    expect(reduce.instruction.operands.waits).toHaveLength(1);
    // A fourth increment is outside the dump, so the reduction keeps the start it had.
    expect(played.given.map((i) => i.opcode)).toContain("TENSOR_REDUCE");
    expect(reduce.start).toBeGreaterThanOrEqual(reduce.instruction.start);
    expect(matmul.start).toBeLessThan(reduce.start);
  });

  it("follows a producer that the dump shows", () => {
    const text = smallProfile.replace("S[5] (Tensor)>=4", "S[5] (Tensor)>=1");
    const linked = replay(readProfile(text), chip);
    const by = (opcode: string) =>
      linked.instructions.find((r) => r.instruction.opcode === opcode)!;
    const matmul = by("MATMUL");
    expect(linked.given.map((i) => i.opcode)).not.toContain("TENSOR_REDUCE");
    expect(by("TENSOR_REDUCE").start).toBeGreaterThanOrEqual(
      matmul.start + matmul.duration + chip.sync.semaphoreNs.value - 1,
    );
  });

  it("leaves out of comparisons what no record describes, and keeps its duration", () => {
    const odd = smallProfile.replace('"opcode":"DRAIN"', '"opcode":"SOMETHING_NEW"');
    const with_ = replay(readProfile(odd), chip);
    expect(with_.unknown.map((i) => i.opcode)).toEqual(["SOMETHING_NEW"]);
    expect(with_.instructions).toHaveLength(profile.instructions.length - 1);
  });

  it("times work on tiles with an opcode of no record as element by element", () => {
    const odd = smallProfile
      .replaceAll('"bir_instruction_name":""', '"bir_instruction_name":"I-1"')
      .replace('"opcode":"TENSOR_REDUCE"', '"opcode":"TENSOR_SOMETHING"');
    const with_ = replay(readProfile(odd), chip);
    expect(with_.approximate.map((i) => i.opcode)).toEqual(["TENSOR_SOMETHING"]);
    const timed = with_.instructions.find((r) => r.instruction.opcode === "TENSOR_SOMETHING")!;
    expect(timed.duration).toBeGreaterThan(512 / 0.96 - 100);
  });

  it("plays a what-if: instructions change, who waits for whom does not", () => {
    const half = replay(profile, chip, (i) =>
      i.opcode === "MATMUL"
        ? { plan: (plan) => ({ ...plan, streamCycles: plan.streamCycles / 2 }) }
        : undefined,
    );
    const of = (r: typeof half) => r.instructions.find((x) => x.instruction.opcode === "MATMUL")!;
    expect(of(half).start).toBe(of(played).start);
    expect(of(half).duration).toBeLessThan(of(played).duration);
    expect(half.played.graph.producer).toEqual(played.played.graph.producer);
    const matmul = played.played.instructionOf.findIndex((i) => i?.opcode === "MATMUL");
    expect(played.played.classes[matmul]!.op.name).toBe("nc_matmul");
  });

  it("refuses chips whose sequencers were never measured", () => {
    expect(() => replay(profile, chipNamed("trn1"))).toThrow(/trn1.*never measured/);
  });
});
