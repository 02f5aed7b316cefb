/** Row softmax: VectorE finds each row's maximum, ScalarE takes exp(x - max) and sums it in the same pass, VectorE divides. */
import { kernel, nisa, nl } from "opentrn";

export const softmax = kernel("softmax", (x) => {
  const [rows, columns] = x.shape as [number, number];
  const out = nl.ndarray(x.shape, { dtype: x.dtype, buffer: nl.sharedHbm });
  for (const part of nl.tiles(rows, nl.tileSize.pmax)) {
    const height = part[1] - part[0];
    const column = () => nl.ndarray([height, 1], { dtype: "float32" });
    const [negativeMax, sum, inverse] = [column(), column(), column()];
    const tile = nl.ndarray([height, columns], { dtype: x.dtype });
    const weights = nl.ndarray([height, columns], { dtype: "float32" });
    nisa.dmaCopy({ dst: tile, src: x.slice(part) });
    nisa.tensorReduce({ dst: negativeMax, op: nl.maximum, data: tile, axis: [1], negate: true });
    nisa.activation({
      dst: weights,
      op: nl.exp,
      data: tile,
      bias: negativeMax,
      reduceOp: nl.add,
      reduceRes: sum,
      reduceCmd: "reset_reduce",
    });
    nisa.reciprocal({ dst: inverse, data: sum });
    const result = nl.ndarray([height, columns], { dtype: x.dtype });
    nisa.tensorScalar({ dst: result, data: weights, op0: nl.multiply, operand0: inverse });
    nisa.dmaCopy({ dst: out.slice(part), src: result });
  }
  return out;
});
