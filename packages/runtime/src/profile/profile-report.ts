/** The JSON that `trn profile --json` prints. Scripts rely on these names and units (docs/report.md); fields are only ever added. */

/** First field of every report, so that readers know what they have. */
export const PROFILE_SCHEMA = "opentrn-profile/1";

/** A source line and what it issues. `engine` is an engine, or a DMA queue as the profiler names it. */
export interface SiteReport {
  readonly file: string | null;
  readonly line: number | null;
  readonly instruction: string;
  readonly engine: string;
  /** HBM tensor of a transfer. */
  readonly tensor: string | null;
}

export interface PathPart extends SiteReport {
  /** Engine, or part of a transfer's way: dma issue, dma start-up, dma data, dma completion, semaphores. */
  readonly kind: string;
  readonly ns: number;
  /** Of the total. */
  readonly share: number;
  readonly steps: number;
}

export interface EngineReport {
  readonly engine: string;
  readonly instructions: number;
  /** At least one instruction between start and result; the mean of several cores. */
  readonly active_ns: number;
  readonly active_share: number;
  /** Of a recording: as it was recorded, without what the runtime added. */
  readonly recorded_active_ns?: number;
  readonly recorded_active_share?: number;
  /** The pipeline takes no other instruction; the mean of several cores. */
  readonly busy_ns: number;
  readonly busy_share: number;
  /** Part of the busy time that does not grow with the elements; as a share of the busy time. */
  readonly fixed_ns: number;
  readonly fixed_share: number;
  /** Share of the partitions in use while busy; for TensorE of the array's rows. */
  readonly partitions_share: number;
  /** TensorE: share of the array's columns that hold a stationary tile; and of rows times columns. */
  readonly columns_share?: number;
  readonly array_share?: number;
  /** TensorE: time lost because a duty window ran at the cold rate. */
  readonly cold_ns?: number;
  /** ScalarE: loading activation tables. */
  readonly table_loads?: number;
  readonly table_load_ns?: number;
}

export interface KindReport {
  readonly engine: string;
  readonly instruction: string;
  readonly count: number;
  readonly busy_ns: number;
  readonly fixed_ns: number;
  readonly fixed_share: number;
  /** Mean elements a partition (columns of the moving tile on TensorE) and mean partitions. */
  readonly elements: number;
  readonly partitions: number;
}

export interface StallRow {
  readonly waiter: SiteReport;
  /** What it waited for. */
  readonly cause: SiteReport;
  /** data: a result; reuse and overwrite: a buffer still in use; depends_on; register. */
  readonly why: string;
  readonly ns: number;
  readonly share: number;
  readonly count: number;
}

export interface SizeClass {
  /** Bytes, half open; the last class has no upper end. */
  readonly from: number;
  readonly to: number | null;
  readonly descriptors: number;
  readonly bytes: number;
}

export interface QueueReport {
  readonly queue: string;
  /** Of a recording: packets. */
  readonly transfers: number;
  readonly bytes: number;
  /** At least one of its transfers moves data. */
  readonly active_ns: number;
  readonly bytes_per_ns: number;
}

export interface DmaReport {
  readonly transfers: number;
  readonly descriptors: number;
  readonly packets: number;
  readonly bytes: number;
  readonly active_ns: number;
  readonly active_share: number;
  /** While data moves, and what the DMA engines of the cores could move. */
  readonly bytes_per_ns: number;
  readonly peak_bytes_per_ns: number;
  readonly efficiency: number;
  /** Contiguous pieces, one descriptor each. */
  readonly sizes: readonly SizeClass[];
  readonly queues: readonly QueueReport[];
}

export interface ReloadReport {
  readonly tensor: string;
  readonly loaded_bytes: number;
  readonly distinct_bytes: number;
  /** Loaded bytes less distinct ones. */
  readonly again_bytes: number;
  /** Part of them that one transfer reads several times to fill many partitions. */
  readonly broadcast_bytes: number;
  readonly lines: readonly SiteReport[];
}

export interface SpillReport {
  readonly tensor: string;
  readonly stored_bytes: number;
  readonly reloaded_bytes: number;
  readonly stores: readonly SiteReport[];
  readonly reloads: readonly SiteReport[];
}

export interface HbmReport {
  readonly read_bytes: number;
  readonly write_bytes: number;
  /** Absent for recordings, whose dumps do not say which bytes of HBM are meant. */
  readonly reloaded_bytes?: number;
  readonly spilled_bytes?: number;
  readonly reloads?: readonly ReloadReport[];
  readonly spills?: readonly SpillReport[];
}

export interface TransposeReport {
  readonly count: number;
  readonly tensor_ns: number;
  /** Of TensorE's busy time. */
  readonly tensor_share: number;
  readonly lines: readonly (SiteReport & { readonly count: number; readonly ns: number })[];
}

export interface RooflineReport {
  readonly flops: number;
  readonly hbm_bytes: number;
  /** Operations a byte; null without HBM traffic. */
  readonly intensity: number | null;
  /** Operations a byte from which on the peak of the types multiplied is the limit. */
  readonly ridge: number;
  readonly bound: "compute" | "memory";
  readonly peak_tflops: number;
  readonly hbm_bytes_per_ns: number;
  /** What the bound allows, and what was reached. */
  readonly attainable_tflops: number;
  readonly achieved_tflops: number;
  /** Shortest time by flops and by bytes, and its share of the total. */
  readonly compute_ns: number;
  readonly memory_ns: number;
  readonly bound_share: number;
}

export interface AdviceReport {
  readonly kind: string;
  readonly site: SiteReport;
  /** What is wrong, with its figures. */
  readonly says: string;
  /** What to change. */
  readonly change: string;
  /** How to check it. */
  readonly check: string;
  /** The total less the total of the timeline that was run with the change. */
  readonly gain_ns: number;
  readonly gain_share: number;
  readonly total_ns: number;
  /** at most: the change also costs something that the rerun leaves out, which `change` names. */
  readonly gain: "expected" | "at most";
}

export interface ProfileReport {
  readonly schema: typeof PROFILE_SCHEMA;
  readonly kernel: string;
  readonly target: string;
  readonly cores: number;
  /** predicted: a run here; recorded: a dump of neuron-profile, replayed. */
  readonly origin: "predicted" | "recorded";
  readonly instructions: number;
  readonly total_ns: number;
  /** Of a recording: the total it recorded. `total_ns` and everything that waits follow from the replay. */
  readonly recorded_ns?: number;
  /** Of a prediction: the lowest and highest time to expect on the chip, and why measurements do not cover it, if they do not. */
  readonly range_ns?: readonly [low: number, high: number];
  readonly outside?: readonly string[];
  readonly bottleneck: string;
  readonly critical_path: {
    readonly kinds: readonly {
      readonly kind: string;
      readonly ns: number;
      readonly share: number;
    }[];
    readonly parts: readonly PathPart[];
  };
  readonly engines: readonly EngineReport[];
  readonly instruction_kinds: readonly KindReport[];
  readonly stalls: readonly StallRow[];
  readonly dma: DmaReport;
  readonly hbm: HbmReport;
  readonly transposes: TransposeReport;
  readonly roofline: RooflineReport;
  readonly advice: readonly AdviceReport[];
  /** What-ifs that were timed, and those left out because their site takes too little time or the budget was used up. */
  readonly what_ifs: { readonly timed: number; readonly skipped: number };
}
