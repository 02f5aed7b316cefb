/** Trainium2 (NeuronCore-v3). Measured figures: neuron-profile dumps of a trn2.3xlarge decoded in docs/time.md. */
import type { Chip } from "../chip.ts";
import { fact } from "../fact.ts";

const arch = "Neuron SDK 2.32, nki/guides/architecture/trainium2_arch.rst";
const profile =
  "neuron-profile dumps of a trn2.3xlarge (public repository trainium-kernel-fusion, MIT)";
const bandwidthGuide = "Neuron SDK 2.32, nki/deep-dives/nki-dma-bandwidth-guide.rst";
const oldIsa = "Neuron SDK 2.26.1 NKI instruction costs (nki/api/nki/isa)";

export const trn2: Chip = {
  name: "trn2",
  title: "Trainium2",
  generation: 3,
  aliases: ["gen3", "trn2u"],
  cores: fact(8, "documented", "about-neuron/arch/neuron-hardware/trainium2.rst"),
  lnc: fact(
    [1, 2],
    "documented",
    "about-neuron/arch/neuron-features/logical-neuroncore-config.rst",
  ),
  partitions: fact(128, "documented", arch),
  sbuf: {
    bytesPerPartition: fact(224 * 1024, "documented", arch),
    usableBytesPerPartition: fact(
      224 * 1024,
      "assumed",
      "the compiler's reserve is not published; the whole partition is taken as usable",
    ),
    align: fact(
      64,
      "assumed",
      "allocation alignment is target specific and not published; one 64-byte line",
    ),
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
    bytes: fact(96 * 2 ** 30, "documented", "about-neuron/arch/neuron-hardware/trainium2.rst"),
    bytesPerNs: fact(
      2900,
      "documented",
      "about-neuron/arch/neuron-hardware/trainium2.rst",
      "2.9 TB/s; the architecture guide says 3",
    ),
    align: fact(64, "assumed", "allocation alignment is not published; one 64-byte line"),
  },
  engines: {
    vector: {
      clockGHz: fact(0.96, "measured", profile, "also documented in the architecture guide"),
      width: fact(
        1,
        "measured",
        profile,
        "fp32 copies and reductions run at one element a lane and cycle",
      ),
      narrowWidth: fact(4, "documented", arch, "512 lanes for 16-bit floats in SBUF"),
      fixedCycles: fact(58, "measured", profile),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: fact(67, "measured", profile),
      latencyCycles: fact(79, "measured", profile),
    },
    scalar: {
      clockGHz: fact(1.2, "measured", profile),
      width: fact(1, "documented", arch),
      narrowWidth: fact(1, "documented", arch),
      fixedCycles: fact(60, "measured", profile),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: fact(140, "measured", profile, "bias pointer: 112 from PSUM, 162 from SBUF"),
      latencyCycles: fact(120, "measured", profile),
    },
    gpsimd: {
      clockGHz: fact(1.2, "documented", arch),
      width: fact(1, "documented", arch),
      narrowWidth: fact(1, "assumed", "no figure for narrow types"),
      fixedCycles: fact(150, "documented", oldIsa),
      minimumCycles: fact(64, "documented", oldIsa),
      pointerCycles: fact(0, "assumed", "not measured"),
      latencyCycles: fact(
        100,
        "assumed",
        "GpSimd was never measured; taken like VectorE with its slower start",
      ),
    },
  },
  tensor: {
    clockGHz: fact(2.4, "measured", profile),
    rows: fact(128, "documented", arch),
    columns: fact(128, "documented", arch),
    movingMax: fact(512, "documented", "nki.isa.nc_matmul"),
    stationaryMax: fact(128, "documented", "nki.isa.nc_matmul"),
    minimumCycles: fact(64, "documented", oldIsa),
    fixedCycles: fact(6, "measured", profile, "215-219 ns for 512 columns"),
    latencyCycles: fact(391, "measured", profile, "163 ns beyond the streaming time"),
    fp32Passes: fact(4, "measured", profile, "two instructions of two passes"),
    fp32TransposePasses: fact(2, "measured", profile),
    loadCycles: fact(32, "documented", arch, "fast load: 128 columns in about 32 cycles"),
    transposeMode: fact(true, "documented", arch),
    doubleRow: fact(true, "documented", arch),
    duty: {
      windowCycles: fact(8192, "measured", profile),
      threshold: fact(0.375, "measured", profile),
      coldRate: fact(0.5, "measured", profile),
    },
  },
  dma: {
    enginesPerCore: fact(16, "documented", arch),
    queuesPerEngine: fact(16, "documented", "nki/get-started/about/nki-dma-overview.rst"),
    bytesPerNs: fact(27.2, "measured", profile, "also documented per engine"),
    packetNs: fact(7.6, "measured", profile),
    packetBytes: fact(4096, "measured", profile),
    hardwareDge: fact(true, "documented", arch),
    issueNs: {
      hardware: fact(560, "measured", profile),
      software: fact(50, "measured", profile),
      ring: fact(
        50,
        "assumed",
        "a static descriptor ring needs a trigger only, taken like the software path",
      ),
    },
    startNs: {
      hardwareRead: fact(1360, "measured", profile),
      hardwareWrite: fact(1258, "measured", profile),
      softwareRead: fact(765, "measured", profile),
      softwareWrite: fact(630, "measured", profile),
      ring: fact(1000, "documented", "screenshot: static DMA trigger to data about 1.0 us"),
    },
    completeNs: fact(400, "measured", profile),
    castRate: fact(0.5, "measured", profile, "documented for DMA compute"),
    transposeRate: fact(0.9, "documented", bandwidthGuide, "HBM to SBUF; 0.5 for SBUF to SBUF"),
  },
  sync: {
    semaphoreNs: fact(36, "measured", profile),
    semaphoreToTensorNs: fact(52, "measured", profile),
    activationTableLoadNs: fact(1283, "measured", profile),
    registerLoadNs: fact(690, "measured", profile),
    branchNs: fact(150, "measured", profile),
    preambleNs: fact(13500, "measured", profile),
    postambleNs: fact(2100, "measured", profile),
  },
  peakTflops: {
    fp8: fact(157.3, "derived", "2 x 128 x 128 x 2.4 GHz x 2 (double row)"),
    bf16: fact(78.6, "derived", "128 x 128 x 2.4 GHz x 2"),
    fp32: fact(19.7, "derived", "a quarter of bf16: four passes"),
  },
};
