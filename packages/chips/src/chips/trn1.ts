/** Trainium1 (NeuronCore-v2). Little is measured; what documents leave open is taken from trn2 and marked as assumed. */
import type { Chip } from "../chip.ts";
import { fact, taken } from "../fact.ts";
import { trn2 } from "./trn2.ts";

const arch = "Neuron SDK 2.32, nki/guides/architecture/trainium_inferentia2_arch.rst";
const hardware = "about-neuron/arch/neuron-hardware/trainium.rst";
const oldIsa = "Neuron SDK 2.26.1 NKI instruction costs (nki/api/nki/isa)";
const screenshots = "profile screenshots in the Neuron SDK documentation";
const why = "not known for NeuronCore-v2; taken from trn2";

export const trn1: Chip = {
  name: "trn1",
  title: "Trainium1",
  generation: 2,
  aliases: ["gen2", "trn1n"],
  cores: fact(2, "documented", hardware),
  lnc: fact([1], "documented", "compiler error EARG001: trn1 takes LNC 1 only"),
  partitions: fact(128, "documented", arch),
  sbuf: {
    bytesPerPartition: fact(192 * 1024, "documented", arch),
    usableBytesPerPartition: fact(
      192 * 1024,
      "assumed",
      "the compiler's reserve is not published; the whole partition is taken as usable",
    ),
    align: taken(trn2.sbuf.align, why),
  },
  psum: {
    banks: fact(8, "documented", arch),
    bankBytes: fact(2048, "documented", arch),
    matmulCrossesBanks: fact(false, "documented", arch),
    align: fact(
      2048,
      "documented",
      "nki.language: PSUM allocations start at a 2 KiB bank boundary",
    ),
  },
  hbm: {
    bytes: fact(32 * 2 ** 30, "documented", hardware),
    bytesPerNs: fact(820, "documented", arch, "820 GB/s; the hardware page says GiB/s"),
    stacks: fact(2, "documented", hardware),
    align: taken(trn2.hbm.align, why),
  },
  engines: {
    vector: {
      clockGHz: fact(1.12, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: fact(1, "documented", arch, "no faster modes for narrow types"),
      fixedCycles: fact(60, "documented", arch, "access to SBUF or PSUM"),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: taken(trn2.engines.vector.pointerCycles, why),
      latencyCycles: fact(100, "documented", arch, "extra when the next instruction depends"),
    },
    scalar: {
      clockGHz: fact(1.4, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: fact(1, "documented", arch),
      fixedCycles: fact(60, "documented", arch, "access to SBUF or PSUM"),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: taken(trn2.engines.scalar.pointerCycles, why),
      latencyCycles: fact(
        158,
        "derived",
        "159 ns for ACTIVATE on one element x 1.4 GHz - 64 cycles, profile screenshots in the Neuron SDK documentation",
      ),
    },
    gpsimd: {
      clockGHz: fact(1.4, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: taken(trn2.engines.gpsimd.narrowWidth, why),
      fixedCycles: fact(150, "documented", oldIsa),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: taken(trn2.engines.gpsimd.pointerCycles, why),
      latencyCycles: taken(trn2.engines.gpsimd.latencyCycles, why),
    },
  },
  tensor: {
    clockGHz: fact(2.8, "documented", arch),
    rows: fact(128, "documented", arch),
    columns: fact(128, "documented", arch),
    movingMax: fact(512, "documented", "nki.isa.nc_matmul"),
    stationaryMax: fact(128, "documented", "nki.isa.nc_matmul"),
    minimumCycles: fact(64, "documented", arch),
    fixedCycles: taken(trn2.tensor.fixedCycles, why),
    latencyCycles: fact(
      485,
      "derived",
      "219 ns for a bf16 matmul of 128 columns x 2.8 GHz - 128 cycles, profile screenshots in the Neuron SDK documentation",
    ),
    fp32Passes: fact(4, "documented", arch),
    fp32TransposePasses: fact(
      4,
      "derived",
      "no transpose mode: a transpose is a matmul with an identity, four passes in fp32",
    ),
    loadCycles: fact(
      128,
      "derived",
      "one column a cycle; the fast load of 128 columns in 32 cycles came with NeuronCore-v3",
    ),
    fp32LoadCycles: taken(trn2.tensor.fp32LoadCycles, why),
    fp32TransposeLoadCycles: taken(trn2.tensor.fp32LoadCycles, "no transpose mode"),
    sustainedRate: fact(
      0.89,
      "measured",
      "average throttle limit of a dense GEMM over minutes (pantheonneuron)",
    ),
    loadLatencyCycles: fact(
      187,
      "derived",
      "67 ns for a load of one column x 2.8 GHz, profile screenshots in the Neuron SDK documentation",
    ),
    transposeMode: fact(false, "documented", arch),
    doubleRow: fact(false, "documented", arch),
    duty: null,
  },
  dma: {
    enginesPerCore: fact(16, "documented", arch),
    queuesPerEngine: fact(16, "documented", "nki/get-started/about/nki-dma-overview.rst"),
    bytesPerNs: fact(
      17.5,
      "derived",
      "274.7 GB/s written by one core over minutes (pantheonneuron), 16 engines with 4.7 ns between packets of 4 KiB",
    ),
    readBytesPerNs: fact(
      17.4,
      "derived",
      "273.0 GB/s read by one core over minutes (pantheonneuron), 16 engines with 4.7 ns between packets of 4 KiB; 32 KiB on one engine in 1810 ns in a documentation screenshot would be 18.5",
    ),
    packetNs: taken(trn2.dma.packetNs, why),
    packetBytes: taken(trn2.dma.packetBytes, why),
    partitionsPerEngine: fact(8, "documented", "nki/get-started/about/nki-dma-overview.rst"),
    hardwareDge: fact(false, "documented", arch),
    issueNs: {
      hardware: taken(trn2.dma.issueNs.hardware, "unused: no hardware DGE"),
      software: taken(trn2.dma.issueNs.software, why),
      ring: taken(trn2.dma.issueNs.ring, why),
    },
    softwareLatencyNs: taken(trn2.dma.softwareLatencyNs, why),
    startNs: {
      hardwareRead: taken(trn2.dma.startNs.hardwareRead, "unused: no hardware DGE"),
      hardwareWrite: taken(trn2.dma.startNs.hardwareWrite, "unused: no hardware DGE"),
      softwareRead: taken(trn2.dma.startNs.softwareRead, why),
      softwareWrite: taken(trn2.dma.startNs.softwareWrite, why),
      ring: taken(trn2.dma.startNs.ring, why),
    },
    staggerNs: {
      hardwareRead: taken(trn2.dma.staggerNs.hardwareRead, "unused: no hardware DGE"),
      hardwareWrite: taken(trn2.dma.staggerNs.hardwareWrite, "unused: no hardware DGE"),
      software: taken(trn2.dma.staggerNs.software, why),
      ring: taken(trn2.dma.staggerNs.ring, why),
    },
    semaphoreBytes: fact(4, "documented", screenshots),
    completeNs: taken(trn2.dma.completeNs, why),
    castRate: fact(0.5, "documented", "half rate for DMA compute before NeuronCore-v4"),
    transposeRate: taken(trn2.dma.transposeRate, why),
    transposeOnChipRate: taken(trn2.dma.transposeOnChipRate, why),
  },
  sync: {
    semaphoreNs: fact(
      30,
      "derived",
      "dependent ACTIVATEs 189 ns apart, one alone takes 159; profile screenshots in the Neuron SDK documentation",
    ),
    semaphoreToTensorNs: taken(trn2.sync.semaphoreToTensorNs, why),
    extraWaitNs: fact(9, "documented", screenshots, "EVENT_SEMAPHORE"),
    activationTableLoadNs: fact(368, "documented", screenshots, "ACT_TABLE_LOAD"),
    activationTables: trn2.sync.activationTables,
    registerLoadNs: taken(trn2.sync.registerLoadNs, why),
    branchNs: taken(trn2.sync.branchNs, why),
    preambleNs: taken(trn2.sync.preambleNs, why),
    postambleNs: taken(trn2.sync.postambleNs, why),
  },
  collectives: {
    launchNs: fact(
      1000,
      "derived",
      "what is left of 4 us for the smallest all-reduce of two cores after its two hops (pantheonneuron)",
    ),
    hopNs: fact(
      1500,
      "documented",
      "neuron-runtime/explore/intranode-collective-comm.rst",
      "1 to 2 us, depending on the load of the HBM",
    ),
    stepNs: taken(trn2.collectives.stepNs, why),
    bytesPerNs: fact(
      54.5,
      "measured",
      "all-reduce of two cores of one chip: 53.8 GB/s between 1 and 8 MB (pantheonneuron), 56.8 up to 1 GB (nccom-test documentation)",
    ),
    meshes: fact(
      false,
      "derived",
      "mesh and recursive doubling are described for the torus of trn2; flat rings are what trn1 is named with (internode-collective-comm.rst)",
    ),
    meshBytes: fact(0, "derived", "there is no mesh algorithm"),
    doublingBytes: fact(0, "derived", "there is no recursive doubling"),
    sharedPlaces: fact(false, "derived", "described for four ranks a chip"),
    networkStepNs: taken(trn2.collectives.networkStepNs, why),
  },
  peakTflops: {
    fp8: fact(91.75, "derived", "128 x 128 x 2.8 GHz x 2: cFP8 runs at the rate of bf16"),
    bf16: fact(91.75, "derived", "128 x 128 x 2.8 GHz x 2; documented as 92"),
    fp32: fact(22.9, "derived", "a quarter of bf16: four passes; documented as 23"),
  },
};
