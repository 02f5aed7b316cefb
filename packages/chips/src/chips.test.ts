import { expect, test } from "vitest";
import { chipNamed, chips } from "./catalogue.ts";
import { factsOf } from "./fact.ts";

const assumed = (name: string): string[] =>
  factsOf(chipNamed(name))
    .filter((f) => f.fact.basis === "assumed")
    .map((f) => f.path);

test("every figure says where it comes from", () => {
  for (const c of chips)
    for (const { path, fact } of factsOf(c))
      expect(`${c.name} ${path}: ${fact.source}`).toMatch(/: .{8,}/);
});

test("names and aliases are unique", () => {
  const all = chips.flatMap((c) => [c.name, ...c.aliases]);
  expect(new Set(all).size).toBe(all.length);
});

test("the assumed figures of trn2 are these", () => {
  expect(assumed("trn2")).toEqual([
    "sbuf.usableBytesPerPartition",
    "sbuf.align",
    "hbm.align",
    "engines.gpsimd.narrowWidth",
    "engines.gpsimd.pointerCycles",
    "engines.gpsimd.latencyCycles",
    "dma.issueNs.ring",
    "dma.staggerNs.ring",
    "sync.activationTables",
  ]);
});

test("the assumed figures of trn1 are these", () => {
  expect(assumed("trn1")).toEqual([
    "sbuf.usableBytesPerPartition",
    "sbuf.align",
    "hbm.align",
    "engines.vector.pointerCycles",
    "engines.scalar.pointerCycles",
    "engines.gpsimd.narrowWidth",
    "engines.gpsimd.pointerCycles",
    "engines.gpsimd.latencyCycles",
    "tensor.fixedCycles",
    "tensor.fp32LoadCycles",
    "tensor.fp32TransposeLoadCycles",
    "dma.packetNs",
    "dma.packetBytes",
    "dma.issueNs.hardware",
    "dma.issueNs.software",
    "dma.issueNs.ring",
    "dma.softwareLatencyNs",
    "dma.startNs.hardwareRead",
    "dma.startNs.hardwareWrite",
    "dma.startNs.softwareRead",
    "dma.startNs.softwareWrite",
    "dma.startNs.ring",
    "dma.staggerNs.hardwareRead",
    "dma.staggerNs.hardwareWrite",
    "dma.staggerNs.software",
    "dma.staggerNs.ring",
    "dma.completeNs",
    "dma.transposeRate",
    "dma.transposeOnChipRate",
    "sync.semaphoreToTensorNs",
    "sync.activationTables",
    "sync.registerLoadNs",
    "sync.branchNs",
    "sync.preambleNs",
    "sync.postambleNs",
    "collectives.stepNs",
    "collectives.networkStepNs",
  ]);
});

test("the assumed figures of trn3 are these", () => {
  expect(assumed("trn3")).toEqual([
    "sbuf.usableBytesPerPartition",
    "sbuf.align",
    "hbm.align",
    "engines.vector.width",
    "engines.vector.fixedCycles",
    "engines.vector.minimumCycles",
    "engines.vector.pointerCycles",
    "engines.vector.latencyCycles",
    "engines.scalar.fixedCycles",
    "engines.scalar.minimumCycles",
    "engines.scalar.pointerCycles",
    "engines.scalar.latencyCycles",
    "engines.gpsimd.narrowWidth",
    "engines.gpsimd.fixedCycles",
    "engines.gpsimd.minimumCycles",
    "engines.gpsimd.pointerCycles",
    "engines.gpsimd.latencyCycles",
    "tensor.minimumCycles",
    "tensor.fixedCycles",
    "tensor.latencyCycles",
    "tensor.fp32TransposePasses",
    "tensor.loadCycles",
    "tensor.fp32LoadCycles",
    "tensor.fp32TransposeLoadCycles",
    "tensor.sustainedRate",
    "tensor.loadLatencyCycles",
    "tensor.duty.windowCycles",
    "tensor.duty.threshold",
    "tensor.duty.coldRate",
    "tensor.duty.coldLatencyCycles",
    "tensor.duty.coldLoadLatencyCycles",
    "dma.packetNs",
    "dma.packetBytes",
    "dma.issueNs.hardware",
    "dma.issueNs.software",
    "dma.issueNs.ring",
    "dma.softwareLatencyNs",
    "dma.startNs.hardwareRead",
    "dma.startNs.hardwareWrite",
    "dma.startNs.softwareRead",
    "dma.startNs.softwareWrite",
    "dma.startNs.ring",
    "dma.staggerNs.hardwareRead",
    "dma.staggerNs.hardwareWrite",
    "dma.staggerNs.software",
    "dma.staggerNs.ring",
    "dma.semaphoreBytes",
    "dma.completeNs",
    "dma.transposeRate",
    "dma.transposeOnChipRate",
    "sync.semaphoreNs",
    "sync.semaphoreToTensorNs",
    "sync.extraWaitNs",
    "sync.activationTableLoadNs",
    "sync.activationTables",
    "sync.registerLoadNs",
    "sync.branchNs",
    "sync.preambleNs",
    "sync.postambleNs",
    "collectives.launchNs",
    "collectives.hopNs",
    "collectives.stepNs",
    "collectives.bytesPerNs",
    "collectives.meshes",
    "collectives.meshBytes",
    "collectives.doublingBytes",
    "collectives.sharedPlaces",
    "collectives.networkStepNs",
  ]);
});

test("inf2 is a trn1 by another name", () => {
  expect(assumed("inf2")).toEqual(assumed("trn1"));
});
