/** Finds where a Program on the chip went wrong: the first tensor in HBM that it wrote NaN or infinity to. */
import type { Buffer, Plan } from "@opentrn/compiler";
import { type Observer, type Placement, prepareRanks, rounds } from "@opentrn/device";
import { isFloatType, printType } from "@opentrn/ir";
import {
  type AccessPattern,
  decodeInstruction,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";
import { describe } from "../../compile/describe.ts";
import { holdsBad } from "../first-bad.ts";

export interface Rerun {
  readonly plan: Plan;
  readonly program: Program;
  readonly placement: Placement;
  readonly ranks: number;
  /** Raw bytes of an input of a rank, by storage. */
  readonly input: (rank: number, storage: number) => Uint8Array;
}

/**
 * Runs the Program again on the same inputs, watching every write between its modules. The first bad tensor in words, such as `matmul
 * 512x320x864 bf16 giving tensor<512x320xbf16> next to model.layers.0.mlp.down_proj.weight`; undefined when all are fine.
 */
export function firstBadBuffer({
  plan,
  program,
  placement,
  ranks,
  input,
}: Rerun): string | undefined {
  const writers = writersOfBuffers(plan, program);
  let bad: number | undefined;
  const observer: Observer = {
    instructions: new Set(writers.keys()),
    after: (o) => {
      if (bad !== undefined) return;
      for (const pattern of writers.get(o.index)!)
        if (holdsBad(o.values({ kind: "tile", pattern }).values)) bad = pattern.storage;
    },
  };
  const executables = prepareRanks(program, placement, ranks);
  for (const [rank, e] of executables.entries())
    for (const id of program.inputs) e.write(id, input(rank, id));
  const launches = executables.map((e, rank) => e.startResident(rank, ranks, observer).launch);
  for (const moving of rounds(launches)) {
    for (const { run } of moving) run.advance();
    if (bad !== undefined) break;
  }
  return bad === undefined ? undefined : inWords(plan, bad);
}

/** Instructions that write float tensors of the plan, with the patterns they write through. */
function writersOfBuffers(plan: Plan, program: Program): Map<number, AccessPattern[]> {
  const writers = new Map<number, AccessPattern[]>();
  for (let index = 0; index < program.starts.length; index++) {
    const { op, operands } = decodeInstruction(program, index);
    const specs = op.operands as Readonly<Record<string, OperandSpec>>;
    for (const name in specs) {
      const o = operands[name];
      if (o?.kind !== "tile" || specs[name]!.role === "in") continue;
      const buffer = plan.buffers[o.pattern.storage];
      if (!buffer || buffer.kind === "input" || !isFloatType(buffer.type)) continue;
      writers.set(index, [...(writers.get(index) ?? []), o.pattern]);
    }
  }
  return writers;
}

function inWords(plan: Plan, buffer: number): string {
  const call = plan.calls.findIndex((c) => c.outputs.includes(buffer));
  const type = printType(plan.buffers[buffer]!.type);
  if (call < 0) return `${plan.buffers[buffer]!.name} ${type}`;
  const near = new Near(plan).of(call).join(" and ");
  const what = describe(plan.modules[plan.calls[call]!.module]!);
  return `${what} giving ${type}${near ? ` next to ${near}` : ""}`;
}

const moves = new Set(["convert", "reshape", "transpose", "slice"]);
const isWeight = ({ kind, name }: Buffer): boolean =>
  kind === "input" && /\.(weight|bias)$/.test(name);

/** Weights near a call of a plan. */
class Near {
  private readonly plan: Plan;
  private readonly madeBy: ReadonlyMap<number, number>;

  constructor(plan: Plan) {
    this.plan = plan;
    this.madeBy = new Map(plan.calls.flatMap((c, i) => c.outputs.map((b) => [b, i] as const)));
  }

  /** The weights that the call takes, or those that the fewest calls lie between; a module may take several. */
  of(from: number): readonly string[] {
    const seen = new Set([from]);
    for (const call of seen) {
      const inputs = this.plan.calls[call]!.inputs.map((b) => this.original(b));
      const weights = inputs.map((b) => this.plan.buffers[b]!).filter(isWeight);
      if (weights.length > 0) return weights.map((b) => b.name);
      for (const b of inputs) {
        const before = this.madeBy.get(b);
        if (before !== undefined) seen.add(before);
      }
    }
    return [];
  }

  /** The buffer that this one only holds in another type or layout. */
  private original(buffer: number): number {
    const made = this.madeBy.get(buffer);
    if (made === undefined) return buffer;
    const { module, inputs, outputs } = this.plan.calls[made]!;
    const { group } = this.plan.modules[module]!;
    let v = group.results[outputs.indexOf(buffer)]!;
    while (moves.has(v.op.name)) v = v.op.operands[0]!;
    const from = group.params.indexOf(v);
    return from < 0 ? buffer : this.original(inputs[from]!);
  }
}
