/** y = x / sqrt(mean(x^2) + epsilon) * weight, by rows: ScalarE squares and sums in one pass, VectorE scales in one more. */
import { kernel, nisa, nl, type Tensor } from "opentrn";

export const rmsNorm = kernel("rms_norm", (x: Tensor, weight: Tensor, epsilon: number = 1e-6) => {
  const [rows, columns] = x.shape as [number, number];
  const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: nl.sharedHbm });
  const scale = nl.ndarray([128, columns], { dtype: weight.dtype });
  nisa.dmaCopy({ dst: scale, src: weight.reshape([1, columns]).broadcast(0, 128) });
  const bias = nl.ndarray([128, 1], { dtype: "float32" });
  nisa.memset({ dst: bias, value: epsilon });
  for (const part of nl.tiles(rows, nl.tileSize.pmax)) {
    const height = part[1] - part[0];
    const [tile, squares, result] = ([x.dtype, "float32", x.dtype] as const).map((dtype) =>
      nl.ndarray([height, columns], { dtype }),
    ) as [Tensor, Tensor, Tensor];
    const sum = nl.ndarray([height, 1], { dtype: "float32" });
    const inverse = nl.ndarray([height, 1], { dtype: "float32" });
    nisa.dmaCopy({ dst: tile, src: x.slice(part) });
    nisa.activation({
      dst: squares,
      op: nl.square,
      data: tile,
      reduceOp: nl.add,
      reduceRes: sum,
      reduceCmd: "reset_reduce",
    });
    nisa.activation({
      dst: inverse,
      op: nl.rsqrt,
      data: sum,
      scale: 1 / columns,
      bias: bias.slice([0, height]),
    });
    nisa.scalarTensorTensor({
      dst: result,
      data: tile,
      op0: nl.multiply,
      operand0: inverse,
      op1: nl.multiply,
      operand1: scale.slice([0, height]),
    });
    nisa.dmaCopy({ dst: out.slice(part), src: result });
  }
  return out;
});
