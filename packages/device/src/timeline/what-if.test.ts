import { OpenTrnError } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { type AddWait, sourceOf } from "./dependencies.ts";
import { edge } from "./graph.ts";
import { Sketch, tiledMatmul } from "./sketch.ts";
import { type Timeline, timeline } from "./timeline.ts";
import { queueOf } from "./units.ts";
import { type Recast, retime } from "./what-if.ts";

const timed = (s: Sketch): Timeline => {
  const program = s.finish();
  return timeline(program, place(program));
};

/** Load, double on VectorE, store, `n` times through one pinned buffer a step. */
function chain(n: number, engine = "vector", buffers = 1): Sketch {
  const s = new Sketch();
  const x = s.tile("hbm", [128 * n, 2048], "float32", "input");
  const y = s.tile("hbm", [128 * n, 2048], "float32", "output");
  for (let i = 0; i < n; i++) {
    const rows = [128 * i, 128 * i + 128] as const;
    const slot = (i % buffers) * 16384;
    const [a, b] = [
      s.pinned([128, 2048], slot, "float32"),
      s.pinned([128, 2048], 65536 + slot, "float32"),
    ];
    s.copy(s.part(a), s.part(x, rows));
    s.emit(
      "tensor_tensor",
      { dst: s.part(b), data1: s.part(a), data2: s.part(a) },
      { op: "add", engine },
    );
    s.copy(s.part(y, rows), s.part(b));
  }
  return s;
}

describe("retime", () => {
  const base = timed(chain(8));

  it("gives the same times where nothing changes", () => {
    const same = retime(base, {});
    expect(same.totalNs).toBe(base.totalNs);
    const kept = retime(base, { waits: () => ({ conflict: () => true }) });
    expect([...kept.schedule.start]).toEqual([...base.schedule.start]);
  });

  it("moves instructions to another engine as a rebuilt kernel would", () => {
    const recast: Recast = { engine: "gpsimd" };
    const recasts = new Map<number, Recast>();
    for (let i = 1; i < base.program.starts.length; i += 3) recasts.set(i, recast);
    expect(retime(base, { recasts }).totalNs).toBe(timed(chain(8, "gpsimd")).totalNs);
  });

  it("moves transfers to another queue", () => {
    const recast: Recast = { queue: queueOf("scalar", "hardware") };
    const moved = retime(base, { recasts: new Map([[0, recast]]) });
    expect(moved.graph.queue[0]).toBe(queueOf("scalar", "hardware"));
    expect(moved.graph.queue[3]).toBe(base.graph.queue[3]);
  });

  it("drops waits for buffers, and only these", () => {
    const renamed = retime(base, {
      waits: () => ({ conflict: (_, __, kind) => kind === edge.data }),
    });
    expect(new Set(renamed.graph.kind)).toEqual(new Set([edge.data]));
    expect(renamed.totalNs).toBe(timed(chain(8, "vector", 8)).totalNs);
    expect(renamed.totalNs).toBeLessThan(base.totalNs);
  });

  it("leaves instructions out and lets others wait for their stand-ins", () => {
    // Every matmul loads both its tiles; the loads of the left tile of the second column of tiles repeat those of the first.
    const t = timedProgram(false);
    const absent: Recast = { absent: true };
    const { recasts, standIn } = repeatedLoads(t, absent);
    const without = retime(t, {
      recasts,
      waits: () => ({
        conflict(consumer, producer, kind, _, add) {
          if (standIn.has(consumer)) return false;
          const other = standIn.get(producer);
          if (other === undefined) return true;
          if (kind === edge.data) add(other, kind);
          return false;
        },
      }),
    });
    const hoisted = timedProgram(true);
    expect(recasts.size).toBe(t.dma.transfers - hoisted.dma.transfers);
    expect(without.schedule.dma.transfers).toBe(hoisted.dma.transfers);
    expect(without.totalNs / hoisted.totalNs).toBeCloseTo(1, 2);
  });

  it("says so when a change makes instructions wait in a circle", () => {
    const last = base.graph.count - 1;
    const circular = () => ({
      conflict: () => true,
      close(instance: number, add: AddWait) {
        if (instance === 0) add(last, edge.data, sourceOf(base.graph, last));
      },
    });
    expect(() => retime(base, { waits: circular })).toThrow(OpenTrnError);
  });
});

function timedProgram(hoisted: boolean): Timeline {
  const program = tiledMatmul(128, 512, 2048, "trn2", "bfloat16", hoisted);
  return timeline(program, place(program));
}

/** Loads of bytes that an earlier load already brought, and which one that was. */
function repeatedLoads(t: Timeline, recast: Recast) {
  const seen = new Map<string, number>();
  const recasts = new Map<number, Recast>();
  const standIn = new Map<number, number>();
  const { words, starts, classOf, classes } = t.program;
  for (let i = 0; i < starts.length; i++) {
    if (classes[classOf[i]!]!.op.name !== "dma_copy") continue;
    const operands = [...words.slice(starts[i]! + 2, starts[i + 1] ?? words.length)];
    // The destination's storage differs, everything behind it is the source.
    const key = `${classOf[i]} ${operands.slice(8)}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, i);
    else {
      recasts.set(i, recast);
      standIn.set(i, first);
    }
  }
  return { recasts, standIn };
}
