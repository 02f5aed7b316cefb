/** silu over [M, N] fp32 as the kda-for-trainium operator kernels do it: `group` rows a partition a tile, or `pieces` tiles a row. */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { type Case, fetch, output, ring, sbuf, setting, share, size } from "./case.ts";

const P = 128;

/** `x` as [P, tiles, width]. */
const silu = kernel("silu", (x: Tensor) => {
  const [, tiles, width] = x.shape as [number, number, number];
  const result = output(x.shape, x.dtype);
  for (const i of share(tiles)) {
    const tile = fetch(x.slice(":", i), ring);
    const y = sbuf([P, width], x.dtype);
    nisa.activation({ dst: y, op: nl.silu, data: tile });
    nisa.dmaCopy({ dst: result.slice(":", i), src: y, ...ring });
  }
  return result;
});

export const cases = {
  silu: ((row) => {
    const [rows, columns] = [size(row, "M") / P, size(row, "N")];
    const [group, pieces] = [setting(row, "group", 1), setting(row, "pieces", 1)];
    const shape = [P, (rows / group) * pieces, (columns * group) / pieces];
    return [{ kernel: silu, inputs: { x: { shape, dtype: row.dtype } } }];
  }) as Case,
};
