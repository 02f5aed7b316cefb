/** Errors of placement: what does not fit, how much is missing, who holds the space, and what to do. */
import { OpenTrnError, type SourceLocation } from "@opentrn/base";
import type { Program, Storage } from "@opentrn/isa";
import { meetInPartitions, meetInTime, type Tenant } from "./pack.ts";

const TENANTS_NAMED = 5;

/** The user's line that created a storage. */
export function storageLocation(program: Program, s: Storage): SourceLocation | undefined {
  const line = program.lines[s.line];
  return line && line.line > 0 ? { file: line.file, line: line.line } : undefined;
}

const size = (bytes: number): string =>
  bytes >= 2 ** 20 && bytes % 2 ** 20 === 0
    ? `${bytes / 2 ** 20} MiB`
    : bytes >= 1024 && bytes % 1024 === 0
      ? `${bytes / 1024} KiB`
      : `${bytes} bytes`;

const named = (program: Program, t: Tenant): string => {
  const s = program.storages[t.id]!;
  const at = storageLocation(program, s);
  return `${s.name} ${s.dtype}[${s.shape}]${at ? ` (line ${at.line})` : ""}`;
};

/** The `capacity` error of tenants that no packing fits into `capacity` bytes (of one partition on chip). */
export function overflow(
  program: Program,
  space: Storage["space"],
  tenants: readonly Tenant[],
  capacity: number,
): OpenTrnError {
  const unit = space === "hbm" ? "" : " a partition";
  const [culprit, live] = crossing(tenants, capacity);
  const used = live.reduce((n, t) => n + t.size, 0);
  const biggest = live
    .slice()
    .sort((a, b) => b.size - a.size || a.id - b.id)
    .slice(0, TENANTS_NAMED)
    .map((t) => `${named(program, t)} ${size(t.size)}`)
    .join("; ");
  const what = space.toUpperCase();
  const why =
    used > capacity
      ? `${size(used)}${unit} would be in use, ${size(capacity)} are there`
      : `${size(used)} of ${size(capacity)}${unit} are in use, but no order of the tenants leaves a gap of ${size(culprit.size)}`;
  return new OpenTrnError(
    `${what} overflow on ${program.chip.name} at ${named(program, culprit)}: ${why}. Largest tenants: ${biggest}. Use smaller tiles, or end the use of a tensor before the next one starts`,
    {
      category: "capacity",
      rule: `${what} capacity`,
      at: storageLocation(program, program.storages[culprit.id]!),
    },
  );
}

/** The first tenant that pushes the sum over the capacity, or the fullest moment's largest, with all that live beside it. */
function crossing(
  tenants: readonly Tenant[],
  capacity: number,
): readonly [culprit: Tenant, live: readonly Tenant[]] {
  const order = tenants.slice().sort((a, b) => a.first - b.first || a.id - b.id);
  let live: Tenant[] = [];
  let fullest: readonly Tenant[] = [];
  let most = -1;
  for (const t of order) {
    live = live.filter((l) => l.last >= t.first);
    live.push(t);
    const used = live.reduce((n, l) => n + l.size, 0);
    if (used > most) {
      most = used;
      fullest = live.slice();
    }
    if (used > capacity) return [t, live];
  }
  const largest = fullest.reduce((a, b) => (b.size >= a.size ? b : a));
  return [largest, fullest];
}

/** Stops when a pinned storage leaves its memory or two pinned storages overlap while both are needed. */
export function checkPinned(
  program: Program,
  space: Storage["space"],
  tenants: readonly Tenant[],
  capacity: number,
): void {
  const partitions = program.chip.partitions.value;
  const what = space.toUpperCase();
  const pinned = tenants
    .filter((t) => t.pinned)
    .sort((a, b) => a.pinned!.offset - b.pinned!.offset);
  const fail = (t: Tenant, why: string): never => {
    throw new OpenTrnError(`${named(program, t)} is pinned in ${what} at ${where(t)}: ${why}`, {
      category: "capacity",
      rule: `${what} address`,
      at: storageLocation(program, program.storages[t.id]!),
    });
  };
  let open: Tenant[] = [];
  for (const t of pinned) {
    const { partition, offset } = t.pinned!;
    if (offset < 0 || offset + t.size > capacity)
      fail(t, `it ends at byte ${offset + t.size}, the memory at ${capacity}; lower the address`);
    if (space !== "hbm" && (partition < 0 || partition + t.partitions > partitions))
      fail(t, `it ends at partition ${partition + t.partitions}, there are ${partitions}`);
    open = open.filter((o) => o.pinned!.offset + o.size > offset);
    const other = open.find((o) => meetInTime(o, t) && meetInPartitions(o, t));
    if (other)
      fail(
        t,
        `${named(program, other)} at ${where(other)} holds part of it while both are in use; move one`,
      );
    open.push(t);
  }
}

const where = (t: Tenant): string => `(partition ${t.pinned!.partition}, byte ${t.pinned!.offset})`;
