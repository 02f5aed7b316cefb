/** Trainium3 (NeuronCore-v4). Nothing is measured here; what documents leave open is taken from trn2 and marked as assumed. */
import type { Chip } from "../chip.ts";
import { fact, taken } from "../fact.ts";
import { trn2 } from "./trn2.ts";

const arch = "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst";
const hardware = "about-neuron/arch/neuron-hardware/trainium3.rst";
const dmaOverview = "nki/get-started/about/nki-dma-overview.rst";
const why = "not measured on NeuronCore-v4; taken from trn2";

export const trn3: Chip = {
  name: "trn3",
  title: "Trainium3",
  generation: 4,
  aliases: ["gen4"],
  cores: fact(8, "documented", hardware),
  lnc: fact(
    [1, 2],
    "documented",
    "about-neuron/arch/neuron-features/logical-neuroncore-config.rst",
  ),
  partitions: fact(128, "documented", arch),
  sbuf: {
    bytesPerPartition: fact(256 * 1024, "documented", arch),
    usableBytesPerPartition: fact(
      256 * 1024,
      "assumed",
      "the compiler's reserve is not published; the whole partition is taken as usable",
    ),
    align: taken(trn2.sbuf.align, why),
  },
  psum: {
    banks: fact(8, "documented", arch),
    bankBytes: fact(2048, "documented", arch),
    matmulCrossesBanks: fact(true, "documented", arch),
    align: fact(
      2048,
      "documented",
      "nki.language: PSUM allocations start at a 2 KiB bank boundary",
    ),
  },
  hbm: {
    bytes: fact(144 * 2 ** 30, "documented", hardware),
    bytesPerNs: fact(4900, "documented", hardware, "4.9 TB/s; the architecture guide says 4.7"),
    stacks: fact(4, "documented", hardware),
    align: taken(trn2.hbm.align, why),
  },
  engines: {
    vector: {
      clockGHz: fact(1.2, "documented", arch),
      width: taken(trn2.engines.vector.width, why),
      narrowWidth: fact(4, "documented", arch, "512 elements a cycle for 8 and 16-bit types"),
      fixedCycles: taken(trn2.engines.vector.fixedCycles, why),
      minimumCycles: taken(trn2.engines.vector.minimumCycles, why),
      pointerCycles: taken(trn2.engines.vector.pointerCycles, why),
      latencyCycles: taken(trn2.engines.vector.latencyCycles, why),
    },
    scalar: {
      clockGHz: fact(1.2, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: fact(2, "documented", arch, "256 elements a cycle for 8 and 16-bit types"),
      fixedCycles: taken(trn2.engines.scalar.fixedCycles, why),
      minimumCycles: taken(trn2.engines.scalar.minimumCycles, why),
      pointerCycles: taken(trn2.engines.scalar.pointerCycles, why),
      latencyCycles: taken(trn2.engines.scalar.latencyCycles, why),
    },
    gpsimd: {
      clockGHz: fact(1.2, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: taken(trn2.engines.gpsimd.narrowWidth, why),
      fixedCycles: taken(trn2.engines.gpsimd.fixedCycles, why),
      minimumCycles: taken(trn2.engines.gpsimd.minimumCycles, why),
      pointerCycles: taken(trn2.engines.gpsimd.pointerCycles, why),
      latencyCycles: taken(trn2.engines.gpsimd.latencyCycles, why),
    },
  },
  tensor: {
    clockGHz: fact(2.4, "documented", arch),
    rows: fact(128, "documented", arch),
    columns: fact(128, "documented", arch),
    movingMax: fact(512, "documented", "nki.isa.nc_matmul"),
    stationaryMax: fact(128, "documented", "nki.isa.nc_matmul"),
    minimumCycles: taken(trn2.tensor.minimumCycles, why),
    fixedCycles: taken(trn2.tensor.fixedCycles, why),
    latencyCycles: taken(trn2.tensor.latencyCycles, why),
    fp32Passes: fact(4, "documented", arch),
    fp32TransposePasses: taken(trn2.tensor.fp32TransposePasses, why),
    loadCycles: taken(trn2.tensor.loadCycles, why),
    fp32LoadCycles: taken(trn2.tensor.fp32LoadCycles, why),
    fp32TransposeLoadCycles: taken(trn2.tensor.fp32TransposeLoadCycles, why),
    sustainedRate: taken(trn2.tensor.sustainedRate, why),
    loadLatencyCycles: taken(trn2.tensor.loadLatencyCycles, why),
    transposeMode: fact(true, "documented", arch),
    doubleRow: fact(true, "documented", arch),
    duty: trn2.tensor.duty && {
      windowCycles: taken(trn2.tensor.duty.windowCycles, why),
      threshold: taken(trn2.tensor.duty.threshold, why),
      coldRate: taken(trn2.tensor.duty.coldRate, why),
      coldLatencyCycles: taken(trn2.tensor.duty.coldLatencyCycles, why),
      coldLoadLatencyCycles: taken(trn2.tensor.duty.coldLoadLatencyCycles, why),
    },
  },
  dma: {
    enginesPerCore: fact(16, "documented", arch),
    queuesPerEngine: fact(16, "documented", dmaOverview),
    bytesPerNs: fact(38.4, "documented", dmaOverview),
    readBytesPerNs: fact(
      34.3,
      "derived",
      "33 B/ns in practice (bandwidth guide) at packets of 4 KiB with 4.7 ns between them",
    ),
    packetNs: taken(trn2.dma.packetNs, why),
    packetBytes: taken(trn2.dma.packetBytes, why),
    partitionsPerEngine: fact(8, "documented", dmaOverview),
    hardwareDge: fact(true, "documented", arch),
    issueNs: {
      hardware: taken(trn2.dma.issueNs.hardware, why),
      software: taken(trn2.dma.issueNs.software, why),
      ring: taken(trn2.dma.issueNs.ring, why),
    },
    softwareLatencyNs: taken(trn2.dma.softwareLatencyNs, why),
    startNs: {
      hardwareRead: taken(trn2.dma.startNs.hardwareRead, why),
      hardwareWrite: taken(trn2.dma.startNs.hardwareWrite, why),
      softwareRead: taken(trn2.dma.startNs.softwareRead, why),
      softwareWrite: taken(trn2.dma.startNs.softwareWrite, why),
      ring: taken(trn2.dma.startNs.ring, why),
    },
    staggerNs: {
      hardwareRead: taken(trn2.dma.staggerNs.hardwareRead, why),
      hardwareWrite: taken(trn2.dma.staggerNs.hardwareWrite, why),
      software: taken(trn2.dma.staggerNs.software, why),
      ring: taken(trn2.dma.staggerNs.ring, why),
    },
    semaphoreBytes: taken(trn2.dma.semaphoreBytes, why),
    completeNs: taken(trn2.dma.completeNs, why),
    castRate: fact(
      1,
      "documented",
      arch,
      "full rate for adding into SBUF with matching types; conversion alone is not mentioned",
    ),
    transposeRate: taken(trn2.dma.transposeRate, why),
    transposeOnChipRate: taken(trn2.dma.transposeOnChipRate, why),
  },
  sync: {
    semaphoreNs: taken(trn2.sync.semaphoreNs, why),
    semaphoreToTensorNs: taken(trn2.sync.semaphoreToTensorNs, why),
    extraWaitNs: taken(trn2.sync.extraWaitNs, why),
    activationTableLoadNs: taken(trn2.sync.activationTableLoadNs, why),
    activationTables: trn2.sync.activationTables,
    registerLoadNs: taken(trn2.sync.registerLoadNs, why),
    branchNs: taken(trn2.sync.branchNs, why),
    preambleNs: taken(trn2.sync.preambleNs, why),
    postambleNs: taken(trn2.sync.postambleNs, why),
  },
  peakTflops: {
    fp8: fact(315, "documented", arch, "MX types"),
    bf16: fact(78.6, "derived", "128 x 128 x 2.4 GHz x 2; documented as 79"),
    fp32: fact(19.7, "derived", "a quarter of bf16: four passes; documented as 20"),
  },
};
