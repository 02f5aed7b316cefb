/** Trainium2 (NeuronCore-v3). Measured figures: neuron-profile dumps of a trn2.3xlarge decoded in docs/time.md. */
import type { Chip } from "../chip.ts";
import { fact } from "../fact.ts";
import { commonTables } from "./activation-tables.ts";
import { trn2Sequencer } from "./trn2-sequencer.ts";

const arch = "Neuron SDK 2.32, nki/guides/architecture/trainium2_arch.rst";
const profile =
  "neuron-profile dumps of a trn2.3xlarge (public repository trainium-kernel-fusion, MIT)";
const intranode = "neuron-runtime/explore/intranode-collective-comm.rst";
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
    stacks: fact(4, "documented", "about-neuron/arch/neuron-hardware/trainium2.rst"),
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
    fp32LoadCycles: fact(
      256,
      "measured",
      profile,
      "102 to 107 ns from the load to the first stream after a pause; cold 161",
    ),
    fp32TransposeLoadCycles: fact(
      128,
      "measured",
      profile,
      "56 to 64 ns from the load to the first stream after a pause, warm and cold",
    ),
    sustainedRate: fact(
      1,
      "derived",
      "2048 full-size bf16 matmuls reach 77.2 of 78.6 TFLOP/s (performance guide); fp32 matmuls of 13 ms keep the full rate (kda-for-trainium)",
    ),
    loadLatencyCycles: fact(
      204,
      "measured",
      profile,
      "85 ns: fp32 loads last 189 to 191 ns, for transposes 137 to 145, bfloat16 95 to 105",
    ),
    transposeMode: fact(true, "documented", arch),
    doubleRow: fact(true, "documented", arch),
    duty: {
      windowCycles: fact(8192, "measured", profile),
      threshold: fact(
        0.3752,
        "measured",
        profile,
        "between 0.365, which stayed cold, and 0.3754, which stayed warm; just above 3/8, which eight fp32 transposes in a window of matmuls with 64 rows come to and which stays cold (kda-for-trainium bmm_d1_twophase). A cycle counts by the share of the array's rows in use, columns do not matter: derived from fp32 matmuls with 64 rows that stay cold once cold (kda-for-trainium bmm: 1.9 x the full-rate time), broadcasts with 1 row that are always cold (its mamba), and the 30.8 of 78.6 TFLOP/s that the guide gives for one full and three narrow groups of matmuls, of which only the one with 32 rows may be cold",
      ),
      coldRate: fact(0.5, "measured", profile),
      coldLatencyCycles: fact(
        492,
        "measured",
        profile,
        "205 ns beyond the halved stream: 310 for 128 columns, 630 for 512, both bfloat16",
      ),
      coldLoadLatencyCycles: fact(
        290,
        "measured",
        profile,
        "121 ns beyond the doubled load: fp32 loads last 333 to 337 ns, for transposes 229 to 230",
      ),
    },
  },
  dma: {
    enginesPerCore: fact(16, "documented", arch),
    queuesPerEngine: fact(16, "documented", "nki/get-started/about/nki-dma-overview.rst"),
    bytesPerNs: fact(
      27.2,
      "measured",
      profile,
      "also documented per engine; stores of 2 KiB packets start every 80.0 ns",
    ),
    readBytesPerNs: fact(
      24.5,
      "measured",
      profile,
      "loads start a packet every 24.3 ns (512 B), 93.5 ns (2 KiB), 168 ns (4 KiB) on average; the bandwidth guide gives 23 in practice",
    ),
    packetNs: fact(
      4.7,
      "measured",
      profile,
      "start to start of stored packets less bytes / 27.2; a packet's own duration is 2.9 ns longer and overlaps the next",
    ),
    packetBytes: fact(4096, "measured", profile),
    partitionsPerEngine: fact(8, "documented", "nki/get-started/about/nki-dma-overview.rst"),
    hardwareDge: fact(true, "documented", arch),
    issueNs: {
      hardware: fact(
        615,
        "derived",
        "541 to 613 ns of the instruction, 560 in the middle, and 53 to 63 to the next one (neuron-profile dumps of a trn2.3xlarge)",
        "the matmul tutorial's v2, bound by issuing two transfers a multiplication, takes 609 each",
      ),
      software: fact(
        582,
        "measured",
        profile,
        "581 to 586 ns between loads; the trigger instruction itself shows as 31 to 75 ns",
      ),
      ring: fact(
        50,
        "assumed",
        "a static descriptor ring needs a trigger only; taken like one short sequencer write",
      ),
    },
    softwareLatencyNs: fact(
      1167,
      "measured",
      profile,
      "1173 and 1174 ns for the first load (128 pieces), 1156 and 1159 for a store (512 pieces) after its data is there",
    ),
    startNs: {
      hardwareRead: fact(1360, "measured", profile),
      hardwareWrite: fact(1258, "measured", profile),
      softwareRead: fact(765, "measured", profile),
      softwareWrite: fact(630, "measured", profile),
      ring: fact(1000, "documented", "screenshot: static DMA trigger to data about 1.0 us"),
    },
    staggerNs: {
      hardwareRead: fact(
        23,
        "measured",
        profile,
        "last engine's first packet 350 ns after the first engine's",
      ),
      hardwareWrite: fact(10, "measured", profile, "152 ns over 16 engines"),
      software: fact(45, "measured", profile, "600 to 750 ns over 16 engines"),
      ring: fact(10, "assumed", "taken like hardware descriptors for a store"),
    },
    semaphoreBytes: fact(4, "measured", profile),
    completeNs: fact(400, "measured", profile),
    castRate: fact(0.5, "measured", profile, "documented for DMA compute"),
    transposeRate: fact(0.9, "documented", arch, "upper bound, HBM to SBUF"),
    transposeOnChipRate: fact(0.5, "documented", arch, "upper bound, SBUF to SBUF"),
  },
  sync: {
    semaphoreNs: fact(36, "measured", profile),
    semaphoreToTensorNs: fact(52, "measured", profile),
    extraWaitNs: fact(
      40,
      "measured",
      profile,
      "EVENT_SEMAPHORE on ScalarE 39 to 40, VectorE 23 to 54, TensorE 52",
    ),
    activationTableLoadNs: fact(1283, "measured", profile),
    activationTables: fact(
      commonTables,
      "assumed",
      "which functions share a table is not published; see activation-tables.ts",
    ),
    registerLoadNs: fact(690, "measured", profile),
    branchNs: fact(150, "measured", profile),
    preambleNs: fact(13500, "measured", profile),
    postambleNs: fact(2100, "measured", profile),
  },
  collectives: {
    launchNs: fact(
      1000,
      "derived",
      "what is left of 4 us for the smallest all-reduce of two cores on trn1 after its two hops; not measured on trn2",
    ),
    hopNs: fact(1500, "documented", intranode, "1 to 2 us, depending on the load of the HBM"),
    stepNs: fact(
      4500,
      "derived",
      "half of what is left of 10.0 us for an all-gather of 1 KiB by 8 ranks after the launch: two steps (nccom-test documentation)",
    ),
    bytesPerNs: fact(
      57,
      "measured",
      "all-reduce and all-gather of four logical cores of one chip: 107 to 125 GB/s of bus bandwidth a rank of two cores (xpu-perf); 95 to 114 for 8 ranks (nccom-test documentation)",
    ),
    meshes: fact(true, "documented", intranode),
    meshBytes: fact(2 ** 20, "documented", intranode),
    doublingBytes: fact(56 * 2 ** 20, "documented", intranode),
    sharedPlaces: fact(true, "documented", `${intranode}, KangaRing`),
    networkStepNs: fact(
      15_000,
      "documented",
      "neuron-runtime/about/collectives.rst",
      "HBM to HBM of another machine, a small packet",
    ),
  },
  sequencer: trn2Sequencer,
  peakTflops: {
    fp8: fact(157.3, "derived", "2 x 128 x 128 x 2.4 GHz x 2 (double row)"),
    bf16: fact(78.6, "derived", "128 x 128 x 2.4 GHz x 2"),
    fp32: fact(19.7, "derived", "a quarter of bf16: four passes"),
  },
};
