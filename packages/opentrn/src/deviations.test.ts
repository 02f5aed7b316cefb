/** docs/deviations.md, entry by entry: each test shows that the difference from hardware is still there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { compile, link, timePlan } from "@opentrn/compiler";
import { place, timeline } from "@opentrn/device";
import { func, tensor as irTensor, matmul } from "@opentrn/ir";
import { type Dims, instructionNamed, type Operand, ProgramBuilder } from "@opentrn/isa";
import { pythonAvailable } from "@opentrn/nki";
import type { DType } from "@opentrn/numerics";
import { runProgramRanks } from "@opentrn/runtime";
import { expect, test } from "vitest";
import { chip, kernel, nisa, nl, type Tensor, tensor } from "./index.ts";

const trn2 = chip("trn2");
/** Runs `body` on one row of values in SBUF and gives the row it returns. */
async function row(
  values: readonly number[],
  body: (x: Tensor) => Tensor,
  dtype: DType = "float32",
): Promise<number[]> {
  const k = kernel("row", (x: Tensor) => {
    const result = body(nl.load(x));
    const out = nl.ndarray(result.shape, { dtype: result.dtype, buffer: nl.sharedHbm });
    nl.store(out, result);
    return out;
  });
  const run = await trn2.run(k, { x: tensor([1, values.length], values, dtype) }, { time: false });
  return [...run.outputs[0]!.data];
}
const activated = (values: readonly number[], op: "tanh" | "sin"): Promise<number[]> =>
  row(values, (x) => {
    const dst = nl.ndarray(x.shape, { dtype: x.dtype });
    nisa.activation({ dst, op, data: x });
    return dst;
  });
/** left.T @ right for two columns of fp32. */
const dot = async (left: readonly number[], right: readonly number[]): Promise<number> => {
  const k = kernel("dot", (a, b) => {
    const out = nl.ndarray([1, 1], { dtype: nl.float32, buffer: nl.sharedHbm });
    nl.store(out, nl.matmul(nl.load(a), nl.load(b), { transposeX: true }));
    return out;
  });
  const column = (v: readonly number[]) => tensor([v.length, 1], v);
  const run = await trn2.run(k, { a: column(left), b: column(right) }, { time: false });
  return run.outputs[0]!.data[0]!;
};

test("D1: activation functions are ours, near the exact ones and not always the nearest", async () => {
  const inputs = Array.from({ length: 256 }, (_, i) => (i + 1) / 64);
  const got = await activated(inputs, "tanh");
  const exact = inputs.map((x) => Math.fround(Math.tanh(x)));
  expect(got).not.toEqual(exact);
  got.forEach((y, i) => {
    expect(Math.abs(y - exact[i]!)).toBeLessThanOrEqual(2 * 2 ** -24);
  });
});

test("D2: the sine is right beyond half a turn", async () => {
  const [y] = await activated([10], "sin");
  expect(y).toBeCloseTo(Math.sin(10), 6);
});

test("D3: sums ascend, so a small term behind a large one is lost", async () => {
  const [large, ones] = [2 ** 24, [1, 1, 1]];
  expect(await dot([large, 1, -large], ones)).toBe(0);
  expect(await dot([large, -large, 1], ones)).toBe(1);
  const summed = (values: number[]) => row(values, (x) => nl.sum(x, 1));
  expect(await summed([large, 1, -large])).toEqual([0]);
  expect(await summed([large, -large, 1])).toEqual([1]);
});

test("D4: an fp32 matmul rounds each product once", async () => {
  const x = 1 + 2 ** -23;
  expect(await dot([x], [x])).toBe(Math.fround(x * x));
});

test("D5: NaN becomes the integer 0", async () => {
  expect(await row([Number.NaN, 2.5], (x) => nl.copy(x, { dtype: nl.int32 }))).toEqual([0, 2]);
});

test("D6: maximum propagates NaN and orders zeros", async () => {
  const [nan, zero] = await row([Number.NaN, -0], (x) => nl.maximum(x, 0));
  expect(nan).toBeNaN();
  expect(zero).toBe(0);
});

test("D7: 32-bit integers wrap on GpSimd", async () => {
  expect(await row([2 ** 31 - 1], (x) => nl.add(x, x), "int32")).toEqual([-2]);
});

test("D8: a shift by the width gives 0", async () => {
  expect(await row([-1, 1], (x) => nl.leftShift(x, 32), "int32")).toEqual([0, 0]);
});

test("D9: subnormals are kept", async () => {
  expect(await row([2 ** -100], (x) => nl.multiply(x, 2 ** -40))).toEqual([2 ** -140]);
});

test("D10: random numbers repeat from run to run", async () => {
  const draw = kernel("draw", () => {
    const x = nl.ndarray([128, 8], { dtype: nl.uint32 });
    nisa.rng({ dst: x });
    const out = nl.ndarray([128, 8], { dtype: nl.uint32, buffer: nl.sharedHbm });
    nl.store(out, x);
    return out;
  });
  const bytes = async (seed: number) =>
    (await trn2.run(draw, {}, { seed, time: false })).outputs[0]!.bytes;
  expect(await bytes(0)).toEqual(await bytes(0));
  expect(await bytes(1)).not.toEqual(await bytes(0));
});

test("D11: accumulators start at 0", async () => {
  const sums = (values: number[]) =>
    row(values, (x) => {
      const sum = nl.ndarray([1, 1], { dtype: nl.float32 });
      const dst = nl.ndarray(x.shape, { dtype: x.dtype });
      nisa.activation({
        dst,
        op: "copy",
        data: x,
        reduceOp: nl.add,
        reduceRes: sum,
        reduceCmd: "reduce",
      });
      return sum;
    });
  expect(await sums([1, 2])).toEqual([3]);
  expect(await sums([1, 2])).toEqual([3]);
});

test("D12: reading unwritten memory stops", async () => {
  await expect(
    row([1], () => nl.copy(nl.ndarray([1, 1], { dtype: nl.float32 }))),
  ).rejects.toMatchObject({ category: "uninitialised read" });
});

test("D13: what a kernel does not write of an output is 0", async () => {
  const half = kernel("half", (x) => {
    const out = nl.ndarray([2, 2], { dtype: nl.float32, buffer: nl.sharedHbm });
    nl.store(out.slice([0, 1]), nl.load(x));
    return out;
  });
  const run = await trn2.run(half, { x: tensor([1, 2], [3, 4]) }, { time: false });
  expect([...run.outputs[0]!.data]).toEqual([3, 4, 0, 0]);
});

test("D14: an instruction that could run waits behind one that cannot", async () => {
  const order = (loadFirst: boolean) =>
    kernel("order", (a) => {
      const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: nl.sharedHbm });
      const x = nl.load(a);
      const y = nl.zeros(a.shape, { dtype: a.dtype });
      const work = [
        () => nisa.tensorScalar({ dst: x, data: x, op0: nl.add, operand0: 1 }),
        () => nisa.tensorScalar({ dst: y, data: y, op0: nl.add, operand0: 1 }),
      ];
      for (const issue of loadFirst ? work : work.reverse()) issue();
      nl.store(out, nl.add(x, y));
      return out;
    });
  const a = tensor([128, 4096], new Float32Array(128 * 4096));
  const time = async (loadFirst: boolean) =>
    (await trn2.profile(order(loadFirst), { a })).time.total;
  expect(await time(true)).toBeGreaterThan((await time(false)) + 1000);
});

test("D15: all of SBUF is the kernel's", async () => {
  const fill = kernel("fill", () => {
    const out = nl.ndarray([128, 4], { dtype: nl.float32, buffer: nl.sharedHbm });
    const all = nl.zeros([128, nl.tileSize.sbufFmaxBytes / 4], { dtype: nl.float32 });
    nl.store(out, all.slice(":", [0, 4]));
    return out;
  });
  const { placement } = (await trn2.profile(fill, {})).timeline!;
  expect(placement.sbufPeakBytes).toBe(128 * 224 * 1024);
});

test.skipIf(!pythonAvailable())("D16: Python that the compiler rejects is taken", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deviations-"));
  const file = join(folder, "generator.py");
  writeFileSync(
    file,
    `import nki, nki.isa as nisa, nki.language as nl

@nki.jit
def doubled(x):
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    t = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.sbuf)
    nisa.dma_copy(dst=t, src=x)
    for op in (o for o in {nl.multiply}):
        nisa.tensor_scalar(dst=t, data=t, op0=op, operand0=2.0)
    nisa.dma_copy(dst=out, src=t)
    return out
`,
  );
  try {
    const run = await trn2.run(`${file}:doubled`, { x: tensor([1, 2], [1, 2]) }, { time: false });
    expect([...run.outputs[0]!.data]).toEqual([2, 4]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What rank 0 holds after one collective over `values`, one int32 or fp32 value a rank. */
function collective(op: string, attrs: object, dtype: "int32" | "float32", values: number[]) {
  const b = new ProgramBuilder({ name: op, chip: chipNamed("trn2") });
  const one = (name: string, kind: "input" | "output"): Operand => {
    const storage = b.declare({ name, space: "hbm", kind, dtype, shape: [1] });
    if (kind === "output") b.markOutput(storage);
    const dims: Dims = [[1, 1]];
    return { kind: "tile", pattern: { storage, dtype, partition: 0, offset: 0, dims } };
  };
  const operands = { src0: one("x", "input"), dst0: one("y", "output") };
  b.emit(instructionNamed(op)!, operands, { ...attrs });
  const words = dtype === "int32" ? Int32Array : Float32Array;
  const inputs = values.map((v) => ({
    x: { dtype, shape: [1], bytes: new Uint8Array(words.of(v).buffer) },
  }));
  const run = runProgramRanks(b.finish(), inputs, { time: false });
  return new words(run.ranks[0]!.outputs[0]!.bytes.slice().buffer)[0];
}

test("D17: collectives reduce in ascending rank order in fp32", () => {
  const attrs = { replica_group: [3, 2, 1, 0], op: "add" };
  expect(collective("all_reduce", attrs, "float32", [2 ** 24, 1, 1])).toBe(2 ** 24);
  expect(collective("all_reduce", attrs, "float32", [1, 1, 2 ** 24])).toBe(2 ** 24 + 2);
  expect(collective("all_reduce", attrs, "int32", [2 ** 24, 1, 0])).toBe(2 ** 24);
});

test("D18: the ring is the order of replica_group", () => {
  const receive = (...group: number[]) =>
    collective("collective_permute_implicit", { replica_group: [3, ...group] }, "int32", [7, 8, 9]);
  expect([receive(0, 1, 2), receive(0, 2, 1)]).toEqual([9, 8]);
});

test("D19: a collective and transfers beside it do not slow each other down", () => {
  const end = (op: "dma_copy" | "all_reduce", beside: boolean): number => {
    const b = new ProgramBuilder({ name: "beside", chip: chipNamed("trn2") });
    const big = (name: string, kind: "input" | "output"): Operand => {
      const shape = [1024, 4096];
      const storage = b.declare({ name, space: "hbm", kind, dtype: "float32", shape });
      if (kind === "output") b.markOutput(storage);
      const dims: Dims = [
        [4096, 1024],
        [1, 4096],
      ];
      const pattern = { storage, dtype: "float32" as const, partition: 0, offset: 0, dims };
      return { kind: "tile", pattern };
    };
    const emit = (name: string, operands: Record<string, Operand>, attrs = {}): void => {
      if (name === op || beside) b.emit(instructionNamed(name)!, operands, attrs);
    };
    emit("dma_copy", { dst: big("a", "output"), src: big("b", "input") });
    const group = { replica_group: [4, 0, 1, 2, 3], op: "add" };
    emit("all_reduce", { src0: big("c", "input"), dst0: big("d", "output") }, group);
    const program = b.finish();
    const { graph, schedule } = timeline(program, place(program));
    const at = [...graph.index].findIndex(
      (i) => program.classes[program.classOf[i]!]!.op.name === op,
    );
    return schedule.end[at]! - (op === "all_reduce" ? schedule.start[at]! : 0);
  };
  for (const op of ["dma_copy", "all_reduce"] as const) expect(end(op, true)).toBe(end(op, false));
});

test("D20: modules of a compiled model are timed one after another", () => {
  const type = irTensor([512, 512], "bfloat16");
  const fn = func("f", { x: type, a: type, b: type }, ({ x, a, b }) => matmul(matmul(x, a), b));
  const plan = compile(fn, { chip: chipNamed("trn2") });
  expect(plan.calls).toHaveLength(2);
  const linked = link(plan);
  // What hardware overlaps is what the linked Program's own timeline saves.
  expect(timePlan(plan).totalNs).toBeGreaterThan(timeline(linked, place(linked)).totalNs);
});

test("every entry has its test, and every test its entry", () => {
  const numbers = (file: URL, form: RegExp): string[] =>
    [...readFileSync(file, "utf8").matchAll(form)].map((m) => m[1]!);
  const listed = numbers(
    new URL("../../../docs/deviations.md", import.meta.url),
    /^\| (D\d+) \|/gm,
  );
  const tested = numbers(new URL(import.meta.url), /^test.*"(D\d+): /gm);
  expect(tested).toEqual(listed);
});
