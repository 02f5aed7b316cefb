import { chipNamed } from "@opentrn/chips";
import { describe, expect, it } from "vitest";
import { type CollectiveOp, collectiveTime } from "./collective-time.ts";
import { type Fabric, fabricOf, ranksPerChip, spanOf } from "./places.ts";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const trn2 = fabricOf(chipNamed("trn2"), 2);
const trn1 = fabricOf(chipNamed("trn1"), 1);
const time = (f: Fabric, op: CollectiveOp, bytes: number, ranks: number | number[]) =>
  collectiveTime(f, op, bytes, typeof ranks === "number" ? upTo(ranks) : ranks);
const MiB = 2 ** 20;

describe("places", () => {
  it("are filled chip by chip, machine by machine", () => {
    expect(ranksPerChip(trn2)).toBe(4);
    expect(spanOf(trn2, upTo(4))).toEqual({ ranks: 4, perChip: 4, chips: 1, machines: 1 });
    expect(spanOf(trn2, upTo(64))).toEqual({ ranks: 64, perChip: 4, chips: 16, machines: 1 });
    expect(spanOf(trn2, upTo(128))).toEqual({ ranks: 128, perChip: 4, chips: 16, machines: 2 });
    // One rank of every chip, and one of every machine.
    expect(
      spanOf(
        trn2,
        upTo(16).map((c) => 4 * c),
      ),
    ).toMatchObject({ perChip: 1, chips: 16 });
    expect(spanOf(trn2, [0, 64])).toEqual({ ranks: 2, perChip: 1, chips: 1, machines: 2 });
  });
});

describe("measured collectives", () => {
  it.each([
    [1048576, 23.5],
    [3984588, 77.85],
    [8388606, 160],
  ])("two cores of one trn1 chip reduce %i bytes in %f us (pantheonneuron)", (bytes, us) => {
    const { ns, steps, across } = time(trn1, "all_reduce", bytes, 2);
    expect(Math.abs(ns / 1e3 / us - 1)).toBeLessThan(0.02);
    expect([steps, across]).toEqual([2, "one chip"]);
  });

  it.each([
    [1024, 10.0],
    [65536, 11.31],
    [524288, 14.83],
  ])("8 ranks gather %i bytes in %f us (nccom-test documentation)", (size, us) => {
    const { ns } = time(trn2, "all_gather", size / 8, 8);
    expect(Math.abs(ns / 1e3 / us - 1)).toBeLessThan(0.1);
  });
});

describe("the algorithm", () => {
  it("follows from the size: mesh, recursive doubling, rings with shared places", () => {
    const of = (bytes: number) => time(trn2, "all_reduce", bytes, 64);
    expect(of(MiB)).toMatchObject({ algorithm: "mesh", steps: 2 });
    expect(of(MiB + 4)).toMatchObject({ algorithm: "doubling", steps: 2 * 5 });
    expect(of(57 * MiB)).toMatchObject({ algorithm: "shared ring", steps: 2 * 31 });
    expect(
      time(
        trn2,
        "all_reduce",
        57 * MiB,
        upTo(16).map((c) => 4 * c),
      ).algorithm,
    ).toBe("ring");
    expect(time(trn1, "all_reduce", 64, 32)).toMatchObject({ algorithm: "ring", steps: 62 });
  });

  it("sends what it must: a gather n - 1 operands, a reduction nearly two", () => {
    expect(time(trn2, "all_gather", 100, 8).sentBytes).toBe(700);
    expect(time(trn2, "all_reduce", 800, 8).sentBytes).toBe(1400);
    expect(time(trn2, "reduce_scatter", 800, 8).sentBytes).toBe(700);
    expect(time(trn2, "permute", 800, 8).sentBytes).toBe(800);
    expect(time(trn2, "all_reduce", 800, 1)).toMatchObject({ sentBytes: 0, ns: 1000 });
  });
});

describe("bandwidth", () => {
  it("is that of a rank's cores on a chip, and of one link for a permute between chips", () => {
    const rate = (t: { ns: number; sentBytes: number }) => t.sentBytes / t.ns;
    expect(rate(time(trn2, "all_reduce", 1024 * MiB, 4))).toBeCloseTo(114, 0);
    expect(rate(time(trn1, "permute", 1024 * MiB, 8))).toBeCloseTo(48, 0);
  });

  it("between machines is the chip's part of the network", () => {
    const t = time(trn2, "all_gather", 1024 * MiB, [0, 64]);
    expect(t.across).toBe("machines");
    expect(t.sentBytes / t.ns).toBeCloseTo(25, 0);
    const many = time(trn2, "all_reduce", 64 * 1024, 128);
    expect(many.ns).toBeGreaterThan(2 * 15_000);
  });

  it("needs a network that is known", () => {
    const mine = { ...fabricOf({ ...chipNamed("trn2"), name: "mine" }, 2), machine: undefined };
    expect(() => time(mine, "all_reduce", 4, 8)).toThrow(/no network between them is known/);
  });

  it("is shared by the cores of a rank that each call one", () => {
    const [one, both] = [trn2, { ...trn2, callers: 2 }].map(
      (f) => time(f, "all_reduce", 1024 * MiB, 4).ns,
    );
    expect(both! / one!).toBeCloseTo(2, 2);
  });
});
