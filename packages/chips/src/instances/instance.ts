/** Machines one can rent: how many chips of which kind, and how they are connected. Data only; the fabric is timed elsewhere. */
import type { Fact } from "../fact.ts";

/** How chips are wired. Sizes are chips along each dimension, the fastest-running index last. */
export type Topology =
  | { readonly kind: "single" }
  | { readonly kind: "ring"; readonly chips: number }
  | { readonly kind: "torus"; readonly sizes: readonly number[] }
  /** All chips reach each other through switches. */
  | { readonly kind: "switched"; readonly chips: number };

export interface Instance {
  readonly name: string;
  /** Name of the chip. */
  readonly chip: string;
  readonly chips: Fact;
  readonly topology: Fact<Topology>;
  readonly vcpus?: Fact;
  readonly hostGiB?: Fact;
  /** Network of the whole machine, gigabits a second. */
  readonly efaGbps?: Fact;
  /** NeuronLink of one chip, both directions together, gigabytes a second. */
  readonly linkGBps?: Fact;
}

/** Wires of one chip to others in its machine. */
export const linksOfChip = (topology: Topology): number => neighbours(topology, 0).length;

/** Chips that `chip` is wired to, in ascending order; row-major indices. */
export function neighbours(topology: Topology, chip: number): number[] {
  if (topology.kind === "single") return [];
  if (topology.kind === "switched")
    return Array.from({ length: topology.chips }, (_, c) => c).filter((c) => c !== chip);
  const sizes = topology.kind === "ring" ? [topology.chips] : topology.sizes;
  const found = new Set<number>();
  let stride = 1;
  for (let d = sizes.length - 1; d >= 0; d--) {
    const size = sizes[d]!;
    const at = Math.floor(chip / stride) % size;
    for (const to of [(at + 1) % size, (at + size - 1) % size])
      found.add(chip + (to - at) * stride);
    stride *= size;
  }
  found.delete(chip);
  return [...found].sort((a, b) => a - b);
}
