/** Which costs a timeline rests on, and how well each is known. */
import { toNanoseconds } from "@opentrn/base";
import type { Basis, Program } from "@opentrn/isa";
import type { ClassPlans } from "./class-plan.ts";
import type { Graph } from "./graph.ts";

export interface CostUse {
  readonly op: string;
  readonly basis: Basis | "unknown";
  /** Why a cost is unknown, or the formula that was used. */
  readonly says: string;
  readonly instructions: number;
  /** Sum of the units' occupied time. */
  readonly ns: number;
}

const order: readonly CostUse["basis"][] = [
  "unknown",
  "assumed",
  "derived",
  "documented",
  "measured",
];

/** Costs by instruction, the least certain first. */
export function costsUsed(program: Program, graph: Graph, plans: ClassPlans): CostUse[] {
  const counts = new Float64Array(program.classes.length);
  for (let i = 0; i < graph.count; i++) counts[program.classOf[graph.index[i]!]!]!++;
  const uses = new Map<string, CostUse>();
  for (const c of program.classes) {
    const n = counts[c.id]!;
    if (n === 0) continue;
    const { cost, name } = c.op;
    const basis = cost.kind === "unknown" ? "unknown" : cost.basis;
    const ns = n * toNanoseconds(plans.plans[c.id]!.interval);
    const before = uses.get(name);
    uses.set(name, {
      op: name,
      basis,
      says: cost.kind === "unknown" ? cost.why : cost.formula,
      instructions: n + (before?.instructions ?? 0),
      ns: ns + (before?.ns ?? 0),
    });
  }
  return [...uses.values()].sort(
    (a, b) => order.indexOf(a.basis) - order.indexOf(b.basis) || b.ns - a.ns,
  );
}
