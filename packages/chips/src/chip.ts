/** What a chip file states. Code reads these facts and never branches on a chip's name; a user's own chip is the same shape as JSON. */
import type { CollectiveFacts } from "./collectives.ts";
import type { Fact } from "./fact.ts";
import type { SequencerFacts } from "./sequencer.ts";

/** A compute engine: clock, width and the fixed parts of an instruction, in its own cycles. */
export interface EngineFacts {
  readonly clockGHz: Fact;
  /** Elements per lane and cycle at fp32. */
  readonly width: Fact;
  /** Elements per lane and cycle where every operand is 16 bits or narrower and the mode applies. */
  readonly narrowWidth: Fact;
  /** Cycles every instruction occupies the engine beyond its elements. */
  readonly fixedCycles: Fact;
  /** Lower bound of the interval. */
  readonly minimumCycles: Fact;
  /** Extra cycles when an operand is read through a per-partition pointer. */
  readonly pointerCycles: Fact;
  /** Cycles from the end of the interval to the result being visible. */
  readonly latencyCycles: Fact;
}

export interface TensorEngineFacts {
  readonly clockGHz: Fact;
  /** Rows (contraction) and columns of the array. */
  readonly rows: Fact;
  readonly columns: Fact;
  readonly movingMax: Fact;
  readonly stationaryMax: Fact;
  /** Shortest interval of a matmul instruction in cycles. */
  readonly minimumCycles: Fact;
  readonly fixedCycles: Fact;
  readonly latencyCycles: Fact;
  /** Passes through the array per fp32 matmul and per fp32 transpose. */
  readonly fp32Passes: Fact;
  readonly fp32TransposePasses: Fact;
  /** Cycles to load a stationary tile of 16-bit (or narrower) elements; a load overlaps the multiplication before it. */
  readonly loadCycles: Fact;
  /** The same for one of the two fp32 instructions of a matmul, and for an fp32 transpose. */
  readonly fp32LoadCycles: Fact;
  readonly fp32TransposeLoadCycles: Fact;
  /** Share of the clock that the limiter of dense work leaves for good. */
  readonly sustainedRate: Fact;
  /** Cycles a load shows in a profile beyond them. */
  readonly loadLatencyCycles: Fact;
  readonly transposeMode: Fact<boolean>;
  readonly doubleRow: Fact<boolean>;
  readonly duty: {
    readonly windowCycles: Fact;
    /** Share of useful cycles in a window that lets the next one run at full rate. */
    readonly threshold: Fact;
    /** Rate of a cold window. */
    readonly coldRate: Fact;
    /** Cycles from the end of the stream to the result in a cold window. */
    readonly coldLatencyCycles: Fact;
    /** Cycles a weight load shows in a cold window beyond its loading. */
    readonly coldLoadLatencyCycles: Fact;
  } | null;
}

export interface DmaFacts {
  readonly enginesPerCore: Fact;
  readonly queuesPerEngine: Fact;
  /** Bytes per nanosecond of one engine inside a packet, when it writes HBM or stays on chip. */
  readonly bytesPerNs: Fact;
  /** The same when it reads HBM, whose answers come with gaps. */
  readonly readBytesPerNs: Fact;
  /** Nanoseconds from one packet's last byte to the next packet's first. */
  readonly packetNs: Fact;
  readonly packetBytes: Fact;
  /** Partitions of SBUF that one engine serves. */
  readonly partitionsPerEngine: Fact;
  readonly hardwareDge: Fact<boolean>;
  /** Nanoseconds from one transfer's issue to the next on the same sequencer, by descriptor path. */
  readonly issueNs: { readonly hardware: Fact; readonly software: Fact; readonly ring: Fact };
  /** Nanoseconds from GpSimd taking a transfer up to its trigger, while it writes the descriptors; several overlap. */
  readonly softwareLatencyNs: Fact;
  /** Trigger to first data packet. */
  readonly startNs: {
    readonly hardwareRead: Fact;
    readonly hardwareWrite: Fact;
    readonly softwareRead: Fact;
    readonly softwareWrite: Fact;
    readonly ring: Fact;
  };
  /** Nanoseconds by which each DMA engine starts after the one before it, because descriptors are made engine by engine. */
  readonly staggerNs: {
    readonly hardwareRead: Fact;
    readonly hardwareWrite: Fact;
    readonly software: Fact;
    readonly ring: Fact;
  };
  /** Bytes of the semaphore write that ends a transfer on every engine. */
  readonly semaphoreBytes: Fact;
  /** Last data to the waiting engine's start. */
  readonly completeNs: Fact;
  /** Rate of a transfer that converts or computes, against a copy. */
  readonly castRate: Fact;
  /** Rate of a transposing transfer from HBM, and from SBUF, against a copy. */
  readonly transposeRate: Fact;
  readonly transposeOnChipRate: Fact;
}

export interface Chip {
  readonly name: string;
  readonly title: string;
  /** NeuronCore generation: 2, 3 or 4. */
  readonly generation: 2 | 3 | 4;
  readonly aliases: readonly string[];
  readonly cores: Fact;
  /** Logical-core sizes a launch may use. */
  readonly lnc: Fact<readonly number[]>;
  readonly partitions: Fact;
  readonly sbuf: {
    readonly bytesPerPartition: Fact;
    readonly usableBytesPerPartition: Fact;
    readonly align: Fact;
  };
  readonly psum: {
    readonly banks: Fact;
    readonly bankBytes: Fact;
    readonly matmulCrossesBanks: Fact<boolean>;
    readonly align: Fact;
  };
  readonly hbm: {
    readonly bytes: Fact;
    /** Bandwidth of the whole chip. */
    readonly bytesPerNs: Fact;
    /** Stacks; addresses are interleaved over them, so that cores share the bandwidth of all. */
    readonly stacks: Fact;
    readonly align: Fact;
  };
  readonly engines: {
    readonly vector: EngineFacts;
    readonly scalar: EngineFacts;
    readonly gpsimd: EngineFacts;
  };
  readonly tensor: TensorEngineFacts;
  readonly dma: DmaFacts;
  readonly sync: {
    /** Producer finished to consumer started, engine to engine. */
    readonly semaphoreNs: Fact;
    readonly semaphoreToTensorNs: Fact;
    /** An instruction carries one wait; each further one is an instruction of its own on the sequencer. */
    readonly extraWaitNs: Fact;
    readonly activationTableLoadNs: Fact;
    /** Functions every ScalarE table holds, and those that share one table; every other function has a table of its own. */
    readonly activationTables: Fact<{
      readonly everywhere: readonly string[];
      readonly shared: readonly (readonly string[])[];
    }>;
    readonly registerLoadNs: Fact;
    readonly branchNs: Fact;
    readonly preambleNs: Fact;
    readonly postambleNs: Fact;
  };
  readonly collectives: CollectiveFacts;
  /** Absent where no profile was decoded. */
  readonly sequencer?: SequencerFacts;
  /** Dense peak of one core in TFLOP/s by the widest class of operand types. */
  readonly peakTflops: { readonly fp8: Fact; readonly bf16: Fact; readonly fp32: Fact };
}

/** Number of the chip's PSUM bytes per partition. */
export const psumBytesPerPartition = (chip: Chip): number =>
  chip.psum.banks.value * chip.psum.bankBytes.value;
