/** Who touches shared HBM when: the accesses of all cores of a launch, cut at the meetings of the cores. */
import {
  type AccessPattern,
  type DecodedInstruction,
  decodeInstruction,
  forRuns,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";

export interface Access {
  readonly index: number;
  readonly core: number;
  readonly pattern: AccessPattern;
  /** Whether every element must hold something. */
  readonly reads: boolean;
  readonly writes: boolean;
}

const meetingOps = new Set(["core_barrier", "sendrecv"]);
const begins = new Set(["loop_begin", "while_begin"]);
const ends = new Set(["loop_end", "while_end"]);
/** Shared tensors of more bytes are not followed (docs/memory.md). */
const MAX_TRACKED_BYTES = 2 ** 28;

/** Accesses to shared memory between one meeting of the cores and the next. */
export function segmentsOf(program: Program): readonly (readonly Access[] | undefined)[] {
  const segments: Access[][] = [];
  const at = new Array<number>(program.cores).fill(0);
  const loops: { readonly segment: number; readonly from: number }[][] = at.map(() => []);
  for (let index = 0; index < program.starts.length; index++) {
    const core = program.coreOf[index]!;
    const i = decodeInstruction(program, index);
    segments[at[core]!] ??= [];
    const here = segments[at[core]!]!;
    if (meetingOps.has(i.op.name)) at[core]!++;
    else if (begins.has(i.op.name)) loops[core]!.push({ segment: at[core]!, from: here.length });
    else if (ends.has(i.op.name)) {
      // The next iteration's head follows this one's tail with no meeting between.
      const { segment, from } = loops[core]!.pop() ?? { segment: at[core]!, from: 0 };
      if (segment < at[core]!)
        here.push(...segments[segment]!.slice(from).filter((a) => a.core === core));
    } else collect(program, i, core, here);
  }
  return segments;
}

function collect(program: Program, i: DecodedInstruction, core: number, into: Access[]): void {
  for (const [name, spec] of Object.entries(i.op.operands as Record<string, OperandSpec>)) {
    const o = i.operands[name];
    if (o?.kind !== "tile") continue;
    const s = program.storages[o.pattern.storage]!;
    if (
      s.space !== "hbm" ||
      s.core !== -1 ||
      s.kind === "constant" ||
      s.rowBytes > MAX_TRACKED_BYTES
    )
      continue;
    const reads =
      spec.role !== "out" && !spec.keeps && (i.op.readsOperand?.(name, i.attrs) ?? true);
    into.push({ index: i.index, core, pattern: o.pattern, reads, writes: spec.role !== "in" });
  }
}

/** Byte runs of a pattern; run-time addressed ones are not followed, since which rows they touch is known only when run. */
export function visit(p: AccessPattern, f: (from: number, to: number) => void): void {
  if (p.dynamic) return;
  forRuns(p, 0, (from, to) => {
    f(from, to);
    return true;
  });
}
