/**
 * Which instructions each profiled instruction waited for. Waits in a dump name a semaphore and a value; the producer is the
 * instruction, or the DMA transfer, that brings the semaphore to that value.
 */
import type { ProfiledInstruction, SemaphoreWait } from "@opentrn/trace";

/** Semaphore steps of one transfer: each of the 16 engines adds one. */
const STEPS = 16;

export interface Producers {
  /** Producers by instruction id; a transfer stands for its last byte. */
  readonly of: ReadonlyMap<string, readonly ProfiledInstruction[]>;
  /** Writes to a semaphore of the other core, among the producers. */
  readonly remote: ReadonlySet<string>;
  /** Instructions that wait for something the dump does not show. */
  readonly unexplained: ReadonlySet<string>;
}

const isTransfer = (i: ProfiledInstruction): boolean => i.opcode.startsWith("DMA_");

/** What raises each semaphore of a core, in program order. */
class Raisers {
  private readonly instructions = new Map<number, ProfiledInstruction[]>();
  private readonly transfers = new Map<number, ProfiledInstruction[]>();

  constructor(core: readonly ProfiledInstruction[]) {
    const push = <K>(map: Map<K, ProfiledInstruction[]>, key: K, i: ProfiledInstruction): void => {
      const list = map.get(key);
      if (list) list.push(i);
      else map.set(key, [i]);
    };
    for (const i of core) {
      for (const u of i.operands.updates)
        if (u.kind === "add" && u.value > 0) push(this.instructions, u.semaphore, i);
      if (isTransfer(i)) push(this.transfers, Number(i.operands.settings["semaphore"]), i);
    }
  }

  /** Who brings `semaphore` to `value`, if the dump shows it. */
  producer({ semaphore, value }: SemaphoreWait): ProfiledInstruction | undefined {
    const transfers = this.transfers.get(semaphore);
    if (transfers) return transfers[Math.ceil(value / STEPS) - 1];
    return this.instructions.get(semaphore)?.[value - 1];
  }
}

/** Value changes of polled semaphores as they happened: such a counter goes round, so only the order of events tells who set it. */
class Polls {
  private readonly changes = new Map<
    number,
    { at: number; value: number; by: ProfiledInstruction }[]
  >();

  constructor(core: readonly ProfiledInstruction[]) {
    const values = new Map<number, number>();
    for (const by of core.toSorted((a, b) => a.start + a.duration - b.start - b.duration))
      for (const u of by.operands.updates) {
        const value = u.kind === "set" ? u.value : (values.get(u.semaphore) ?? 0) + u.value;
        values.set(u.semaphore, value);
        const change = { at: by.start + by.duration, value, by };
        const list = this.changes.get(u.semaphore);
        if (list) list.push(change);
        else this.changes.set(u.semaphore, [change]);
      }
  }

  /** The last change to the value waited for before the instruction ended. */
  producer(i: ProfiledInstruction, w: SemaphoreWait): ProfiledInstruction | undefined {
    const holds = (value: number): boolean =>
      w.relation === "==" ? value === w.value : value >= w.value;
    const before = (this.changes.get(w.semaphore) ?? []).filter(
      (c) => c.by !== i && c.at <= i.start + i.duration && holds(c.value),
    );
    return before.at(-1)?.by;
  }
}

/** Resolves every wait of a dump. */
export function producersOf(instructions: readonly ProfiledInstruction[]): Producers {
  const of = new Map<string, ProfiledInstruction[]>();
  const remote = new Set<string>();
  const unexplained = new Set<string>();
  const cores = [...new Set(instructions.map((i) => i.core))];
  for (const core of cores) {
    const mine = instructions.filter((i) => i.core === core);
    const raisers = new Raisers(mine);
    const polls = new Polls(mine);
    for (const i of mine) {
      const found: ProfiledInstruction[] = [];
      for (const w of i.operands.waits) {
        const producer = w.polled ? polls.producer(i, w) : raisers.producer(w);
        const elsewhere = producer ?? neighbour(instructions, i);
        if (elsewhere) found.push(elsewhere);
        else unexplained.add(i.id);
        if (!producer && elsewhere) remote.add(elsewhere.id);
      }
      if (waitsForEvent(i)) unexplained.add(i.id);
      of.set(i.id, found);
    }
  }
  return { of, remote, unexplained };
}

/** Events (`$E[4]==1`) are set from outside the core. */
const waitsForEvent = ({ operands: { settings } }: ProfiledInstruction): boolean =>
  Object.entries(settings).some(([key, value]) => key.startsWith("$E[") && value.startsWith("="));

/** The last single write of another core that ended before `i` did: cores of one launch meet by writing each other's semaphores. */
function neighbour(
  all: readonly ProfiledInstruction[],
  i: ProfiledInstruction,
): ProfiledInstruction | undefined {
  const end = i.start + i.duration;
  return all
    .filter(
      (w) =>
        w.core !== i.core &&
        w.opcode === "WRITE" &&
        w.operands.settings["size"] === "4" &&
        w.start + w.duration <= end,
    )
    .toSorted((a, b) => a.start - b.start)
    .at(-1);
}
