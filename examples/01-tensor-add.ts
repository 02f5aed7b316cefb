/** c = a + b: tiles of 128 rows come in, VectorE adds them, the sums go out. Bound by HBM: 12 bytes move for every addition. */
import { kernel, nisa, nl } from "opentrn";

export const tensorAdd = kernel("tensor_add", (a, b) => {
  const [rows, columns] = a.shape as [number, number];
  const c = nl.ndarray(a.shape, { dtype: a.dtype, buffer: nl.sharedHbm });
  for (const part of nl.tiles(rows, nl.tileSize.pmax)) {
    const height = part[1] - part[0];
    const x = nl.ndarray([height, columns], { dtype: a.dtype });
    const y = nl.ndarray([height, columns], { dtype: b.dtype });
    nisa.dmaCopy({ dst: x, src: a.slice(part) });
    nisa.dmaCopy({ dst: y, src: b.slice(part) });
    nisa.tensorTensor({ dst: x, data1: x, data2: y, op: nl.add });
    nisa.dmaCopy({ dst: c.slice(part), src: x });
  }
  return c;
});
