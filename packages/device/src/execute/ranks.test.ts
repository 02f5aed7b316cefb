import type { OpenTrnError } from "@opentrn/base";
import { describe, expect, it, test } from "vitest";
import { place } from "../placement/index.ts";
import { timeline } from "../timeline/index.ts";
import { prepare } from "./executable.ts";
import { floatBytes, floatsOf, Hand, wordBytes } from "./hand.testing.ts";
import { prepareRanks, runRanks } from "./ranks.ts";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const failure = (f: () => unknown): OpenTrnError => {
  try {
    f();
  } catch (e) {
    return e as OpenTrnError;
  }
  throw new Error("no error");
};

/** One collective from an input of `n` elements to an output of `m`, both in HBM. */
function inHbm(op: string, n: number, m: number, attrs: Record<string, unknown>): Hand {
  const h = new Hand();
  const src0 = h.tensor("hbm", "float32", [n], "input");
  const dst0 = h.tensor("hbm", "float32", [m], "output");
  return h.op(op, { src0, dst0 }, attrs);
}
/** Rank r holds 10 r, 10 r + 1, … */
const held = (ranks: number, n: number): Uint8Array[][] =>
  upTo(ranks).map((r) => [floatBytes(...upTo(n).map((i) => 10 * r + i))]);

describe.each([2, 4, 8])("%i ranks", (ranks) => {
  const replica_group = [ranks, ...upTo(ranks)];
  const total = (i: number): number => upTo(ranks).reduce((s, r) => s + 10 * r + i, 0);

  test("all_reduce", () => {
    const run = (op: string) => inHbm("all_reduce", 3, 3, { replica_group, op });
    const all = (values: number[]) => upTo(ranks).map(() => values);
    expect(run("add").ranks(held(ranks, 3))).toEqual(all(upTo(3).map(total)));
    expect(run("minimum").ranks(held(ranks, 3))).toEqual(all([0, 1, 2]));
    const last = 10 * (ranks - 1);
    expect(run("maximum").ranks(held(ranks, 3))).toEqual(all([last, last + 1, last + 2]));
  });

  test("all_gather", () => {
    const whole = upTo(ranks).flatMap((r) => [10 * r, 10 * r + 1]);
    const attrs = { replica_group, collective_dim: 0 };
    expect(inHbm("all_gather", 2, 2 * ranks, attrs).ranks(held(ranks, 2))).toEqual(
      upTo(ranks).map(() => whole),
    );
  });

  test("reduce_scatter", () => {
    const attrs = { replica_group, collective_dim: 0, op: "add" };
    expect(inHbm("reduce_scatter", ranks, 1, attrs).ranks(held(ranks, ranks))).toEqual(
      upTo(ranks).map((r) => [total(r)]),
    );
  });

  test("all_to_all", () => {
    const attrs = { replica_group, collective_dim: 0 };
    expect(inHbm("all_to_all", ranks, ranks, attrs).ranks(held(ranks, ranks))).toEqual(
      upTo(ranks).map((r) => upTo(ranks).map((from) => 10 * from + r)),
    );
  });

  test("collective_permute_implicit", () => {
    expect(
      inHbm("collective_permute_implicit", 1, 1, { replica_group }).ranks(held(ranks, 1)),
    ).toEqual(upTo(ranks).map((r) => [10 * ((r + ranks - 1) % ranks)]));
  });

  test("a ring reduces step by step: after n - 1 steps every rank has the minimum of the others", () => {
    const h = new Hand();
    const src0 = h.tensor("hbm", "float32", [1], "input");
    const dst0 = h.tensor("hbm", "float32", [1], "output");
    h.op("dma_copy", { dst: dst0, src: src0 });
    for (let step = 1; step < ranks; step++)
      h.op(
        "collective_permute_implicit_reduce",
        { src0: dst0, other0: src0, dst0 },
        { replica_group, op: "minimum" },
      );
    expect(h.ranks(held(ranks, 1))).toEqual(upTo(ranks).map((r) => [r === 0 ? 10 : 0]));
  });
});

it("groups meet by themselves, in their own order", () => {
  const attrs = { replica_group: [2, 2, 0, 1, 3], collective_dim: 0 };
  const [a, b] = [
    [20, 0],
    [10, 30],
  ];
  expect(inHbm("all_gather", 1, 2, attrs).ranks(held(4, 1))).toEqual([a, b, a, b]);
});

it("collective_permute moves by pairs; a rank that nobody sends to keeps its destination", () => {
  const h = new Hand();
  const src0 = h.tensor("hbm", "float32", [1], "input");
  const dst0 = h.tensor("hbm", "float32", [1], "output");
  h.op("dma_copy", { dst: dst0, src: src0 });
  h.op("collective_permute", { src0, dst0 }, { source_target_pairs: [0, 2, 2, 1] });
  expect(h.ranks(held(4, 1))).toEqual([[0], [20], [0], [30]]);
});

it("sums in ascending rank order with one fp32 rounding a step, then rounds to the type", () => {
  const values = [[1], [2 ** -24], [2 ** -24], [-1]].map((v) => [floatBytes(...v)]);
  const sum = (order: number[]) =>
    inHbm("all_reduce", 1, 1, { replica_group: [4, ...order], op: "add" }).ranks(values)[0];
  expect(sum([0, 1, 2, 3])).toEqual([0]);
  expect(sum([1, 2, 0, 3])).toEqual([0]);
  const other = [values[1]!, values[2]!, values[0]!, values[3]!];
  expect(
    inHbm("all_reduce", 1, 1, { replica_group: [4, 0, 1, 2, 3], op: "add" }).ranks(other)[0],
  ).toEqual([2 ** -23]);
});

it("gathers SBUF tiles by rows or by columns", () => {
  const gathered = (dim: 0 | 1) => {
    const h = new Hand();
    const x = h.tensor("hbm", "float32", [2, 2], "input");
    const shape = dim === 0 ? [4, 2] : [2, 4];
    const [src0, dst0] = [h.tensor("sbuf", "float32", [2, 2]), h.tensor("sbuf", "float32", shape)];
    const out = h.tensor("hbm", "float32", shape, "output");
    h.op("dma_copy", { dst: src0, src: x });
    h.op("all_gather", { src0, dst0 }, { replica_group: [2, 0, 1], collective_dim: dim });
    return h.op("dma_copy", { dst: out, src: dst0 }).ranks(held(2, 4))[0];
  };
  expect(gathered(0)).toEqual([0, 1, 2, 3, 10, 11, 12, 13]);
  expect(gathered(1)).toEqual([0, 1, 10, 11, 2, 3, 12, 13]);
});

it("rank_id and the ring's rank address data at run time", () => {
  const h = new Hand();
  const x = h.tensor("hbm", "float32", [4], "input");
  const out = h.tensor("hbm", "float32", [2], "output");
  const one = (p: typeof x, register: number) => ({
    ...p,
    dims: [[1, 1]] as const,
    dynamic: { kind: "register", stride: 1, limit: 4, register } as const,
  });
  h.op("rank_id", { dst: { register: 0 } });
  h.op(
    "collective_permute_implicit_current_processing_rank_id",
    { dst: { register: 1 }, iteration_id: 1 },
    { replica_group: [4, 0, 1, 2, 3] },
  );
  const slot = (offset: number) => ({ ...out, offset, dims: [[1, 1]] as const });
  h.op("dma_copy", { dst: slot(0), src: one(x, 0) });
  h.op("dma_copy", { dst: slot(1), src: one(x, 1) });
  const same = upTo(4).map(() => [floatBytes(5, 6, 7, 8)]);
  expect(h.ranks(same)).toEqual([
    [5, 8],
    [6, 5],
    [7, 6],
    [8, 7],
  ]);
});

describe("lengths known at run time", () => {
  function variable(op: string, ranks: number, known = false) {
    const h = new Hand();
    const src0 = h.tensor("hbm", "float32", [4], "input");
    const metadata_tensor = h.tensor("hbm", "uint32", [3, ranks], "input");
    const dst0 = h.tensor("hbm", "float32", [2 * ranks], "output");
    const attrs = { replica_group: [ranks, ...upTo(ranks)], recv_counts_known: known };
    return h.op(op, { src0, metadata_tensor, dst0 }, attrs).program();
  }
  const data = (r: number) => floatBytes(...upTo(4).map((i) => 10 * r + i));

  it("all_to_all_v sends chunks to slots and reports what was received", () => {
    const program = variable("all_to_all_v", 2);
    const meta = [wordBytes(1, 2, 3, 0, 9, 9), wordBytes(0, 1, 0, 2, 9, 9)];
    const outcomes = runRanks(
      prepareRanks(program, place(program), 2),
      meta.map((m, r) => [data(r), m]),
    );
    expect(outcomes.map((o) => floatsOf(o.outputs[0]!))).toEqual([
      [3, 0, 0, 0],
      [0, 1, 12, 0],
    ]);
    expect([...new Uint32Array(outcomes[1]!.inputsAfter[1]!.slice().buffer)]).toEqual([
      0, 1, 0, 2, 2, 1,
    ]);
  });

  it("all_gather_v sends one chunk to all, and leaves counts alone where they are known", () => {
    const program = variable("all_gather_v", 4, true);
    const meta = upTo(4).map((r) => wordBytes(r % 3, 0, 0, 0, r, 0, 0, 0, 7, 7, 7, 7));
    const run = (metas: Uint8Array[]) =>
      runRanks(
        prepareRanks(program, place(program), 4),
        metas.map((m, r) => [data(r), m]),
      );
    const [first] = run(meta);
    expect(floatsOf(first!.outputs[0]!)).toEqual([0, 0, 11, 0, 22, 23, 0, 0]);
    expect(first!.inputsAfter[1]).toEqual(meta[0]);
    const wrong = failure(() =>
      run([wordBytes(3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0), ...meta.slice(1)]),
    );
    expect(wrong.describe()).toContain(
      "rank 0 sends elements 2 to 4 of src, which has 4; correct the metadata tensor (hand.py:1)",
    );
    const long = failure(() =>
      run([wordBytes(3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ...meta.slice(1)]),
    );
    expect(long.message).toContain(
      "receives 3 elements from the group's member 0 and has room for 2",
    );
  });
});

describe("what can never complete", () => {
  const reduce = (op = "add", n = 1, group = [2, 0, 1]) =>
    inHbm("all_reduce", n, n, { replica_group: group, op }).program();
  const launch = (...programs: ReturnType<typeof reduce>[]) =>
    failure(() =>
      runRanks(
        programs.map((p) => prepare(p, place(p))),
        programs.map((p) => [new Uint8Array(p.storages[0]!.rowBytes)]),
      ),
    );

  it("ranks at different collectives are named with their lines", () => {
    const e = launch(reduce("add"), reduce("maximum"));
    expect(e.rule).toBe("collective mismatch");
    expect(e.describe()).toBe(
      "invalid program: collective mismatch: rank 0 waits at all_reduce add of float32[1] over ranks (0,1) (hand.py:1); rank 1 waits at all_reduce maximum of float32[1] over ranks (0,1) (hand.py:1). All ranks that take part must reach the same meeting with the same arguments (hand.py:1)",
    );
    expect(launch(reduce("add", 1), reduce("add", 2)).rule).toBe("collective mismatch");
  });

  it("a rank that finished is waited for in vain", () => {
    const h = new Hand();
    const x = h.tensor("hbm", "float32", [1], "input");
    h.op("dma_copy", { dst: h.tensor("hbm", "float32", [1], "output"), src: x });
    const e = launch(reduce(), h.program());
    expect(e.rule).toBe("deadlock");
    expect(e.message).toContain("rank 0 waits at all_reduce add");
    expect(e.message).toContain("rank 1 has finished");
  });

  it("ranks must exist and be named", () => {
    expect(launch(reduce()).message).toContain("names rank 1; this launch has one rank");
    const outside = reduce("add", 1, [1, 0]);
    expect(launch(outside, outside).message).toContain("rank 1 takes part and is in no group");
    const same = prepare(reduce(), place(reduce()));
    expect(failure(() => runRanks([same, same], [[], []])).rule).toBe("ranks");
    expect(failure(() => prepareRanks(reduce(), place(reduce()), 0)).rule).toBe("ranks");
  });
});

it("the same cores of LNC 2 ranks meet, beside the barriers of each launch", () => {
  const h = new Hand(2);
  const x = h.tensor("hbm", "float32", [2], "input");
  const out = h.tensor("hbm", "float32", [2], "output");
  const half = (p: typeof x, offset: number) => ({ ...p, offset, dims: [[1, 1]] as const });
  for (const core of [0, 1]) {
    h.core(core).op(
      "all_reduce",
      { src0: half(x, core), dst0: half(out, core) },
      { replica_group: [2, 0, 1], op: "add" },
    );
    h.op("core_barrier", { data: out }, { cores: [0, 1] });
  }
  expect(h.ranks(held(2, 2))).toEqual([
    [10, 12],
    [10, 12],
  ]);
});

it("has a predicted time", () => {
  const program = inHbm("all_reduce", 3, 3, { replica_group: [1, 0], op: "add" }).program();
  expect(timeline(program, place(program)).totalNs).toBeGreaterThan(0);
});
