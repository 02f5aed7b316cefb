/**
 * Gives every storage of a Program an address: SBUF and PSUM of each core, and HBM. The timeline reads dependencies from these
 * addresses and the executor keeps data there, so reused memory costs what it costs on the chip.
 */
import { type Chip, psumBytesPerPartition } from "@opentrn/chips";
import type { Program, Storage } from "@opentrn/isa";
import { liveRanges } from "./live-ranges.ts";
import { checkPinned, overflow } from "./overflow.ts";
import { type Packing, pack, type Tenant } from "./pack.ts";

/** Memory in use at the fullest moment. */
export interface MemoryPeak {
  /** Core, or -1 for HBM. */
  readonly core: number;
  readonly space: Storage["space"];
  /** Bytes of one partition on chip; bytes in HBM. */
  readonly bytes: number;
  readonly capacity: number;
  readonly packing: Packing;
}

export interface Placement {
  /** First partition by storage id; 0 in HBM. */
  readonly partition: Uint8Array;
  /** Byte offset inside a partition (SBUF, PSUM) or byte address (HBM), by storage id. */
  readonly address: Float64Array;
  /** First and last instruction that needs the storage; -1 when none does. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly peaks: readonly MemoryPeak[];
  /** Bytes of all partitions that the fullest core has in use at its fullest moment. */
  readonly sbufPeakBytes: number;
  readonly psumPeakBytes: number;
  /** Bytes of HBM in use at the fullest moment. */
  readonly hbmPeakBytes: number;
  /** End of the highest HBM address in use. */
  readonly hbmBytes: number;
}

interface Memory {
  readonly space: Storage["space"];
  readonly capacity: number;
  /** Every address is a multiple of this. */
  readonly step: number;
}

const memoriesOf = (chip: Chip): Readonly<Record<Storage["space"], Memory>> => ({
  sbuf: {
    space: "sbuf",
    capacity: chip.sbuf.usableBytesPerPartition.value,
    step: chip.sbuf.align.value,
  },
  psum: { space: "psum", capacity: psumBytesPerPartition(chip), step: chip.psum.align.value },
  hbm: { space: "hbm", capacity: chip.hbm.bytes.value, step: chip.hbm.align.value },
});

export interface PlaceOptions {
  /**
   * Reuse memory as soon as it is free. On the chip that makes instructions wait for each other; a host that only runs values keeps what it
   * touches in its caches. Default false.
   */
  readonly tight?: boolean;
}

/** Places all storages. Throws `capacity` when a memory overflows or pinned addresses collide. */
export function place(program: Program, options: PlaceOptions = {}): Placement {
  const ranges = liveRanges(program);
  const count = program.storages.length;
  const address = new Float64Array(count);
  const partition = new Uint8Array(count);
  const memories = memoriesOf(program.chip);
  const peaks: MemoryPeak[] = [];
  for (const [group, storages] of grouped(program)) {
    const memory = memories[storages[0]!.space];
    const tenants = storages
      .filter((s) => ranges.first[s.id]! >= 0)
      .map((s) => tenantOf(s, ranges.first[s.id]!, ranges.last[s.id]!, memory.step));
    for (const s of storages) {
      partition[s.id] = s.space === "hbm" ? 0 : (s.pinned?.partition ?? 0);
      address[s.id] = s.pinned?.offset ?? 0;
    }
    checkPinned(program, memory.space, tenants, memory.capacity);
    const packed = pack(tenants, memory.capacity, memory.step, options.tight);
    if (!packed) throw overflow(program, memory.space, tenants, memory.capacity);
    tenants.forEach((t, i) => {
      address[t.id] = packed.address[i]!;
    });
    peaks.push({
      core: group,
      space: memory.space,
      bytes: peakOf(tenants),
      capacity: memory.capacity,
      packing: packed.packing,
    });
  }
  const peak = (space: Storage["space"]): number =>
    peaks.filter((p) => p.space === space).reduce((m, p) => Math.max(m, p.bytes), 0);
  const partitions = program.chip.partitions.value;
  return {
    partition,
    address,
    ...ranges,
    peaks,
    sbufPeakBytes: peak("sbuf") * partitions,
    psumPeakBytes: peak("psum") * partitions,
    hbmPeakBytes: peak("hbm"),
    hbmBytes: program.storages.reduce(
      (m, s) => (s.space === "hbm" ? Math.max(m, address[s.id]! + s.rowBytes) : m),
      0,
    ),
  };
}

/**
 * Storages by memory: SBUF and PSUM of each core, one HBM. A storage of all cores needs the same place in each of them, so the
 * cores' memories are then packed as one.
 */
function grouped(program: Program): readonly (readonly [core: number, storages: Storage[]])[] {
  const groups = new Map<string, [number, Storage[]]>();
  const common = new Set(
    program.storages.filter((s) => s.space !== "hbm" && s.core === -1).map((s) => s.space),
  );
  for (const s of program.storages) {
    const core = s.space === "hbm" ? -1 : common.has(s.space) ? 0 : s.core;
    const key = `${s.space}${core}`;
    const group = groups.get(key);
    if (group) group[1].push(s);
    else groups.set(key, [core, [s]]);
  }
  return [...groups.values()];
}

const tenantOf = (s: Storage, first: number, last: number, step: number): Tenant => ({
  id: s.id,
  size: s.pinned ? s.rowBytes : Math.ceil(s.rowBytes / step) * step,
  first,
  last,
  partitions: s.partitions,
  pinned: s.pinned,
});

/** Most bytes alive at once. */
function peakOf(tenants: readonly Tenant[]): number {
  const starts = tenants.slice().sort((a, b) => a.first - b.first);
  const ends = tenants.slice().sort((a, b) => a.last - b.last);
  let [used, most, ended] = [0, 0, 0];
  for (const t of starts) {
    for (; ends[ended]!.last < t.first; ended++) used -= ends[ended]!.size;
    used += t.size;
    most = Math.max(most, used);
  }
  return most;
}
