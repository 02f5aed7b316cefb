/**
 * Attention of one head, q, k, v [d, n] with d = 128, result [n, d]. `fused` keeps the scores on chip; `unfused` writes them to HBM
 * after each of its three stages. Engines, PSUM use, transfer sizes and the order of the softmax follow the executed streams of the
 * published profiles: the compiler lets VectorE and ScalarE empty PSUM in turns, reads scores from PSUM when one bank holds a row, and
 * takes the softmax in stages over several row tiles.
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

/** Row tiles that go through a stage of the fused kernel's softmax together, and through one store of the result. */
const GROUP = 4;
/** Columns that one transfer moves between the stages of the unfused kernel. */
const MOVED = 1024;

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

/**
 * Row maxima, exponentials and row sums of several row tiles, scores [128, n] each in chunks of 512; what is left is to divide by the
 * sums. The compiler takes one stage after the other over all tiles of a group: one reduction joins the chunks' maxima (and sums) of
 * all of them, one reciprocal inverts all sums. `inverse` is [128, tiles].
 */
function softmax(tiles: readonly (readonly Tensor[])[]): { weights: Tensor[]; inverse: Tensor } {
  const [count, chunks] = [tiles.length, tiles[0]!.length];
  const column = (t: Tensor, i: number): Tensor => t.slice(":", [i, i + 1]);
  const joined = (parts: Tensor, op: "maximum" | "add"): Tensor => {
    const all = sbuf([P, count], "float32");
    const data = parts.reshape([P, count, chunks]);
    nisa.tensorReduce({ dst: all, op: nl[op], data, axis: [2], negate: op === "maximum" });
    return all;
  };
  const maxima = sbuf([P, count * chunks], "float32");
  for (const [t, scores] of tiles.entries())
    for (const [j, s] of scores.entries())
      nisa.tensorReduce({
        dst: column(maxima, t * chunks + j),
        op: nl.maximum,
        data: s,
        axis: [1],
      });
  const bias = joined(maxima, "maximum");
  const sums = sbuf([P, count * chunks], "float32");
  const weights = tiles.map((scores, t) => {
    const all = sbuf([P, chunks * BANK], "float32");
    for (const [j, s] of scores.entries()) {
      const part = all.slice(":", at(j, BANK));
      nisa.activation({ dst: part, op: nl.exp, data: s, bias: column(bias, t), scale: 1 });
      nisa.tensorReduce({
        dst: column(sums, t * chunks + j),
        op: nl.add,
        data: part,
        axis: [1],
      });
    }
    return all;
  });
  const inverse = sbuf([P, count], "float32");
  nisa.reciprocal({ dst: inverse, data: joined(sums, "add") });
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
  for (const [first, last] of nl.tiles(n / P, GROUP)) {
    const rows = range(last - first).map((r) => first + r);
    const scores = rows.map((row) => {
      const banks = multiply(qs, ks, row);
      return n === BANK ? banks : banks.map((b, i) => emptied(b, row + i));
    });
    const { weights, inverse } = softmax(scores);
    for (const [i, row] of rows.entries())
      nisa.tensorScalar({
        dst: out.slice(":", row),
        data: weigh(weights[i]!, values, row + 1),
        op0: nl.multiply,
        operand0: inverse.slice(":", [i, i + 1]),
        engine: "vector",
      });
  }
  nisa.dmaCopy({ dst: result.reshape([n / P, P, d]).permute([1, 0, 2]), src: out, ...software });
  return result;
});

const unfused = kernel("baseline_attention", (q: Tensor, k: Tensor, v: Tensor) => {
  const [d, n] = q.shape as [number, number];
  const result = output([n, d], q.dtype);
  const together = Math.max(1, MOVED / n);
  const groups = range(n / P / together);
  const matrix = () => nl.ndarray([n / P, P, n], { dtype: "float32", buffer: "private_hbm" });
  const groupOf = (m: Tensor, i: number): Tensor => m.slice(at(i, together)).permute([1, 0, 2]);
  const [qs, ks, vs] = [q, k, v].map((t) => fetch(t, software)) as [Tensor, Tensor, Tensor];
  const scores = matrix();
  for (const i of groups) {
    const rows = sbuf([P, together, n], "float32");
    for (const r of range(together))
      for (const [c, bank] of multiply(qs, ks, i * together + r).entries())
        nisa.tensorCopy({
          dst: rows.slice(":", r, at(c, BANK)),
          src: bank,
          engine: evictor(r + c),
        });
    nisa.dmaCopy({ dst: groupOf(scores, i), src: rows, ...save });
  }
  const weighted = matrix();
  const values = transposed(vs, 0);
  const tiles = groups.flatMap((i) => {
    const rows = sbuf([P, together, n], "float32");
    nisa.dmaCopy({ dst: rows, src: groupOf(scores, i), ...load });
    return range(together).map((r) => range(n / BANK).map((c) => rows.slice(":", r, at(c, BANK))));
  });
  const { weights, inverse } = softmax(tiles);
  for (const i of groups) {
    const done = sbuf([P, together, n], "float32");
    for (const r of range(together)) {
      const row = i * together + r;
      for (const c of range(n / BANK))
        nisa.tensorScalar({
          dst: done.slice(":", r, at(c, BANK)),
          data: weights[row]!.slice(":", at(c, BANK)),
          op0: nl.multiply,
          operand0: inverse.slice(":", [row, row + 1]),
          engine: "vector",
        });
    }
    nisa.dmaCopy({ dst: groupOf(weighted, i), src: done, ...save });
  }
  const out = sbuf([P, n / P, d], q.dtype);
  for (const i of groups) {
    const rows = sbuf([P, together, n], "float32");
    nisa.dmaCopy({ dst: rows, src: groupOf(weighted, i), ...load });
    for (const r of range(together)) {
      const row = i * together + r;
      const sums = weigh(rows.slice(":", r), values, 0);
      nisa.tensorCopy({ dst: out.slice(":", row), src: sums, engine: evictor(row) });
    }
  }
  const turned = result.reshape([n / P, P, d]).permute([1, 0, 2]);
  for (const part of nl.tiles(n / P, GROUP))
    nisa.dmaCopy({ dst: turned.slice(":", part), src: out.slice(":", part), ...software });
  return result;
});

const launch =
  (attention: Kernel): Case =>
  (row) => {
    const spec = { shape: [size(row, "d_head"), size(row, "seqlen")], dtype: row.dtype };
    return [{ kernel: attention, inputs: { q: spec, k: spec, v: spec } }];
  };

export const cases = { fused: launch(fused), unfused: launch(unfused) };
