/**
 * Causal flash attention with grouped queries: q [heads, seq, 128], k and v [groups, seq, 128], heads / groups query heads to a key head.
 * Keys and values of a group are loaded once and serve all its heads. Also returns lse [heads, seq] = log(sum(exp(scores))), which the
 * backward kernel (gqa-attention-backward.ts) starts from.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { BANK, hbm, loadTurned, P, psum, rowsOf, sbuf, turn } from "./tiles.ts";

/** What one walk over the keys carries from block to block: -scale * maximum, and the sums of weights times [v | 1]. */
interface Carried {
  readonly negativeMax: Tensor;
  readonly sums: Tensor;
}

/** Values with keys on partitions and a column of ones, whose product is the row sum: [128, seq / 128, d + 1]. */
function valuesAndOnes(v: Tensor): Tensor {
  const [seq, d] = v.shape as [number, number];
  const dst = sbuf([P, seq / P, d + 1], v.dtype);
  nisa.memset({ dst: dst.slice(":", ":", [d, d + 1]), value: 1 });
  nisa.dmaCopy({
    dst: dst.slice(":", ":", [0, d]),
    src: v.reshape([seq / P, P, d]).permute([1, 0, 2]),
  });
  return dst;
}

/** One block of keys from `start` for 128 queries; `bound` holds the last key that each query may see, in the last block. */
function walk(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  start: number,
  bound: Tensor | undefined,
  before: Carried | undefined,
): Carried {
  const [d, width] = k.shape as [number, number];
  const scale = 1 / Math.sqrt(d);
  const scores = psum([P, width]);
  nisa.ncMatmul({ dst: scores, stationary: q, moving: k, accumulate: false });
  const top = sbuf([P, 1]);
  let data = scores;
  if (bound) {
    data = sbuf([P, width]);
    nisa.rangeSelect({
      dst: data,
      onTrueTile: scores,
      compOp0: nl.lessEqual,
      compOp1: nl.lessEqual,
      bound0: bound,
      bound1: bound,
      rangeStart: start,
      reduceRes: top,
    });
  } else nisa.tensorReduce({ dst: top, op: nl.maximum, data, axis: [1] });
  const negativeMax = sbuf([P, 1]);
  nisa.tensorScalar({
    dst: negativeMax,
    data: top,
    op0: nl.multiply,
    operand0: -scale,
    ...(before ? { op1: nl.minimum, operand1: before.negativeMax } : {}),
  });
  const weights = sbuf([P, width], "bfloat16");
  nisa.activation({ dst: weights, op: nl.exp, data, scale, bias: negativeMax });
  const weightsT = turn(weights);
  const products = psum([P, d + 1]);
  for (let c = 0; c < width / P; c++)
    nisa.ncMatmul({
      dst: products,
      stationary: weightsT.slice(":", c),
      moving: v.slice(":", start / P + c),
      accumulate: c > 0,
    });
  const sums = sbuf([P, d + 1]);
  if (!before) nisa.tensorCopy({ dst: sums, src: products, engine: "vector" });
  else {
    const correction = sbuf([P, 1]);
    nisa.activation({
      dst: correction,
      op: nl.exp,
      data: before.negativeMax,
      scale: -1,
      bias: negativeMax,
    });
    nisa.scalarTensorTensor({
      dst: sums,
      data: before.sums,
      op0: nl.multiply,
      operand0: correction,
      op1: nl.add,
      operand1: products,
    });
  }
  return { negativeMax, sums };
}

export const gqaAttention = kernel("gqa_attention", (q: Tensor, k: Tensor, v: Tensor) => {
  const [heads, seq, d] = q.shape as [number, number, number];
  const groups = k.shape[0]!;
  const [out, lse] = [hbm(q.shape, q.dtype), hbm([heads, seq], "float32")];
  // queries[p, i] = p + 128 i, the last key that query p of tile i may see.
  const queries = sbuf([P, seq / P]);
  nisa.iota({ dst: queries, pattern: [[P, seq / P]], channelMultiplier: 1 });

  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  for (let group = 0; group < groups; group++) {
    keys.push(loadTurned(k.select(0, group)));
    values.push(valuesAndOnes(v.select(0, group)));
  }
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * groups) / heads);
    const [qT, kT, vOnes] = [loadTurned(q.select(0, head)), keys[group]!, values[group]!];
    const logs = sbuf([P, seq / P]);
    for (let tile = 0; tile < seq / P; tile++) {
      let carried: Carried | undefined;
      const end = (tile + 1) * P;
      for (const [start, stop] of nl.tiles(end, BANK))
        carried = walk(
          qT.slice(":", rowsOf(tile)),
          kT.slice(":", [start, stop]),
          vOnes,
          start,
          stop === end ? queries.slice(":", [tile, tile + 1]) : undefined,
          carried,
        );
      const { negativeMax, sums } = carried!;
      const [inverse, result] = [sbuf([P, 1]), sbuf([P, d], q.dtype)];
      const total = sums.slice(":", [d, d + 1]);
      nisa.reciprocal({ dst: inverse, data: total });
      nisa.tensorScalar({
        dst: result,
        data: sums.slice(":", [0, d]),
        op0: nl.multiply,
        operand0: inverse,
      });
      nisa.dmaCopy({ dst: out.select(0, head).slice(rowsOf(tile)), src: result });
      const log = sbuf([P, 1]);
      nisa.activation({ dst: log, op: nl.log, data: total });
      nisa.tensorTensor({
        dst: logs.slice(":", [tile, tile + 1]),
        data1: log,
        data2: negativeMax,
        op: nl.subtract,
      });
    }
    nisa.dmaCopy({
      dst: lse
        .select(0, head)
        .reshape([seq / P, P])
        .permute([1, 0]),
      src: logs,
    });
  }
  return [out, lse];
});
