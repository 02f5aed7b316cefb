/** HBM that a plan needs: its inputs and outputs always, what calls hand on while it lives. */
import { OpenTrnError } from "@opentrn/base";
import { sizeOf } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { Buffer, Buffers } from "./plan.ts";

export interface PlanMemory {
  /** Most bytes alive at once. */
  readonly peakBytes: number;
  /** Index of the call during which that is so. */
  readonly peakCall: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Buffers alive at the peak, the largest first. */
  readonly tenants: readonly Buffer[];
}

const bytes = (b: Buffer): number => sizeOf(b.type.shape) * bytesOf(b.type.dtype);

/** Live ranges of the plan's buffers over its calls. */
export function memoryOf(plan: Buffers): PlanMemory {
  const last = plan.calls.length;
  const first = plan.buffers.map((b) => (b.kind === "input" ? 0 : last));
  const end = plan.buffers.map((b) => (b.kind === "internal" ? -1 : last));
  plan.calls.forEach((c, i) => {
    for (const b of c.outputs) first[b] = Math.min(first[b]!, i);
    for (const b of [...c.inputs, ...c.outputs]) end[b] = Math.max(end[b]!, i);
  });
  const change = new Float64Array(last + 2);
  for (const b of plan.buffers) {
    if (end[b.id]! < 0) continue;
    change[first[b.id]!]! += bytes(b);
    change[end[b.id]! + 1]! -= bytes(b);
  }
  let [now, peakBytes, peakCall] = [0, 0, 0];
  for (let i = 0; i < last; i++) {
    now += change[i]!;
    if (now > peakBytes) [peakBytes, peakCall] = [now, i];
  }
  const sum = (kind: Buffer["kind"]): number =>
    plan.buffers.reduce((n, b) => n + (b.kind === kind ? bytes(b) : 0), 0);
  const tenants = plan.buffers
    .filter((b) => first[b.id]! <= peakCall && end[b.id]! >= peakCall)
    .sort((a, b) => bytes(b) - bytes(a));
  return { peakBytes, peakCall, inputBytes: sum("input"), outputBytes: sum("output"), tenants };
}

const gib = (n: number): string => `${(n / 2 ** 30).toFixed(2)} GiB`;

/** Stops with `capacity` when the plan needs more than `limit` bytes, naming the largest tensors. `advice` is the way out. */
export function checkMemory(plan: Buffers, limit: number, advice: string): PlanMemory {
  const memory = memoryOf(plan);
  if (memory.peakBytes <= limit) return memory;
  const largest = memory.tenants
    .slice(0, 5)
    .map((b) => `${b.name} ${b.type.dtype}[${b.type.shape}] ${gib(bytes(b))}`);
  throw new OpenTrnError(
    `${plan.name} needs ${gib(memory.peakBytes)} of HBM at its fullest moment, ${plan.chip.name} has ${gib(limit)} for it; the largest of ${memory.tenants.length} tensors alive then: ${largest.join(", ")}. ${advice}`,
    { category: "capacity", rule: "HBM capacity" },
  );
}
