/**
 * Data races between the cores of a launch: two cores touch the same bytes of shared HBM, at least one writes, and no
 * `core_barrier` or `sendrecv` lies between. Found on the Program itself, whatever order the cores happened to run in.
 */
import { OpenTrnError } from "@opentrn/base";
import { locationOf, type Program } from "@opentrn/isa";
import { type Access, segmentsOf, visit } from "./accesses.ts";
import { checkFills } from "./fills.ts";

/**
 * Throws `invalid program` for the first race, and `uninitialised read` for the first byte of shared memory that is read though no core
 * wrote it before, naming the lines; does nothing for launches of one core.
 */
export function checkRaces(program: Program): void {
  if (program.cores === 1) return;
  const segments = segmentsOf(program);
  for (const segment of segments) if (segment) checkSegment(program, segment);
  checkFills(program, segments);
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
