/**
 * x w + (x a) b in fp32 with a rank of at most 128, as the kda-for-trainium operator kernels do it: `rowTiles` row tiles are turned
 * and kept, w comes in chunks of `chunk` columns for each of these blocks. `split` multiplies x w by bf16 parts; `fold` writes
 * w + a b to HBM first and multiplies once. Cores share the blocks or, for `fold`, the columns.
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

const P = 128;

interface Style {
  readonly rowTiles: number;
  readonly chunk: number;
  readonly split: boolean;
  readonly fold: boolean;
  /** Columns of one store. */
  readonly stored: number;
}

/** w + a b, written to HBM. */
function folded(w: Tensor, a: Tensor, b: Tensor, eye: Tensor, chunk: number): Tensor {
  const [K, N] = w.shape as [number, number];
  const R = a.shape[1]!;
  const result = nl.ndarray([K, N], { dtype: "float32", buffer: "shared_hbm" });
  const turned = sbuf([R, K / P, P], "float32");
  for (const k of range(K / P))
    turn(fetch(a.slice(at(k, P)), ring), eye, turned.slice(":", k), evictor(k));
  for (const k of range(K / P))
    for (const c of share(N / chunk)) {
      const bank = psum([P, chunk]);
      const factor = fetch(b.slice(":", at(c, chunk)), ring);
      nisa.ncMatmul({ dst: bank, stationary: turned.slice(":", k), moving: factor });
      const tile = fetch(w.slice(at(k, P), at(c, chunk)), ring);
      const sum = sbuf([P, chunk], "float32");
      nisa.tensorTensor({ dst: sum, data1: tile, data2: bank, op: nl.add });
      nisa.dmaCopy({ dst: result.slice(at(k, P), at(c, chunk)), src: sum, ...ring });
    }
  return result;
}

const lora = kernel(
  "lora",
  (x: Tensor, w: Tensor, a: Tensor, b: Tensor, identity: Tensor, style: Style) => {
    const [M, K] = x.shape as [number, number];
    const [R, N] = [a.shape[1]!, w.shape[1]!];
    const { rowTiles, chunk, fold } = style;
    const [steps, rows] = [range(K / P), range(rowTiles)];
    const result = output([M, N], x.dtype);
    const eye = fetch(identity, ring);
    const factor = fold ? undefined : sbuf([P, K / P, R], "float32");
    if (factor)
      for (const k of steps)
        nisa.dmaCopy({ dst: factor.slice(":", k), src: a.slice(at(k, P)), ...ring });
    const right = fold ? folded(w, a, b, eye, chunk) : w;
    const blocks = M / P / rowTiles;
    for (const block of fold ? range(blocks) : share(blocks)) {
      const left: Parts = style.split
        ? [0, 1].map(() => sbuf([P, rowTiles, K / P, P], "bfloat16"))
        : [sbuf([P, rowTiles, K / P, P], "float32")];
      const low = sbuf([R, rowTiles, P], "float32");
      for (const r of rows) {
        const sums = psum([R, P]);
        for (const k of steps) {
          const tile = fetch(x.slice(at(block * rowTiles + r, P), at(k, P)), ring);
          const turned = style.split ? sbuf([P, P], "float32") : left[0]!.slice(":", r, k);
          turn(tile, eye, turned, evictor(k));
          if (factor)
            nisa.ncMatmul({ dst: sums, stationary: factor.slice(":", k), moving: turned });
          if (style.split)
            split(turned, left[0]!.slice(":", r, k), left[1]!.slice(":", r, k), "direct", k);
        }
        if (factor) nisa.tensorCopy({ dst: low.slice(":", r), src: sums, engine: evictor(r) });
      }
      for (const c of fold ? share(N / chunk) : range(N / chunk)) {
        const banks = rows.map(() => psum([P, chunk]));
        for (const k of steps) {
          const tile = fetch(right.slice(at(k, P), at(c, chunk)), ring);
          const parts: Parts = style.split
            ? [0, 1].map(() => sbuf([P, chunk], "bfloat16"))
            : [tile];
          if (style.split) split(tile, parts[0]!, parts[1]!, "direct", k);
          for (const r of rows) multiply(banks[r]!, sliced(left, ":", r, k), parts);
        }
        const more = fold ? undefined : fetch(b.slice(":", at(c, chunk)), ring);
        for (const r of rows) {
          if (more) nisa.ncMatmul({ dst: banks[r]!, stationary: low.slice(":", r), moving: more });
          const tile = sbuf([P, chunk], "float32");
          nisa.tensorCopy({ dst: tile, src: banks[r]!, engine: evictor(r) });
          for (const s of range(chunk / style.stored)) {
            const dst = result.slice(
              at(block * rowTiles + r, P),
              at((c * chunk) / style.stored + s, style.stored),
            );
            nisa.dmaCopy({ dst, src: tile.slice(":", at(s, style.stored)), ...ring });
          }
        }
      }
    }
    return result;
  },
);

export const cases = {
  lora: ((row) => {
    const [M, K, N, R] = ["M", "K", "N", "R"].map((n) => size(row, n)) as [
      number,
      number,
      number,
      number,
    ];
    const { dtype, settings } = row;
    const style: Style = {
      rowTiles: setting(row, "rowTiles", 4),
      chunk: setting(row, "chunk", 512),
      split: settings["split"] === "yes",
      fold: settings["fold"] === "yes",
      stored: 128,
    };
    return [
      {
        kernel: lora,
        inputs: {
          x: { shape: [M, K], dtype },
          w: { shape: [K, N], dtype },
          a: { shape: [K, R], dtype },
          b: { shape: [R, N], dtype },
          identity: { shape: [P, P], dtype },
        },
        args: { style },
      },
    ];
  }) as Case,
};
