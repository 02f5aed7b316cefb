import { chipNamed } from "@opentrn/chips";
import { describe, expect, it } from "vitest";
import { collectiveTime } from "../fabric/collective-time.ts";
import { fabricOf } from "../fabric/places.ts";
import { place } from "../placement/index.ts";
import { Sketch } from "./sketch.ts";
import { timeline } from "./timeline.ts";
import { timelineOfRanks } from "./timeline-of-ranks.ts";

const group = (n: number): number[] => [n, ...Array.from({ length: n }, (_, i) => i)];

/** Work of `columns` on VectorE in a run-time loop, an all-reduce of `bytes` over `ranks`, and work that needs its result. */
function looped(ranks: number) {
  const s = new Sketch();
  const [x, y] = [
    s.tile("hbm", [128, 2048], "float32", "input"),
    s.tile("hbm", [128, 2048], "float32", "output"),
  ];
  const t = s.tile("sbuf", [128, 2048], "float32");
  s.copy(s.part(t), s.part(x));
  s.emit("loop_begin", {
    index: { kind: "register", register: 0 },
    start: { kind: "int", value: 0 },
    stop: { kind: "int", value: 8 },
  });
  const begin = s.builder.length - 1;
  s.emit("tensor_copy", { dst: s.part(t), src: s.part(t) }, { engine: "vector" });
  s.emit("loop_end", {});
  s.copy(s.part(y), s.part(t));
  s.emit(
    "all_reduce",
    { src0: s.part(x), dst0: s.part(y) },
    { replica_group: group(ranks), op: "add" },
  );
  const program = s.finish();
  return { program, begin };
}

/** The trace of a rank that runs the loop `n` times. */
function trace(program: ReturnType<typeof looped>["program"], begin: number, n: number) {
  const all: number[] = [];
  for (let i = 0; i <= begin; i++) all.push(i);
  for (let k = 0; k < n; k++) all.push(begin + 1, begin + 2);
  for (let i = begin + 3; i < program.starts.length; i++) all.push(i);
  return [Uint32Array.from(all)];
}

describe("a Program with collectives", () => {
  it("takes as long as the fabric says, after what it waits for", () => {
    const { program } = looped(4);
    const t = timeline(program, place(program));
    const [i] = t.schedule.collectives as [number];
    const { ns } = collectiveTime(
      fabricOf(chipNamed("trn2"), 1),
      "all_reduce",
      128 * 2048 * 4,
      [0, 1, 2, 3],
    );
    expect((t.schedule.end[i]! - t.schedule.start[i]!) / 1000).toBeCloseTo(ns, 1);
    expect(t.totalNs).toBeGreaterThan(ns);
    expect(t.costs.find((c) => c.op === "all_reduce")).toMatchObject({ basis: "measured" });
  });

  it("runs one core's collectives one after the other, whatever the tensors", () => {
    const s = new Sketch();
    for (let k = 0; k < 2; k++) {
      const [x, y] = [
        s.tile("hbm", [128, 512], "float32", "input"),
        s.tile("hbm", [128, 512], "float32", "output"),
      ];
      s.emit(
        "all_reduce",
        { src0: s.part(x), dst0: s.part(y) },
        { replica_group: group(4), op: "add" },
      );
    }
    const program = s.finish();
    const { schedule } = timeline(program, place(program));
    const [a, b] = schedule.collectives as [number, number];
    expect(schedule.start[b]).toBe(schedule.end[a]);
  });

  it("is faster for a group on one chip than for one of many chips", () => {
    const total = (ranks: number): number => {
      const { program } = looped(ranks);
      return timeline(program, place(program)).totalNs;
    };
    expect(total(64)).toBeGreaterThan(total(4));
  });
});

describe("ranks", () => {
  it("that do the same do not wait for each other", () => {
    const { program, begin } = looped(2);
    const alone = timeline(program, place(program), { executed: trace(program, begin, 3) });
    const executed = [3, 3].map((n) => trace(program, begin, n));
    const together = timelineOfRanks(program, place(program), { executed });
    expect(together.totalNs).toBe(alone.totalNs);
  });

  it("wait at a collective for the one that comes last", () => {
    const { program, begin } = looped(2);
    const placement = place(program);
    const slow = timeline(program, placement, { executed: trace(program, begin, 40) });
    const fast = timeline(program, placement, { executed: trace(program, begin, 1) });
    expect(slow.totalNs - fast.totalNs).toBeGreaterThan(50_000);
    const executed = [1, 40].map((n) => trace(program, begin, n));
    const first = timelineOfRanks(program, placement, { executed });
    expect(first.totalNs).toBeCloseTo(slow.totalNs, 6);
    const other = timelineOfRanks(program, placement, { executed: executed.toReversed() });
    expect(other.totalNs).toBeCloseTo(slow.totalNs, 6);
  });
});
