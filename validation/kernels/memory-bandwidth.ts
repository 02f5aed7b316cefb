/** HBM to SBUF, or back, as fast as the DMA engines go: transfers of `[128, 4096]` bf16 (8 KiB a partition), `bytes` in all. */
import { kernel, nisa, type Tensor } from "opentrn";
import { type Case, fetch, output, share, size, type Way, wayOf } from "./case.ts";

const [P, COLUMNS, BYTES] = [128, 4096, 2];

const read = kernel("hbm_read", (x: Tensor, way: Way) => {
  for (const i of share(x.shape[0]!)) fetch(x.slice(i), way);
  const done = output([P, 1], x.dtype);
  const last = fetch(x.slice(0, ":", [0, 1]), way);
  nisa.dmaCopy({ dst: done, src: last, ...way });
  return done;
});

const write = kernel("hbm_write", (x: Tensor, transfers: number, way: Way) => {
  const result = output([transfers, P, COLUMNS], x.dtype);
  const tile = fetch(x, way);
  for (const i of share(transfers)) nisa.dmaCopy({ dst: result.slice(i), src: tile, ...way });
  return result;
});

/** Transfers enough for a steady rate; more only repeat it. */
const transfers = (row: Parameters<Case>[0]): number =>
  Math.min(256, Math.floor(size(row, "bytes") / (P * COLUMNS * BYTES)));

export const cases = {
  read: ((row) => [
    {
      kernel: read,
      inputs: { x: { shape: [transfers(row), P, COLUMNS], dtype: "bfloat16" } },
      args: { way: wayOf(row) },
    },
  ]) as Case,
  write: ((row) => [
    {
      kernel: write,
      inputs: { x: { shape: [P, COLUMNS], dtype: "bfloat16" } },
      args: { transfers: transfers(row), way: wayOf(row) },
    },
  ]) as Case,
};

/** Bytes that a launch moves, for its bandwidth. */
export const movedBytes = (row: Parameters<Case>[0]): number =>
  transfers(row) * P * COLUMNS * BYTES;
