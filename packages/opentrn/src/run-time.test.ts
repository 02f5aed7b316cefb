/** What TypeScript kernels decide while they run: loops, registers, indices read from memory, two cores. */
import { expect, test } from "vitest";
import { chip, kernel, nisa, nl, type Tensor, tensor } from "./index.ts";

const trn2 = chip("trn2");
const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

test("foriLoop runs its body for every index", async () => {
  const rows = kernel("rows", (x) => {
    const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: nl.sharedHbm });
    nl.store(out, nl.zeros(x.shape, { dtype: x.dtype }));
    nl.foriLoop(1, 7, (i) => nl.store(out.slice(nl.ds(i, 1)), nl.load(x.slice(nl.ds(i, 1)))), 2);
    return out;
  });
  const run = await trn2.run(rows, { x: tensor([8, 2], numbers(16)) });
  expect([...run.outputs[0]!.data]).toEqual([0, 0, 2, 3, 0, 0, 6, 7, 0, 0, 10, 11, 0, 0, 0, 0]);
});

test("whileLoop runs until the register its body returns is 0", async () => {
  const doubled = kernel("doubled", (x, times) => {
    const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: nl.sharedHbm });
    const [value, left] = [nl.load(x), nl.load(times)];
    const condition = nisa.registerAlloc();
    nisa.registerLoad({ dst: condition, src: left });
    nl.whileLoop(condition, (now) => {
      nisa.tensorScalar({ dst: value, data: value, op0: nl.multiply, operand0: 2 });
      nisa.tensorScalar({ dst: left, data: left, op0: nl.subtract, operand0: 1 });
      nisa.registerLoad({ dst: now, src: left });
      return now;
    });
    nl.store(out, value);
    return out;
  });
  const run = await trn2.run(doubled, {
    x: tensor([1, 1], [3]),
    times: tensor([1, 1], Int32Array.of(5)),
  });
  expect([...run.outputs[0]!.data]).toEqual([96]);
});

test("select and vectorSelect read their indices from memory, and bounds hold", async () => {
  const gather = kernel("gather", (table, index, rows) => {
    const [n, width] = [rows.shape[0]!, table.shape[1]!];
    const one = nl.ndarray([1, width], { dtype: table.dtype, buffer: nl.sharedHbm });
    const many = nl.ndarray([n, width], { dtype: table.dtype, buffer: nl.sharedHbm });
    const picked = nl.load(table.select(0, nl.load(index)).reshape([1, width]));
    nl.store(one, picked);
    nl.store(many, nl.load(table.vectorSelect(0, nl.load(rows))));
    return [one, many];
  });
  const table = tensor([8, 2], numbers(16));
  const at = (index: number, rows: number[]) =>
    trn2.run(gather, {
      table,
      index: tensor([1, 1], Int32Array.of(index)),
      rows: tensor([rows.length, 1], Int32Array.from(rows)),
    });
  const [one, many] = (await at(5, [7, 0, 3])).outputs;
  expect([...one!.data]).toEqual([10, 11]);
  expect([...many!.data]).toEqual([14, 15, 0, 1, 6, 7]);
  await expect(at(8, [0])).rejects.toMatchObject({ category: "out of bounds" });
  await expect(at(0, [0, 9])).rejects.toMatchObject({ category: "out of bounds" });
});

test("an explicit pattern reads any stride", async () => {
  const diagonal = kernel("diagonal", (x: Tensor) => {
    const n = x.shape[0]!;
    const out = nl.ndarray([1, n], { dtype: x.dtype, buffer: nl.sharedHbm });
    nl.store(
      out,
      nl.load(
        x.ap([
          [n * n, 1],
          [n + 1, n],
        ]),
      ),
    );
    return out;
  });
  const run = await trn2.run(diagonal, { x: tensor([4, 4], numbers(16)) });
  expect([...run.outputs[0]!.data]).toEqual([0, 5, 10, 15]);
});

test("LNC 2 runs a kernel on two cores that share HBM", async () => {
  const halves = kernel("halves", (x) => {
    const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: nl.sharedHbm });
    const half = x.shape[0]! / nl.numPrograms();
    const rows = [nl.programId() * half, (nl.programId() + 1) * half] as const;
    nl.store(out.slice(rows), nl.add(nl.load(x.slice(rows)), 10 * nl.programId()));
    return out;
  });
  const x = tensor([4, 1], numbers(4));
  const run = await trn2.run(halves, { x }, { lnc: 2 });
  expect([...run.outputs[0]!.data]).toEqual([0, 1, 12, 13]);
  await expect(trn2.run(halves, { x }, { lnc: 3 })).rejects.toThrow("LNC 3 is not possible");
});

test("an identity matrix is a constant of the Program", async () => {
  const turned = kernel("turned", (x) => {
    const out = nl.ndarray([3, 2], { dtype: x.dtype, buffer: nl.sharedHbm });
    const eye = nl.sharedIdentityMatrix(2, { dtype: x.dtype });
    nl.store(out, nl.matmul(nl.load(x), eye, { transposeX: true }));
    return out;
  });
  const run = await trn2.run(turned, { x: tensor([2, 3], numbers(6)) });
  expect([...run.outputs[0]!.data]).toEqual([0, 3, 1, 4, 2, 5]);
});
