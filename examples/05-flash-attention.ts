/**
 * Causal flash attention, forward, one head: softmax(q k^T / sqrt(d)) v for q, k, v [seq, d], d = 128, without the [seq, seq] matrix.
 * Every 128 queries walk over their keys in blocks with an online softmax; keys after the last query are never touched. The work is a
 * software pipeline over blocks, because every engine runs in order: while VectorE and ScalarE make weights of one block's scores,
 * TensorE transposes the weights of the block two before and multiplies those four before with v.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";

const P = 128;

/** Keys of one matmul, whose scores fill one PSUM bank. */
const BANK = 512;

/** One block of keys for one tile of queries; `first` and `last` mark the ends of the tile's walk. */
interface Step {
  readonly tile: number;
  readonly start: number;
  readonly width: number;
  readonly first: boolean;
  readonly last: boolean;
}

function walk(seq: number, block: number): readonly Step[] {
  const steps: Step[] = [];
  for (let tile = 0; tile < seq / P; tile++) {
    const end = (tile + 1) * P;
    for (let start = 0; start < end; start += block)
      steps.push({
        tile,
        start,
        width: Math.min(block, end - start),
        first: start === 0,
        last: start + block >= end,
      });
  }
  return steps;
}

/** `count` tensors that steps use in turn, so that one step's data outlives the next steps' writes. */
const ring = (
  count: number,
  shape: readonly number[],
  dtype: "float32" | "bfloat16",
  buffer: "sbuf" | "psum",
): ((n: number) => Tensor) => {
  const tensors = Array.from({ length: count }, () => nl.ndarray(shape, { dtype, buffer }));
  return (n) => tensors[n % count]!;
};

export const flashAttention = kernel(
  "flash_attention",
  (q: Tensor, k: Tensor, v: Tensor, block: number = 1024) => {
    const [seq, d] = q.shape as [number, number];
    const scale = 1 / Math.sqrt(d);
    const out = nl.ndarray([seq, d], { dtype: q.dtype, buffer: nl.sharedHbm });

    // q and k come in transposed, [d, seq]; v keeps keys on partitions and gets a column of ones, whose product is the row sum.
    const qT = nl.ndarray([d, seq], { dtype: q.dtype });
    const kT = nl.ndarray([d, seq], { dtype: k.dtype });
    const vOnes = nl.ndarray([P, seq / P, d + 1], { dtype: v.dtype });
    nisa.memset({ dst: vOnes.slice(":", ":", [d, d + 1]), value: 1 });
    for (const rows of nl.tiles(seq, BANK)) {
      nisa.dmaTranspose({ dst: kT.slice(":", rows), src: k.slice(rows) });
      nisa.dmaTranspose({ dst: qT.slice(":", rows), src: q.slice(rows) });
      const chunks = [rows[0] / P, rows[1] / P] as const;
      nisa.dmaCopy({
        dst: vOnes.slice(":", chunks, [0, d]),
        src: v.slice(rows).reshape([-1, P, d]).permute([1, 0, 2]),
      });
    }
    // queries[p, i] = p + 128 i, the last key that query p of tile i may see.
    const queries = nl.ndarray([P, seq / P], { dtype: "float32" });
    nisa.iota({ dst: queries, pattern: [[P, seq / P]], channelMultiplier: 1 });

    const chunks = block / P;
    const scores = ring(2, [P, block], "float32", "psum");
    const turned = ring(2, [P, chunks, P], "bfloat16", "psum");
    const products = ring(2, [P, d + 1], "float32", "psum");
    const masked = ring(2, [P, block], "float32", "sbuf");
    const weights = ring(3, [P, block], "bfloat16", "sbuf");
    const weightsT = ring(3, [P, chunks, P], "bfloat16", "sbuf");
    const blockMax = ring(2, [P, 1], "float32", "sbuf");
    const negativeMax = ring(6, [P, 1], "float32", "sbuf");
    const correction = ring(6, [P, 1], "float32", "sbuf");
    const sums = ring(2, [P, d + 1], "float32", "sbuf");
    const inverse = ring(2, [P, 1], "float32", "sbuf");
    const result = ring(2, [P, d], "bfloat16", "sbuf");

    /** TensorE: scores[n] = q_tile k_block^T. */
    function score(n: number, { tile, start, width }: Step): void {
      for (const part of nl.tiles(width, BANK))
        nisa.ncMatmul({
          dst: scores(n).slice(":", part),
          stationary: qT.slice(":", [tile * P, tile * P + P]),
          moving: kT.slice(":", [start + part[0], start + part[1]]),
          accumulate: false,
        });
    }

    /** VectorE: the new running maximum, kept as -scale * maximum; ScalarE: weights = exp(scale * scores - scale * maximum). */
    function weigh(n: number, { tile, start, width, first, last }: Step): void {
      const s = scores(n).slice(":", [0, width]);
      const data = last ? masked(n).slice(":", [0, width]) : s;
      if (last) {
        const bound = queries.slice(":", [tile, tile + 1]);
        nisa.rangeSelect({
          dst: data,
          onTrueTile: s,
          compOp0: nl.lessEqual,
          compOp1: nl.lessEqual,
          bound0: bound,
          bound1: bound,
          rangeStart: start,
          reduceRes: blockMax(n),
        });
      } else nisa.tensorReduce({ dst: blockMax(n), op: nl.maximum, data, axis: [1] });
      nisa.tensorScalar({
        dst: negativeMax(n),
        data: blockMax(n),
        op0: nl.multiply,
        operand0: -scale,
        ...(first ? {} : { op1: nl.minimum, operand1: negativeMax(n - 1) }),
      });
      if (!first)
        nisa.activation({
          dst: correction(n),
          op: nl.exp,
          data: negativeMax(n - 1),
          scale: -1,
          bias: negativeMax(n),
        });
      nisa.activation({
        dst: weights(n).slice(":", [0, width]),
        op: nl.exp,
        data,
        scale,
        bias: negativeMax(n),
      });
    }

    /** TensorE turns weights to [keys, queries]; ScalarE, which has time left, copies them out of PSUM. */
    function turn(n: number, { width }: Step): void {
      for (let c = 0; c < width / P; c++)
        nisa.ncTranspose({
          dst: turned(n).slice(":", c),
          data: weights(n).slice(":", [c * P, c * P + P]),
        });
      nisa.tensorCopy({
        dst: weightsT(n).slice(":", [0, width / P]),
        src: turned(n).slice(":", [0, width / P]),
        engine: "scalar",
      });
    }

    /** TensorE: products = weights [v | 1]; VectorE: sums = sums * correction + products; at the end of the walk, the quotient. */
    function collect(n: number, { tile, start, width, first, last }: Step): void {
      for (let c = 0; c < width / P; c++)
        nisa.ncMatmul({
          dst: products(n),
          stationary: weightsT(n).slice(":", c),
          moving: vOnes.slice(":", start / P + c),
          accumulate: c > 0,
        });
      if (first) nisa.tensorCopy({ dst: sums(tile), src: products(n), engine: "vector" });
      else
        nisa.scalarTensorTensor({
          dst: sums(tile),
          data: sums(tile),
          op0: nl.multiply,
          operand0: correction(n),
          op1: nl.add,
          operand1: products(n),
        });
      if (!last) return;
      nisa.reciprocal({ dst: inverse(tile), data: sums(tile).slice(":", [d, d + 1]) });
      nisa.tensorScalar({
        dst: result(tile),
        data: sums(tile).slice(":", [0, d]),
        op0: nl.multiply,
        operand0: inverse(tile),
      });
      nisa.dmaCopy({ dst: out.slice([tile * P, tile * P + P]), src: result(tile) });
    }

    const steps = walk(seq, block);
    // Order inside a round and rounds of delay: found by trying, with the predicted timeline as the judge.
    const stages = [
      [score, 0],
      [turn, 2],
      [weigh, 0],
      [collect, 4],
    ] as const;
    for (let n = 0; n < steps.length + 4; n++)
      for (const [stage, delay] of stages) {
        const step = steps[n - delay];
        if (step) stage(n - delay, step);
      }
    return out;
  },
);
