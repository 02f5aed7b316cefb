/** Where ranks are: which chip of which machine. Ranks fill chips one after the other, chips fill machines, as the runtime numbers them. */
import { type Chip, type Instance, linksOfChip, machineOf } from "@opentrn/chips";

/** What a group of ranks spans, and what it moves data over. */
export interface Span {
  readonly ranks: number;
  /** Ranks of one chip that belong to the group (of the fullest chip). */
  readonly perChip: number;
  /** Chips of one machine that the group uses (of the fullest machine). */
  readonly chips: number;
  readonly machines: number;
}

export interface Fabric {
  readonly chip: Chip;
  /** Absent for a single chip that no known machine has. */
  readonly machine: Instance | undefined;
  /** Physical cores of a rank. */
  readonly coresPerRank: number;
  /** Cores of a rank that run a collective of their own at the same time; default 1. */
  readonly callers?: number;
}

/** Ranks on the usual machine of their chip. */
export const fabricOf = (chip: Chip, coresPerRank: number, machine?: Instance): Fabric => ({
  chip,
  machine: machine ?? machineOf(chip.name),
  coresPerRank,
});

export const ranksPerChip = ({ chip, coresPerRank }: Fabric): number =>
  Math.max(1, Math.floor(chip.cores.value / coresPerRank));

/** What the ranks `group` (by number) span. */
export function spanOf(fabric: Fabric, group: readonly number[]): Span {
  const each = ranksPerChip(fabric);
  const machineChips = fabric.machine?.chips.value ?? 1;
  const chips = new Map<number, number>();
  for (const rank of group) {
    const chip = Math.floor(rank / each);
    chips.set(chip, (chips.get(chip) ?? 0) + 1);
  }
  const machines = new Map<number, number>();
  for (const chip of chips.keys()) {
    const machine = Math.floor(chip / machineChips);
    machines.set(machine, (machines.get(machine) ?? 0) + 1);
  }
  return {
    ranks: group.length,
    perChip: Math.max(1, ...chips.values()),
    chips: Math.max(1, ...machines.values()),
    machines: Math.max(1, machines.size),
  };
}

/** Bytes a nanosecond that one direction of a chip's links to its machine carries together, and one link alone; absent on one chip. */
export function linksOf({
  machine,
}: Fabric): { readonly all: number; readonly one: number } | undefined {
  if (machine?.linkGBps === undefined) return undefined;
  const all = machine.linkGBps.value / 2;
  return { all, one: all / Math.max(1, linksOfChip(machine.topology.value)) };
}

/** Bytes a nanosecond of one chip's part of the network between machines. */
export const networkOf = ({ machine }: Fabric): number | undefined =>
  machine?.efaGbps === undefined ? undefined : machine.efaGbps.value / 8 / machine.chips.value;
