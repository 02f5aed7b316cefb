/**
 * Data races between the cores of a launch: two cores touch the same bytes of shared HBM, at least one writes, and no
 * `core_barrier` or `sendrecv` lies between. Found on the Program itself, whatever order the cores happened to run in.
 */
import { OpenTrnError } from "@opentrn/base";
import {
  type AccessPattern,
  type DecodedInstruction,
  decodeInstruction,
  forRuns,
  locationOf,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";

interface Access {
  readonly index: number;
  readonly core: number;
  readonly pattern: AccessPattern;
  readonly writes: boolean;
}

const meetingOps = new Set(["core_barrier", "sendrecv"]);
/** Shared tensors of more bytes are not followed (docs/memory.md). */
const MAX_TRACKED_BYTES = 2 ** 28;

/** Throws `invalid program` for the first race, naming both lines; does nothing for launches of one core. */
export function checkRaces(program: Program): void {
  if (program.cores === 1) return;
  const segments: Access[][] = [];
  const at = new Array<number>(program.cores).fill(0);
  for (let index = 0; index < program.starts.length; index++) {
    const core = program.coreOf[index]!;
    const i = decodeInstruction(program, index);
    if (meetingOps.has(i.op.name)) at[core]!++;
    else {
      segments[at[core]!] ??= [];
      collect(program, i, core, segments[at[core]!]!);
    }
  }
  for (const segment of segments) if (segment) checkSegment(program, segment);
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
    into.push({ index: i.index, core, pattern: o.pattern, writes: spec.role !== "in" });
  }
}

function checkSegment(program: Program, accesses: readonly Access[]): void {
  const written = new Set(accesses.filter((a) => a.writes).map((a) => a.pattern.storage));
  for (const storage of written) {
    const mine = accesses.filter((a) => a.pattern.storage === storage);
    if (new Set(mine.map((a) => a.core)).size < 2) continue;
    // Per byte: bit 2c says that core c read it, bit 2c + 1 that it wrote it.
    const marks = new Uint8Array(program.storages[storage]!.rowBytes);
    for (const a of mine) {
      const own = (a.writes ? 2 : 1) << (2 * a.core);
      const others = (a.writes ? 0xff : 0xaa) & ~(3 << (2 * a.core));
      visit(a.pattern, (from, to) => {
        for (let b = from; b < to; b++) {
          if ((marks[b]! & others) !== 0) throw race(program, mine, a, b);
          marks[b]! |= own;
        }
      });
    }
  }
}

/** Byte runs of a pattern; run-time addressed ones are not followed, since which rows they touch is known only when run. */
function visit(p: AccessPattern, f: (from: number, to: number) => void): void {
  if (p.dynamic) return;
  forRuns(p, 0, (from, to) => {
    f(from, to);
    return true;
  });
}

function race(
  program: Program,
  accesses: readonly Access[],
  second: Access,
  byte: number,
): OpenTrnError {
  const first = accesses.find((a) => {
    if (a.core === second.core || !(a.writes || second.writes)) return false;
    let hit = false;
    visit(a.pattern, (from, to) => {
      hit ||= from <= byte && byte < to;
    });
    return hit;
  })!;
  const s = program.storages[second.pattern.storage]!;
  const say = (a: Access): string => {
    const at = locationOf(program, a.index);
    return `core ${a.core} ${a.writes ? "writes" : "reads"} it${at ? ` at ${at.file}:${at.line}` : ""}`;
  };
  return new OpenTrnError(
    `data race on byte ${byte} of ${s.name} ${s.dtype}[${s.shape}]: ${say(first)}, ${say(second)}, with no core_barrier between`,
    { category: "invalid program", rule: "data race", at: locationOf(program, second.index) },
  );
}
