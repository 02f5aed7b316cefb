/** Every pair of accesses to the same physical bytes must keep its order in time, whatever the lists of accesses left out. */
import { Random } from "@opentrn/base";
import { decodeInstruction, type OperandSpec, type Program } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { type Placement, place } from "../placement/index.ts";
import { NO_QUEUE } from "./graph.ts";
import { Sketch } from "./sketch.ts";
import { type Timeline, timeline } from "./timeline.ts";
import { unitId, units } from "./units.ts";

const KIB = 1024;

/** Tiles of random sizes, some pinned over each other, used in random order by four engines and the DMA queues. */
function randomKernel(seed: number): Program {
  const random = new Random(seed);
  const pick = (n: number): number => Math.floor(random.uniform() * n);
  const s = new Sketch();
  const x = s.tile("hbm", [128, 64 * KIB], "uint8", "input");
  const y = s.tile("hbm", [128, 64 * KIB], "uint8", "output");
  const live: number[] = [];
  const fresh = (): void => {
    // Few tiles fit beside each other, so that memory changes hands while its last users are still at work. Pinned ones lie in
    // different partitions of the same bytes.
    const quarter = 32 * pick(4);
    const id =
      pick(3) === 0
        ? s.pinned([32, 40 * KIB], 8 * KIB * pick(4), "uint8", quarter)
        : s.tile("sbuf", [128, KIB * (30 + pick(20))], "uint8");
    const engine = pick(2) === 0 ? "vector" : "gpsimd";
    if (pick(2) === 0) {
      const rows = [0, s.builder.storages[id]!.shape[0]!] as const;
      s.copy(s.part(id), s.part(x, rows, [0, s.builder.storages[id]!.shape[1]!]));
    } else s.emit("memset", { dst: s.part(id), value: { kind: "float", value: 0 } }, { engine });
    live.push(id);
    if (live.length > 2) live.shift();
  };
  fresh();
  fresh();
  const columns = (id: number, width: number): readonly [number, number] => {
    const from = pick(s.builder.storages[id]!.shape[1]! - width + 1);
    return [from, from + width];
  };
  for (let i = 0; i < 80; i++) {
    const [a, b] = [live[pick(live.length)]!, live[pick(live.length)]!];
    const width = 1 + pick(8 * KIB);
    const both = Math.min(...[a, b].map((t) => s.builder.storages[t]!.shape[0]!));
    const rows = pick(3) === 0 ? ([0, 32] as const) : ([0, both] as const);
    const [from, to] = [s.part(a, rows, columns(a, width)), s.part(b, rows, columns(b, width))];
    const kind = pick(8);
    if (kind < 3) fresh();
    else if (kind === 3) s.copy(to, s.part(x, rows, columns(x, width)));
    else if (kind === 4) s.copy(s.part(y, rows, columns(y, width)), from);
    else {
      const engine = ["vector", "scalar", "gpsimd"][kind - 5];
      s.emit("tensor_copy", { dst: to, src: from }, { engine });
    }
  }
  return s.finish();
}

interface Box {
  readonly writes: boolean;
  readonly space: string;
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/** Physical boxes of an instruction; HBM rows count as partitions of the 2-D tensors used here. */
function boxes(program: Program, placement: Placement, index: number): Box[] {
  const d = decodeInstruction(program, index);
  return Object.entries(d.op.operands as Record<string, OperandSpec>).flatMap(([name, spec]) => {
    const o = d.operands[name];
    if (o?.kind !== "tile") return [];
    const { pattern: p } = o;
    const s = program.storages[p.storage]!;
    const size = bytesOf(p.dtype);
    const row = s.space === "hbm" ? Math.floor(p.offset / s.shape[1]!) : p.partition;
    const column = (s.space === "hbm" ? p.offset % s.shape[1]! : p.offset) * size;
    const base = s.space === "hbm" ? 0 : placement.address[s.id]!;
    const first = s.space === "hbm" ? row : placement.partition[s.id]! + row;
    return [
      {
        writes: spec.role !== "in",
        space: s.space === "hbm" ? `hbm${s.id}` : s.space,
        rows: [first, first + p.dims[0]![1]] as const,
        columns: [base + column, base + column + p.dims[1]![1] * size] as const,
      },
    ];
  });
}

const meet = (a: readonly [number, number], b: readonly [number, number]): boolean =>
  a[0] < b[1] && b[0] < a[1];

/** The first pair whose order in time is wrong, in words. */
function wrongOrder(t: Timeline): string | undefined {
  const { graph, schedule, program } = t;
  const all = Array.from(graph.index, (i) => boxes(program, t.placement, i));
  for (let i = 0; i < graph.count; i++)
    for (let j = 0; j < i; j++) {
      const pair = all[i]!.flatMap((a) => all[j]!.map((b) => [a, b] as const)).filter(
        ([a, b]) =>
          (a.writes || b.writes) &&
          a.space === b.space &&
          meet(a.rows, b.rows) &&
          meet(a.columns, b.columns),
      );
      if (pair.length === 0) continue;
      const dma = graph.queue[i] !== NO_QUEUE || graph.queue[j] !== NO_QUEUE;
      const unit = graph.unit[i]! % units.length;
      const readsResult = pair.some(([a, b]) => !a.writes && b.writes);
      const inOrder = !dma && graph.unit[i] === graph.unit[j];
      const allowed =
        inOrder && (!readsResult || unit === unitId.tensor)
          ? schedule.start[i]! >= schedule.start[j]!
          : schedule.start[i]! >= schedule.end[j]!;
      if (!allowed)
        return `${i} starts at ${schedule.start[i]} before ${j} ends at ${schedule.end[j]}`;
    }
  return undefined;
}

test("conflicting accesses keep their order, over reuse of memory and pinned tensors", () => {
  let placed = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const program = randomKernel(seed);
    let placement: Placement;
    try {
      placement = place(program);
    } catch {
      continue;
    }
    placed++;
    expect([seed, wrongOrder(timeline(program, placement))]).toEqual([seed, undefined]);
  }
  expect(placed).toBeGreaterThan(12);
});
