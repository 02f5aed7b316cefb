/** A matrix [M, N] turned tile by tile on TensorE, four strips of 128 rows at a time. */
import { kernel, nisa, type Tensor } from "opentrn";
import { at, type Case, evictor, fetch, output, psum, range, sbuf, size } from "./case.ts";

const [P, BANK] = [128, 4];

const transpose = kernel("matrix_transpose", (matrix: Tensor) => {
  const [M, N] = matrix.shape as [number, number];
  const { dtype } = matrix;
  const result = output([N, M], dtype);
  for (const group of range(M / P / BANK)) {
    const strips = range(BANK).map((i) => fetch(matrix.slice(at(group * BANK + i, P))));
    for (const n of range(N / P)) {
      const bank = psum([P, BANK * P], dtype);
      for (const [i, strip] of strips.entries())
        nisa.ncTranspose({
          dst: bank.slice(":", at(i, P)),
          data: strip.slice(":", at(n, P)),
          engine: "tensor",
        });
      const tile = sbuf([P, BANK * P], dtype);
      nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(n) });
      nisa.dmaCopy({ dst: result.slice(at(n, P), at(group, BANK * P)), src: tile });
    }
  }
  return result;
});

export const cases = {
  transpose: ((row) => [
    {
      kernel: transpose,
      inputs: { matrix: { shape: [size(row, "M"), size(row, "N")], dtype: row.dtype } },
    },
  ]) as Case,
};
