/**
 * What instructions do to tensors before tensors have addresses: which earlier ones each must follow. Accesses are boxes (partitions
 * times a range of bytes), so that different columns or rows of one tensor do not tie instructions together.
 */
import { decodeInstruction, type Program } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { type ClassPlan, READS, WRITES } from "../timeline/class-plan.ts";

interface Box {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

interface Access extends Box {
  readonly by: number;
}

const overlap = (a: Box, b: Box): boolean =>
  a.from < b.to && b.from < a.to && a.low < b.high && b.low < a.high;
const covers = (a: Box, b: Box): boolean =>
  a.from <= b.from && a.to >= b.to && a.low <= b.low && a.high >= b.high;

/** Latest accesses of one tensor. */
interface History {
  writes: Access[];
  reads: Access[];
}

export interface Accesses {
  /** Predecessors of instruction `i` are `before[start[i]..start[i + 1])`. */
  readonly start: Uint32Array;
  readonly before: Uint32Array;
  /** Tensors an instruction touches: `touched[from[i]..from[i + 1])`. */
  readonly from: Uint32Array;
  readonly touched: Uint32Array;
}

/** Predecessors of every instruction, by data, by `depends_on` and by the ranges that keep program order. */
export function accessesOf(program: Program, plans: readonly ClassPlan[]): Accesses {
  const histories = new Map<number, History>();
  const extra = new Map<number, number[]>();
  for (const [consumer, producer] of program.depends)
    extra.set(consumer, [...(extra.get(consumer) ?? []), producer]);
  for (const [a, b] of program.ordered)
    for (let i = a + 1; i < b; i++) extra.set(i, [...(extra.get(i) ?? []), i - 1]);
  const count = program.starts.length;
  const [start, from] = [new Uint32Array(count + 1), new Uint32Array(count + 1)];
  const [before, touched]: [number[], number[]] = [[], []];
  for (let i = 0; i < count; i++) {
    start[i] = before.length;
    from[i] = touched.length;
    const found = new Set<number>(extra.get(i));
    visit(program, plans, i, (storage, role, box) => {
      touched.push(storage);
      let h = histories.get(storage);
      if (!h) {
        h = { writes: [], reads: [] };
        histories.set(storage, h);
      }
      for (const w of h.writes) if (overlap(w, box)) found.add(w.by);
      const mine: Access = { ...box, by: i };
      if ((role & WRITES) === 0) {
        h.reads.push(mine);
        return;
      }
      for (const r of h.reads) if (overlap(r, box)) found.add(r.by);
      h.reads = h.reads.filter((r) => !covers(box, r) || r.by === i);
      h.writes = h.writes.filter((w) => !covers(box, w));
      h.writes.push(mine);
    });
    found.delete(i);
    before.push(...found);
  }
  start[count] = before.length;
  from[count] = touched.length;
  return { start, before: Uint32Array.from(before), from, touched: Uint32Array.from(touched) };
}

/** Every operand of an instruction that is a tensor, reads before writes. */
function visit(
  program: Program,
  plans: readonly ClassPlan[],
  i: number,
  each: (storage: number, role: number, box: Box) => void,
): void {
  const { op, operands } = decodeInstruction(program, i);
  const plan = plans[program.classOf[i]!]!;
  const found = Object.keys(op.operands).flatMap((name, n) => {
    const o = operands[name];
    return o?.kind === "tile" ? [{ pattern: o.pattern, role: plan.operands[n]!.role }] : [];
  });
  for (const wanted of [READS, WRITES])
    for (const { pattern: p, role } of found) {
      if ((role & wanted) === 0) continue;
      const onChip = program.storages[p.storage]!.space !== "hbm";
      const size = bytesOf(p.dtype);
      const inner = onChip ? p.dims.slice(1) : p.dims;
      const reach = inner.reduce((n, [stride, count]) => n + Math.max(0, stride) * (count - 1), 1);
      const whole = p.dynamic !== undefined;
      const box: Box = {
        from: onChip ? p.partition : 0,
        to: onChip ? p.partition + (p.dims[0]?.[1] ?? 1) : 1,
        low: whole ? 0 : p.offset * size,
        high: whole ? Number.POSITIVE_INFINITY : (p.offset + reach) * size,
      };
      each(p.storage, wanted, box);
      if (p.dynamic && "index" in p.dynamic)
        each(p.dynamic.index.storage, READS, {
          from: 0,
          to: 128,
          low: 0,
          high: Number.POSITIVE_INFINITY,
        });
    }
}
