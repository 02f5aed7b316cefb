/**
 * SwiGLU feed-forward in fp32, (silu(x wGate) * (x wUp)) wDown, as the kda-for-trainium operator kernels do it: weights come from HBM
 * for each block of `rowTiles` row tiles. `split`: bf16 parts nowhere, in the last product only (`down`), or in all (`all`).
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { turn } from "./bmm.ts";
import {
  at,
  type Case,
  evictor,
  fetch,
  output,
  psum,
  range,
  ring,
  sbuf,
  setting,
  share,
  size,
} from "./case.ts";
import { multiply, type Parts, sliced, split } from "./halves.ts";

const [P, CHUNK] = [128, 512];

const tiles = (shape: readonly number[], halves: boolean): Parts =>
  halves ? [0, 1].map(() => sbuf(shape, "bfloat16")) : [sbuf(shape, "float32")];

/** A weight tile as an operand. */
function loaded(view: Tensor, halves: boolean, step: number): Parts {
  const tile = fetch(view, ring);
  if (!halves) return [tile];
  const parts = tiles(view.shape, true);
  split(tile, parts[0]!, parts[1]!, "residual", step);
  return parts;
}

/** Rows [P, n] turned into `into` [P, n / P, P] at row tile `r`. */
function turnRows(x: Tensor, eye: Tensor, into: Parts, r: number): void {
  for (const k of range(x.shape[1]! / P)) {
    const dst = sliced(into, ":", r, k);
    const tile = x.slice(":", at(k, P));
    if (dst.length === 1) {
      turn(tile, eye, dst[0]!, evictor(k));
      continue;
    }
    const turned = sbuf([P, P], "float32");
    turn(tile, eye, turned, evictor(k));
    split(turned, dst[0]!, dst[1]!, "residual", k);
  }
}

/** PSUM as an SBUF tile. */
function copied(bank: Tensor, step: number): Tensor {
  const tile = sbuf(bank.shape, "float32");
  nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(step) });
  return tile;
}

const swiglu = kernel(
  "swiglu",
  (
    x: Tensor,
    up: Tensor,
    gate: Tensor,
    down: Tensor,
    identity: Tensor,
    rowTiles: number,
    halves: string,
  ) => {
    const [M, K] = x.shape as [number, number];
    const N = up.shape[1]!;
    const result = output([M, K], x.dtype);
    const eye = fetch(identity, ring);
    const rows = range(rowTiles);
    const [first, last] = [halves === "all", halves !== "no"];
    for (const block of share(M / P / rowTiles)) {
      const left = tiles([P, rowTiles, K / P, P], first);
      for (const r of rows)
        turnRows(fetch(x.slice(at(block * rowTiles + r, P)), ring), eye, left, r);
      const hidden = rows.map(() => sbuf([P, N], "float32"));
      for (const c of range(N / CHUNK)) {
        const banks = rows.map(() => [psum([P, CHUNK]), psum([P, CHUNK])] as const);
        for (const k of range(K / P)) {
          const operands = [up, gate].map((w) => loaded(w.slice(at(k, P), at(c, CHUNK)), first, k));
          for (const r of rows)
            for (const [i, w] of operands.entries())
              multiply(banks[r]![i]!, sliced(left, ":", r, k), w);
        }
        for (const r of rows) {
          const [u, g] = [copied(banks[r]![0], 0), copied(banks[r]![1], 1)];
          const open = sbuf([P, CHUNK], "float32");
          nisa.activation({ dst: open, op: nl.silu, data: g });
          const dst = hidden[r]!.slice(":", at(c, CHUNK));
          nisa.tensorTensor({ dst, data1: open, data2: u, op: nl.multiply });
        }
      }
      const middle = tiles([P, rowTiles, N / P, P], last);
      for (const r of rows) turnRows(hidden[r]!, eye, middle, r);
      for (const c of range(K / CHUNK)) {
        const banks = rows.map(() => psum([P, CHUNK]));
        for (const n of range(N / P)) {
          const w = loaded(down.slice(at(n, P), at(c, CHUNK)), last, n);
          for (const r of rows) multiply(banks[r]!, sliced(middle, ":", r, n), w);
        }
        for (const r of rows)
          nisa.dmaCopy({
            dst: result.slice(at(block * rowTiles + r, P), at(c, CHUNK)),
            src: copied(banks[r]!, r),
            ...ring,
          });
      }
    }
    return result;
  },
);

export const cases = {
  swiglu: ((row) => {
    const [M, K, N] = ["M", "K", "N"].map((n) => size(row, n)) as [number, number, number];
    const { dtype, settings } = row;
    return [
      {
        kernel: swiglu,
        inputs: {
          x: { shape: [M, K], dtype },
          up: { shape: [K, N], dtype },
          gate: { shape: [K, N], dtype },
          down: { shape: [N, K], dtype },
          identity: { shape: [P, P], dtype },
        },
        args: { rowTiles: setting(row, "rowTiles", 1), halves: String(settings["split"] ?? "no") },
      },
    ];
  }) as Case,
};
