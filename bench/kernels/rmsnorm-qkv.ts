/**
 * RMSNorm fused with the projection to queries, keys and values: y = (x / rms(x) * weight) wqkv for x [tokens, hidden] and
 * wqkv [hidden, columns], bf16 with fp32 sums. Rows are normalised with tokens on partitions, turned once, and multiplied while the
 * next rows are normalised. The weights of the projection stay in SBUF.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { BANK, hbm, load, loadRow, P, product, rowsOf, sbuf, turn } from "./tiles.ts";

const EPSILON = 1e-6;

/** bf16 rows x / rms(x) * weight. */
function normalise(x: Tensor, weight: Tensor, epsilon: Tensor): Tensor {
  const n = x.shape[1]!;
  const [squares, result] = [sbuf([P, n]), sbuf([P, n], "bfloat16")];
  const [sum, inverse] = [sbuf([P, 1]), sbuf([P, 1])];
  nisa.activation({
    dst: squares,
    op: nl.square,
    data: x,
    reduceOp: nl.add,
    reduceRes: sum,
    reduceCmd: "reset_reduce",
  });
  nisa.activation({ dst: inverse, op: nl.rsqrt, data: sum, scale: 1 / n, bias: epsilon });
  nisa.scalarTensorTensor({
    dst: result,
    data: x,
    op0: nl.multiply,
    operand0: inverse,
    op1: nl.multiply,
    operand1: weight,
  });
  return result;
}

export const rmsNormQkv = kernel("rmsnorm_qkv", (x: Tensor, weight: Tensor, wqkv: Tensor) => {
  const [tokens, hidden] = x.shape as [number, number];
  const columns = wqkv.shape[1]!;
  const out = hbm([tokens, columns], x.dtype);
  const [scale, weights, epsilon] = [loadRow(weight), load(wqkv), sbuf([P, 1])];
  nisa.memset({ dst: epsilon, value: EPSILON });
  for (let i = 0; i < tokens / P; i++) {
    const rows = sbuf([P, hidden], x.dtype);
    nisa.dmaCopy({ dst: rows, src: x.slice(rowsOf(i)) });
    const normal = turn(normalise(rows, scale, epsilon));
    const result = sbuf([P, columns], x.dtype);
    for (const part of nl.tiles(columns, BANK))
      nisa.tensorCopy({
        dst: result.slice(":", part),
        src: product(normal, [0, P], weights, part),
        engine: "scalar",
      });
    nisa.dmaCopy({ dst: out.slice(rowsOf(i)), src: result });
  }
  return out;
});
