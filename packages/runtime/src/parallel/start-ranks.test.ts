import { type OpenTrnError, Random } from "@opentrn/base";
import { place, prepareRanks, runRanks } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import { afterEach, describe, expect, it } from "vitest";
import { floatBytes, floatsOf, Hand, wordBytes } from "./hand.testing.ts";
import type { RankGroup } from "./rank-group.ts";
import { type RankGroupOptions, startRanks } from "./start-ranks.ts";

const open: RankGroup[] = [];
afterEach(async () => {
  for (const g of open.splice(0)) await g.close();
});

async function start(program: Program, options: RankGroupOptions): Promise<RankGroup> {
  const group = await startRanks(program, place(program), options);
  open.push(group);
  return group;
}

/** Gradients of a batch summed over ranks, and a step down them: weight -= 0.1 * sum over ranks of batch * weight. */
function step(ranks: number): Program {
  const h = new Hand();
  const shape = [16, 24];
  const weight = h.tensor("hbm", "float32", shape, "weight", "input");
  const batch = h.tensor("hbm", "float32", shape, "batch", "input");
  const next = h.tensor("hbm", "float32", shape, "next", "output");
  const [own, sum] = [
    h.tensor("hbm", "float32", shape, "own"),
    h.tensor("hbm", "float32", shape, "sum"),
  ];
  const [w, b] = [h.tensor("sbuf", "float32", shape), h.tensor("sbuf", "float32", shape)];
  h.op("dma_copy", { dst: w, src: weight }).op("dma_copy", { dst: b, src: batch });
  h.op("tensor_tensor", { dst: b, data1: b, data2: w }, { op: "multiply" });
  h.op("dma_copy", { dst: own, src: b });
  const group = [ranks, ...Array.from({ length: ranks }, (_, r) => r)];
  h.op("all_reduce", { dst0: sum, src0: own }, { replica_group: group, op: "add" });
  h.op("dma_copy", { dst: b, src: sum });
  h.op(
    "scalar_tensor_tensor",
    { dst: w, data: b, operand0: -0.1, operand1: w },
    { op0: "multiply", op1: "add" },
  );
  h.op("dma_copy", { dst: next, src: w });
  return h.b.finish();
}

const numbers = (r: Random, n: number): Uint8Array =>
  floatBytes(Array.from({ length: n }, () => r.normal()));

describe("ranks on worker threads", () => {
  it("give the bytes of one thread, step after step", async () => {
    const program = step(3);
    const carry = [{ from: "next", to: "weight" }];
    const r = new Random(2);
    const inputs = Array.from({ length: 3 }, () => [numbers(r, 384), numbers(r, 384)]);
    const run = async (threads: number): Promise<Uint8Array[]> => {
      const group = await start(program, { ranks: 3, threads, carry });
      expect([group.ranks, group.threads]).toEqual([3, threads === 1 ? 0 : threads]);
      expect(group.fastCount).toBe(3 * 7);
      for (const [rank, [weight, batch]] of inputs.entries()) {
        group.write(rank, "weight", weight!);
        group.write(rank, "batch", batch!);
      }
      for (let n = 0; n < 4; n++) await group.execute();
      return [0, 1, 2].map((rank) => group.read(rank, "weight"));
    };
    const [one, two, three] = [await run(1), await run(2), await run(3)];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    // And what runRanks gives, moved in and out.
    let weights = inputs.map(([w]) => w!);
    const executables = prepareRanks(program, place(program), 3);
    for (let n = 0; n < 4; n++)
      weights = runRanks(
        executables,
        weights.map((w, rank) => [w, inputs[rank]![1]!]),
      ).map((o) => o.outputs[0]!);
    expect(one).toEqual(weights);
  });

  it("run the cores of one Program over one memory, with barriers and messages between", async () => {
    const h = new Hand(2);
    const x = h.tensor("hbm", "float32", [2, 4], "x", "input");
    const y = h.tensor("hbm", "float32", [2, 4], "y", "output");
    const shared = h.tensor("hbm", "float32", [2, 4], "shared");
    const row = (p: typeof x, n: number) => ({
      ...p,
      offset: 4 * n,
      dims: [
        [4, 1],
        [1, 4],
      ] as const,
    });
    for (const core of [0, 1]) {
      h.b.setCore(core);
      const [t, got] = [h.tensor("sbuf", "float32", [1, 4]), h.tensor("sbuf", "float32", [1, 4])];
      h.op("dma_copy", { dst: t, src: row(x, core) });
      h.op("tensor_tensor", { dst: t, data1: t, data2: t }, { op: "add" });
      h.op(
        "sendrecv",
        { src: t, dst: got },
        { send_to_rank: 1 - core, recv_from_rank: 1 - core, pipe_id: 0 },
      );
      h.op("dma_copy", { dst: row(shared, core), src: got });
      h.op("core_barrier", { data: shared }, { cores: [0, 1] });
      h.op("dma_copy", { dst: t, src: row(shared, 1 - core) });
      h.op("tensor_tensor", { dst: t, data1: t, data2: got }, { op: "subtract" });
      h.op("dma_copy", { dst: row(y, core), src: t });
    }
    const program = h.b.finish();
    const group = await start(program, { threads: 2 });
    expect(group.threads).toBe(2);
    group.write(0, "x", floatBytes([1, 2, 3, 4, 10, 20, 30, 40]));
    await group.execute();
    expect(floatsOf(group.read(0, "y"))).toEqual([-18, -36, -54, -72, 18, 36, 54, 72]);
  });

  it("print and follow run-time loops as one thread does", async () => {
    const h = new Hand();
    const times = h.tensor("hbm", "int32", [1, 1], "times", "input");
    const out = h.tensor("hbm", "float32", [1, 1], "out", "output");
    const [n, t] = [h.tensor("sbuf", "int32", [1, 1]), h.tensor("sbuf", "float32", [1, 1])];
    h.op("dma_copy", { dst: n, src: times }).op("memset", { dst: t, value: 1 });
    h.op("register_load", { dst: { register: 1 }, src: n });
    h.op("loop_begin", { index: { register: 0 }, start: 0, stop: { register: 1 } }, { step: 1 });
    h.op("tensor_tensor", { dst: t, data1: t, data2: t }, { op: "add" });
    h.b.addPrint("doubled", { kind: "tile", pattern: t });
    h.op("loop_end", {});
    h.op("dma_copy", { dst: out, src: t });
    const program = h.b.finish();
    const outcomes = [];
    for (const threads of [1, 2]) {
      const group = await start(program, { ranks: 2, threads });
      group.write(0, "times", wordBytes(2));
      group.write(1, "times", wordBytes(3));
      outcomes.push(await group.execute());
      expect([0, 1].map((r) => floatsOf(group.read(r, "out")))).toEqual([[4], [8]]);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[0]!.map((o) => o.prints.map((p) => p.values[0]))).toEqual([
      [2, 4],
      [2, 4, 8],
    ]);
  });
});

/** Rank n gathers row `which[n]` of a table of four. */
function gather(): Program {
  const h = new Hand();
  const table = h.tensor("hbm", "float32", [4, 2], "table", "input");
  const which = h.tensor("hbm", "int32", [1, 1], "which", "input");
  const out = h.tensor("hbm", "float32", [1, 2], "out", "output");
  const [index, got] = [h.tensor("sbuf", "int32", [1, 1]), h.tensor("sbuf", "float32", [1, 2])];
  h.op("dma_copy", { dst: index, src: which });
  const dynamic = { kind: "vector", stride: 2, limit: 4, index } as const;
  h.op("dma_copy", {
    dst: got,
    src: {
      ...table,
      dims: [
        [2, 1],
        [1, 2],
      ],
      dynamic,
    },
  });
  h.op("dma_copy", { dst: out, src: got });
  return h.b.finish();
}

/** A loop that never ends. */
function endless(): Program {
  const h = new Hand();
  const t = h.tensor("sbuf", "float32", [1, 1]);
  h.op("register_move", { dst: { register: 0 }, src: 1 });
  h.op("while_begin", { condition: { register: 0 } });
  h.op("memset", { dst: t, value: 1 });
  h.op("while_end", { condition: { register: 0 } });
  return h.b.finish();
}

const rejection = async (p: Promise<unknown>): Promise<OpenTrnError> =>
  p.then(
    () => expect.fail("no error"),
    (e) => e,
  );

describe("what goes wrong on worker threads", () => {
  it("is told as one thread tells it, and the ranks run again afterwards", async () => {
    const told = [];
    for (const threads of [1, 2]) {
      const group = await start(gather(), { ranks: 2, threads });
      for (const rank of [0, 1]) group.write(rank, "table", floatBytes([0, 1, 2, 3, 4, 5, 6, 7]));
      group.write(0, "which", wordBytes(1));
      group.write(1, "which", wordBytes(4));
      told.push((await rejection(group.execute())).describe());
      group.write(1, "which", wordBytes(3));
      await group.execute();
      expect([0, 1].map((r) => floatsOf(group.read(r, "out")))).toEqual([
        [2, 3],
        [6, 7],
      ]);
    }
    expect(told[0]).toMatch(
      /^out of bounds: dma_copy: the run-time offset of src is 4.*hand\.py:2\)$/,
    );
    expect(told[1]).toBe(told[0]);
  });

  it("waits for ever are found", async () => {
    const h = new Hand();
    const x = h.tensor("hbm", "float32", [1, 1], "x", "input");
    const y = h.tensor("hbm", "float32", [1, 1], "y", "output");
    h.op("all_reduce", { dst0: y, src0: x }, { replica_group: [3, 0, 1, 2], op: "add" });
    const program = h.b.finish();
    const told = [];
    for (const threads of [1, 2]) {
      const group = await start(program, { ranks: 2, threads });
      for (const rank of [0, 1]) group.write(rank, "x", floatBytes([1]));
      told.push((await rejection(group.execute())).describe());
    }
    expect(told[0]).toContain("names rank 2");
    expect(told[1]).toBe(told[0]);
  });

  it("missing inputs stop before a thread is asked", async () => {
    const group = await start(gather(), { ranks: 2, threads: 2 });
    expect((await rejection(group.execute())).rule).toBe("input missing");
    expect(() => group.read(2, "out")).toThrow("there is no rank 2; this launch has ranks 0 to 1");
  });

  it("a thread that dies rejects the run and ends the others", async () => {
    const group = await start(endless(), { ranks: 2, threads: 2, maxSteps: 1e15 });
    const running = rejection(group.execute());
    const { workers } = (group as unknown as { pool: { workers: { terminate(): void }[] } }).pool;
    setTimeout(() => workers[1]!.terminate(), 50);
    const error = await running;
    expect(error.rule).toBe("worker thread");
    expect(error.message).toContain("worker thread 1 ended while its ranks were still needed");
    expect(await rejection(group.execute())).toBe(error);
  });

  it("an abort rejects with its reason", async () => {
    const controller = new AbortController();
    const group = await start(endless(), {
      ranks: 2,
      threads: 2,
      maxSteps: 1e15,
      signal: controller.signal,
    });
    const running = rejection(group.execute());
    const reason = new Error("stopped by Ctrl-C");
    setTimeout(() => controller.abort(reason), 50);
    expect(await running).toBe(reason);
    expect(
      await rejection(
        startRanks(gather(), place(gather()), { ranks: 2, threads: 2, signal: controller.signal }),
      ),
    ).toBe(reason);
  });

  it("nothing is read or written while ranks execute, and nothing runs after close", async () => {
    const group = await start(step(2), { ranks: 2, threads: 2 });
    const zeros = new Uint8Array(4 * 384);
    for (const rank of [0, 1])
      for (const name of ["weight", "batch"]) group.write(rank, name, zeros);
    const running = group.execute();
    expect(() => group.read(0, "next")).toThrow("the ranks are executing");
    expect((await rejection(group.execute())).rule).toBe("ranks executing");
    await running;
    await group.close();
    expect((await rejection(group.execute())).rule).toBe("ranks closed");
  });
});
