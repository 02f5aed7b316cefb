/**
 * What instructions do to tensors before tensors have addresses: which earlier ones each must follow. Accesses are boxes (partitions
 * times a range of bytes), so that different columns or rows of one tensor do not tie instructions together.
 */
import { type AccessPattern, decodeInstruction, type Program, type Storage } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { type ClassPlan, READS, WRITES } from "../timeline/class-plan.ts";
import { Growing } from "../timeline/graph.ts";

/** Partitions (rows of an HBM tensor) and bytes inside them, half open; `by` is the instruction. */
interface Access {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
  readonly by: number;
}

const overlap = (a: Access, b: Access): boolean =>
  a.from < b.to && b.from < a.to && a.low < b.high && b.low < a.high;
const covers = (a: Access, b: Access): boolean =>
  a.from <= b.from && a.to >= b.to && a.low <= b.low && a.high >= b.high;

/** Latest accesses of one tensor. */
interface History {
  writes: Access[];
  reads: Access[];
}

export interface Accesses {
  /** Predecessors of instruction `i` are `before[start[i]..start[i + 1])`. */
  readonly start: Uint32Array;
  readonly before: Int32Array;
  /** Tensors an instruction touches: `touched[from[i]..from[i + 1])`. */
  readonly from: Uint32Array;
  readonly touched: Int32Array;
}

/** Predecessors of every instruction, by data, by `depends_on` and by the ranges that keep program order. */
export function accessesOf(program: Program, plans: readonly ClassPlan[]): Accesses {
  return new Collector(program, plans).run();
}

class Collector {
  private readonly program: Program;
  private readonly plans: readonly ClassPlan[];
  private readonly histories: History[];
  private readonly before = new Growing();
  private readonly touched = new Growing();
  /** Last instruction that took each one as a predecessor, so that none is taken twice. */
  private readonly taken: Int32Array;
  /** Tensors that nothing writes have no order to keep. */
  private readonly written: Uint8Array;

  constructor(program: Program, plans: readonly ClassPlan[]) {
    this.program = program;
    this.plans = plans;
    this.histories = program.storages.map(() => ({ writes: [], reads: [] }));
    this.taken = new Int32Array(program.starts.length).fill(-1);
    this.written = Uint8Array.from(program.storages, (s) =>
      s.space !== "hbm" || s.kind === "internal" || s.kind === "output" ? 1 : 0,
    );
    for (const o of program.outputs) this.written[o] = 1;
  }

  run(): Accesses {
    const { program } = this;
    const count = program.starts.length;
    const start = new Uint32Array(count + 1);
    const from = new Uint32Array(count + 1);
    const extra = this.explicit();
    for (let i = 0; i < count; i++) {
      start[i] = this.before.length;
      from[i] = this.touched.length;
      for (const p of extra.get(i) ?? []) this.follow(i, p);
      this.visit(i);
    }
    start[count] = this.before.length;
    from[count] = this.touched.length;
    return { start, before: this.before.taken(), from, touched: this.touched.taken() };
  }

  private explicit(): ReadonlyMap<number, readonly number[]> {
    const extra = new Map<number, number[]>();
    const add = (i: number, p: number): void => {
      const list = extra.get(i);
      if (list) list.push(p);
      else extra.set(i, [p]);
    };
    for (const [consumer, producer] of this.program.depends) add(consumer, producer);
    for (const [a, b] of this.program.ordered) for (let i = a + 1; i < b; i++) add(i, i - 1);
    return extra;
  }

  private follow(i: number, p: number): void {
    if (p === i || this.taken[p] === i) return;
    this.taken[p] = i;
    this.before.push(p);
  }

  /** Takes every tensor operand, reads before writes. */
  private visit(i: number): void {
    const { op, operands } = decodeInstruction(this.program, i);
    const plan = this.plans[this.program.classOf[i]!]!;
    const names = Object.keys(op.operands);
    for (const wanted of [READS, WRITES])
      for (let n = 0; n < names.length; n++) {
        const o = operands[names[n]!];
        if (o?.kind !== "tile" || (plan.operands[n]!.role & wanted) === 0) continue;
        this.access(i, o.pattern, wanted);
        if (wanted === READS && o.pattern.dynamic && "index" in o.pattern.dynamic)
          this.access(i, o.pattern.dynamic.index, READS);
      }
  }

  private access(i: number, p: AccessPattern, role: number): void {
    this.touched.push(p.storage);
    if (this.written[p.storage] === 0) return;
    const h = this.histories[p.storage]!;
    const mine = boxOf(this.program.storages[p.storage]!, p, i);
    for (const w of h.writes) if (overlap(w, mine)) this.follow(i, w.by);
    if (role === READS) {
      h.reads.push(mine);
      return;
    }
    for (const r of h.reads) if (overlap(r, mine)) this.follow(i, r.by);
    if (h.reads.length > 0) h.reads = h.reads.filter((r) => !covers(mine, r));
    if (h.writes.some((w) => covers(mine, w))) h.writes = h.writes.filter((w) => !covers(mine, w));
    h.writes.push(mine);
  }
}

/** The partitions and bytes that a pattern reaches; rows of the last dimension play the part of partitions in HBM. */
function boxOf(s: Storage, p: AccessPattern, by: number): Access {
  const size = bytesOf(p.dtype);
  if (p.dynamic !== undefined) return { from: 0, to: 2 ** 31, low: 0, high: 2 ** 53, by };
  if (s.space !== "hbm") {
    let reach = 1;
    for (let d = 1; d < p.dims.length; d++)
      reach += Math.max(0, p.dims[d]![0]) * (p.dims[d]![1] - 1);
    const to = p.partition + (p.dims[0]?.[1] ?? 1);
    return { from: p.partition, to, low: p.offset * size, high: (p.offset + reach) * size, by };
  }
  const pitch = Math.max(1, ((s.shape.at(-1) ?? 1) * bytesOf(s.dtype)) / size);
  let [rows, inner] = [1, 1];
  for (const [stride, count] of p.dims)
    if (stride >= pitch) rows += Math.ceil(stride / pitch) * (count - 1);
    else inner += Math.max(0, stride) * (count - 1);
  const first = Math.floor(p.offset / pitch);
  const low = p.offset - first * pitch;
  // A run that goes past its row reaches into the next ones.
  const over = Math.ceil((low + inner) / pitch) - 1;
  return over > 0
    ? { from: first, to: first + rows + over, low: 0, high: pitch * size, by }
    : { from: first, to: first + rows, low: low * size, high: (low + inner) * size, by };
}
