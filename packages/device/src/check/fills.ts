/**
 * Shared HBM of a launch with several cores is written and read by both, so the builder, which sees one core after the other, cannot say
 * whether a read finds data. Between meetings each core sees what all cores wrote before the last meeting and what it wrote since.
 */
import { OpenTrnError } from "@opentrn/base";
import { type AccessPattern, locationOf, type Program, type Storage } from "@opentrn/isa";
import { type Access, visit } from "./accesses.ts";

/** Per byte: 1 once written before the last meeting, bit c + 1 once core c wrote it since. */
class Fills {
  private readonly marks: Uint8Array;
  /** Written through run-time addresses: which bytes is not followed. */
  private unknown = false;

  constructor(storage: Storage) {
    this.marks = new Uint8Array(storage.rowBytes);
    this.unknown = storage.kind === "input" || storage.kind === "constant";
  }

  write(p: AccessPattern, core: number): void {
    if (p.dynamic) this.unknown = true;
    visit(p, (from, to) => {
      for (let b = from; b < to; b++) this.marks[b]! |= 2 << core;
    });
  }

  /** The first byte that this core cannot have seen written. */
  missing(p: AccessPattern, core: number): number | undefined {
    if (this.unknown) return undefined;
    let found: number | undefined;
    visit(p, (from, to) => {
      for (let b = from; b < to && found === undefined; b++)
        if ((this.marks[b]! & ((2 << core) | 1)) === 0) found = b;
    });
    return found;
  }

  meet(): void {
    for (let b = 0; b < this.marks.length; b++) if (this.marks[b] !== 0) this.marks[b] = 1;
  }
}

/** Throws `uninitialised read` at the first read of shared memory that no earlier write fills. */
export function checkFills(
  program: Program,
  segments: readonly (readonly Access[] | undefined)[],
): void {
  const fills = new Map<number, Fills>();
  for (const segment of segments) {
    for (const a of segment ?? []) {
      const storage = program.storages[a.pattern.storage]!;
      let f = fills.get(storage.id);
      if (!f) {
        f = new Fills(storage);
        fills.set(storage.id, f);
      }
      const byte = a.reads ? f.missing(a.pattern, a.core) : undefined;
      if (byte !== undefined) throw unwritten(program, a, storage, byte);
      if (a.writes) f.write(a.pattern, a.core);
    }
    for (const f of fills.values()) f.meet();
  }
}

function unwritten(program: Program, a: Access, s: Storage, byte: number): OpenTrnError {
  const op = program.classes[program.classOf[a.index]!]!.op.name;
  return new OpenTrnError(
    `${op}: core ${a.core} reads byte ${byte} of ${s.name} ${s.dtype}[${s.shape}], which no core wrote before; write it first, and put a core_barrier between another core's write and this read`,
    {
      category: "uninitialised read",
      rule: "shared read before write",
      at: locationOf(program, a.index),
    },
  );
}
