/** The time of a collective instruction of a Program, from its operands, its group and where the ranks are. */
import { type Chip, type Instance, instanceNamed } from "@opentrn/chips";
import type { InstructionClass, Program } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { type CollectiveOp, type CollectiveTime, collectiveTime } from "./collective-time.ts";
import { type Fabric, fabricOf } from "./places.ts";

/** Where a launch's ranks are. */
export interface RankOptions {
  /** The rank that is timed; default 0. */
  readonly rank?: number | undefined;
  /** Name of the machine the ranks fill; default the largest one with the chip. */
  readonly machine?: string | undefined;
}

const kinds: Readonly<Record<string, CollectiveOp>> = {
  all_reduce: "all_reduce",
  all_gather: "all_gather",
  all_gather_v: "all_gather",
  reduce_scatter: "reduce_scatter",
  all_to_all: "all_to_all",
  all_to_all_v: "all_to_all",
  collective_permute: "permute",
  collective_permute_implicit: "permute",
  collective_permute_implicit_reduce: "permute",
};

/** Ranks that take part with `rank`; the first group where none has it. */
export function groupOfRank(
  attrs: Readonly<Record<string, unknown>>,
  rank: number,
): readonly number[] {
  const pairs = attrs["source_target_pairs"] as readonly number[] | undefined;
  if (pairs) return [...new Set(pairs)].sort((a, b) => a - b);
  const [size = 1, ...all] = attrs["replica_group"] as readonly number[];
  const at = Math.max(0, all.indexOf(rank));
  const from = at - (at % size);
  return all.slice(from, from + size);
}

/** Bytes of everything a rank sends. */
function operandBytes({ call }: InstructionClass): number {
  let bytes = 0;
  for (const [name, t] of Object.entries(call.tile))
    if (t && name.startsWith("src")) bytes += t.partitions * t.free * bytesOf(t.dtype);
  return bytes;
}

/** Times of a Program's collectives. */
export class CollectivePlans {
  private readonly fabric: Fabric;
  private readonly rank: number;

  constructor(program: Program, { rank = 0, machine }: RankOptions) {
    const { chip, cores } = program;
    this.rank = rank;
    this.fabric = {
      ...fabricOf(chip, cores, machine === undefined ? undefined : machineWith(chip, machine)),
      callers: callersOf(program),
    };
  }

  /** From the moment all ranks of the group are ready. */
  time(c: InstructionClass): CollectiveTime & { readonly op: CollectiveOp } {
    const group = groupOfRank(c.call.attr, this.rank);
    const op = kinds[c.op.name]!;
    return { op, ...collectiveTime(this.fabric, op, operandBytes(c), group) };
  }
}

const machineWith = (chip: Chip, name: string): Instance => {
  const machine = instanceNamed(name);
  return machine.chip === chip.name ? machine : { ...machine, chip: chip.name };
};

/** Cores of a rank that run collectives, each its own: they share what the rank can send. */
function callersOf({ classes, classOf, coreOf }: Program): number {
  const fabric = classes.map((c) => c.op.cost.kind === "fabric");
  if (!fabric.includes(true)) return 1;
  const callers = new Set<number>();
  for (let i = 0; i < classOf.length; i++) if (fabric[classOf[i]!]) callers.add(coreOf[i]!);
  return Math.max(1, callers.size);
}
