/** Gives the tenants of one memory addresses: first with rotation, then ever tighter. */
import { FreeSpace } from "./free-space.ts";

/** One storage as the packer sees it. Sizes are bytes of one partition on chip, bytes in HBM. */
export interface Tenant {
  readonly id: number;
  readonly size: number;
  readonly first: number;
  readonly last: number;
  readonly partitions: number;
  readonly pinned?: { readonly partition: number; readonly offset: number } | undefined;
}

/** Ways to pack, from the one that keeps reuse far apart to the densest. */
export const packings = ["rotate", "lowest", "largest first"] as const;
export type Packing = (typeof packings)[number];

export interface Packed {
  readonly packing: Packing;
  /** Address by position in `tenants`. */
  readonly address: Float64Array;
}

/**
 * Packs `tenants` into `[0, capacity)`, or returns undefined when no way fits. Pinned tenants keep their address. With `tight`, freed space
 * is reused at once.
 */
export function pack(
  tenants: readonly Tenant[],
  capacity: number,
  step: number,
  tight = false,
): Packed | undefined {
  for (const packing of tight ? (["lowest"] as const) : (["rotate", "lowest"] as const)) {
    const address = sweep(tenants, capacity, step, packing);
    if (address) return { packing, address };
  }
  const address = largestFirst(tenants, capacity, step);
  return address && { packing: "largest first", address };
}

/** In order of first use; pinned columns are kept free of others for the whole Program. */
function sweep(
  tenants: readonly Tenant[],
  capacity: number,
  step: number,
  packing: "rotate" | "lowest",
): Float64Array | undefined {
  const space = new FreeSpace(capacity, step);
  const address = new Float64Array(tenants.length);
  const floating: number[] = [];
  tenants.forEach((t, i) => {
    if (t.pinned) {
      address[i] = t.pinned.offset;
      space.reserve(t.pinned.offset, t.pinned.offset + t.size);
    } else floating.push(i);
  });
  const byFirst = floating.slice().sort((a, b) => tenants[a]!.first - tenants[b]!.first || a - b);
  const byLast = floating.slice().sort((a, b) => tenants[a]!.last - tenants[b]!.last || a - b);
  let freed = 0;
  for (const i of byFirst) {
    const t = tenants[i]!;
    for (; tenants[byLast[freed]!]!.last < t.first; freed++) {
      const gone = byLast[freed]!;
      space.free(address[gone]!, address[gone]! + tenants[gone]!.size);
    }
    const at = packing === "rotate" ? space.rotate(t.size) : space.lowest(t.size);
    if (at < 0) return undefined;
    address[i] = at;
  }
  return address;
}

/** Time is cut into this many slices so that tenants alive together are found without comparing all pairs. */
const SLICES = 256;

/** Large and early tenants first, each at the lowest address that no tenant alive at the same time uses. */
function largestFirst(
  tenants: readonly Tenant[],
  capacity: number,
  step: number,
): Float64Array | undefined {
  const address = new Float64Array(tenants.length);
  const end = tenants.reduce((m, t) => Math.max(m, t.last), 0) + 1;
  const slice = (time: number): number => Math.floor((time * SLICES) / end);
  const alive: number[][] = Array.from({ length: SLICES }, () => []);
  const settle = (i: number): void => {
    for (let s = slice(tenants[i]!.first); s <= slice(tenants[i]!.last); s++) alive[s]!.push(i);
  };
  const seen = new Int32Array(tenants.length).fill(-1);
  const order = tenants.map((_, i) => i);
  order.sort((a, b) => {
    const [x, y] = [tenants[a]!, tenants[b]!];
    return Number(!!y.pinned) - Number(!!x.pinned) || y.size - x.size || x.first - y.first;
  });
  for (const i of order) {
    const t = tenants[i]!;
    if (t.pinned) {
      address[i] = t.pinned.offset;
      settle(i);
      continue;
    }
    const blockers: number[] = [];
    for (let s = slice(t.first); s <= slice(t.last); s++)
      for (const b of alive[s]!) {
        if (seen[b] === i) continue;
        seen[b] = i;
        if (meetInTime(t, tenants[b]!) && meetInPartitions(t, tenants[b]!)) blockers.push(b);
      }
    blockers.sort((a, b) => address[a]! - address[b]!);
    let at = 0;
    for (const b of blockers) {
      if (at + t.size <= address[b]!) break;
      at = Math.max(at, Math.ceil((address[b]! + tenants[b]!.size) / step) * step);
    }
    if (at + t.size > capacity) return undefined;
    address[i] = at;
    settle(i);
  }
  return address;
}

export const meetInTime = (a: Tenant, b: Tenant): boolean => a.first <= b.last && b.first <= a.last;

/** Tenants without an address start at partition 0. */
export const meetInPartitions = (a: Tenant, b: Tenant): boolean => {
  const [p, q] = [a.pinned?.partition ?? 0, b.pinned?.partition ?? 0];
  return p < q + b.partitions && q < p + a.partitions;
};
