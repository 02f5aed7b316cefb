/**
 * Attention of one head, q, k, v [d, n] with d = 128, result [n, d]. `fused` keeps the scores on chip; `unfused` writes them to HBM
 * after each of its three stages. Engines, PSUM use and transfer sizes follow the executed streams of the published profiles: the
 * compiler lets VectorE and ScalarE empty PSUM in turns, reads scores from PSUM when one bank holds a row, and moves two (scores) or
 * all (result) row tiles in one transfer.
 */
import { type Kernel, kernel, nisa, nl, type Tensor } from "opentrn";
import {
  at,
  type Case,
  evictor,
  fetch,
  output,
  psum,
  range,
  sbuf,
  size,
  type Way,
} from "./case.ts";

const [P, BANK] = [128, 512];
const software: Way = { dgeMode: "swdge" };
const load: Way = { dgeMode: "hwdge", engine: "sync" };
const save: Way = { dgeMode: "hwdge", engine: "scalar" };

/** Four transposes fill a bank; one copy empties it. `x` [128, n] to [128, n / 128, 128] of x's transposed tiles. */
function transposed(x: Tensor, turn: number): Tensor {
  const n = x.shape[1]!;
  const turned = sbuf([P, n / P, P], "float32");
  for (const b of range(n / BANK)) {
    const bank = psum([P, BANK / P, P], x.dtype);
    for (const i of range(BANK / P))
      nisa.ncTranspose({
        dst: bank.slice(":", i),
        data: x.slice(":", at((b * BANK) / P + i, P)),
        engine: "tensor",
      });
    nisa.tensorCopy({
      dst: turned.slice(":", at(b, BANK / P)),
      src: bank,
      engine: evictor(turn + b),
    });
  }
  return turned;
}

/** Row maxima, exponentials and row sums of scores [128, n]; what is left is to divide by the sums. */
function softmax(scores: readonly Tensor[]): { weights: Tensor; inverse: Tensor } {
  const [n, chunks] = [scores.length * BANK, scores.length];
  const most = sbuf([P, chunks], "float32");
  for (const [j, s] of scores.entries())
    nisa.tensorReduce({ dst: most.slice(":", [j, j + 1]), op: nl.maximum, data: s, axis: [1] });
  const bias = sbuf([P, 1], "float32");
  nisa.tensorReduce({ dst: bias, op: nl.maximum, data: most, axis: [1], negate: true });
  const weights = sbuf([P, n], "float32");
  const sums = sbuf([P, chunks], "float32");
  for (const [j, s] of scores.entries()) {
    const part = weights.slice(":", at(j, BANK));
    nisa.activation({ dst: part, op: nl.exp, data: s, bias, scale: 1 });
    nisa.tensorReduce({ dst: sums.slice(":", [j, j + 1]), op: nl.add, data: part, axis: [1] });
  }
  const total = sbuf([P, 1], "float32");
  nisa.tensorReduce({ dst: total, op: nl.add, data: sums, axis: [1] });
  const inverse = sbuf([P, 1], "float32");
  nisa.reciprocal({ dst: inverse, data: total });
  return { weights, inverse };
}

/** Scores of one row tile: a bank a 512 columns. */
function multiply(q: Tensor, k: Tensor, row: number): Tensor[] {
  return range(k.shape[1]! / BANK).map((c) => {
    const bank = psum([P, BANK]);
    nisa.ncMatmul({
      dst: bank,
      stationary: q.slice(":", at(row, P)),
      moving: k.slice(":", at(c, BANK)),
    });
    return bank;
  });
}

function weigh(weights: Tensor, values: Tensor, turn: number): Tensor {
  const turned = transposed(weights, turn);
  const sums = psum([P, P]);
  for (const i of range(weights.shape[1]! / P))
    nisa.ncMatmul({ dst: sums, stationary: turned.slice(":", i), moving: values.slice(":", i) });
  return sums;
}

const emptied = (bank: Tensor, turn: number): Tensor => {
  const tile = sbuf(bank.shape, "float32");
  nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(turn) });
  return tile;
};

const fused = kernel("fused_attention", (q: Tensor, k: Tensor, v: Tensor) => {
  const [d, n] = q.shape as [number, number];
  const result = output([n, d], q.dtype);
  const [vs, ks, qs] = [v, k, q].map((t) => fetch(t, software)) as [Tensor, Tensor, Tensor];
  const values = transposed(vs, 0);
  const out = sbuf([P, n / P, d], q.dtype);
  for (const row of range(n / P)) {
    const banks = multiply(qs, ks, row);
    const scores = n === BANK ? banks : banks.map((b, i) => emptied(b, row + i));
    const { weights, inverse } = softmax(scores);
    const sums = weigh(weights, values, row + 1);
    nisa.tensorScalar({
      dst: out.slice(":", row),
      data: sums,
      op0: nl.multiply,
      operand0: inverse,
      engine: "vector",
    });
  }
  nisa.dmaCopy({ dst: result.reshape([n / P, P, d]).permute([1, 0, 2]), src: out, ...software });
  return result;
});

/** Row tiles moved by one transfer between the stages. */
const PAIR = 2;

const unfused = kernel("baseline_attention", (q: Tensor, k: Tensor, v: Tensor) => {
  const [d, n] = q.shape as [number, number];
  const result = output([n, d], q.dtype);
  const pairs = range(n / P / PAIR);
  const matrix = () => nl.ndarray([n / P, P, n], { dtype: "float32", buffer: "private_hbm" });
  const pairOf = (m: Tensor, i: number): Tensor => m.slice(at(i, PAIR)).permute([1, 0, 2]);
  const [qs, ks, vs] = [q, k, v].map((t) => fetch(t, software)) as [Tensor, Tensor, Tensor];
  const scores = matrix();
  for (const i of pairs) {
    const rows = sbuf([P, PAIR, n], "float32");
    for (const r of range(PAIR))
      for (const [c, bank] of multiply(qs, ks, i * PAIR + r).entries())
        nisa.tensorCopy({
          dst: rows.slice(":", r, at(c, BANK)),
          src: bank,
          engine: evictor(r + c),
        });
    nisa.dmaCopy({ dst: pairOf(scores, i), src: rows, ...save });
  }
  const weighted = matrix();
  const values = transposed(vs, 0);
  for (const i of pairs) {
    const rows = sbuf([P, PAIR, n], "float32");
    nisa.dmaCopy({ dst: rows, src: pairOf(scores, i), ...load });
    const done = sbuf([P, PAIR, n], "float32");
    for (const r of range(PAIR)) {
      const parts = range(n / BANK).map((c) => rows.slice(":", r, at(c, BANK)));
      const { weights, inverse } = softmax(parts);
      for (const c of range(n / BANK))
        nisa.tensorScalar({
          dst: done.slice(":", r, at(c, BANK)),
          data: weights.slice(":", at(c, BANK)),
          op0: nl.multiply,
          operand0: inverse,
          engine: "vector",
        });
    }
    nisa.dmaCopy({ dst: pairOf(weighted, i), src: done, ...save });
  }
  const out = sbuf([P, n / P, d], q.dtype);
  for (const i of pairs) {
    const rows = sbuf([P, PAIR, n], "float32");
    nisa.dmaCopy({ dst: rows, src: pairOf(weighted, i), ...load });
    for (const r of range(PAIR)) {
      const row = i * PAIR + r;
      const sums = weigh(rows.slice(":", r), values, 0);
      nisa.tensorCopy({ dst: out.slice(":", row), src: sums, engine: evictor(row) });
    }
  }
  nisa.dmaCopy({ dst: result.reshape([n / P, P, d]).permute([1, 0, 2]), src: out, ...software });
  return result;
});

const launch =
  (attention: Kernel): Case =>
  (row) => {
    const spec = { shape: [size(row, "d_head"), size(row, "seqlen")], dtype: row.dtype };
    return [{ kernel: attention, inputs: { q: spec, k: spec, v: spec } }];
  };

export const cases = { fused: launch(fused), unfused: launch(unfused) };
