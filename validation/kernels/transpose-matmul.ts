/**
 * lhs^T [K, M] x rhs [K, N] in fp32, as the kda-for-trainium operator kernels do it: `rowTiles` row tiles of lhs are kept, rhs comes
 * in chunks of `chunk` columns that are multiplied in parts of `part`. `split` makes bf16 parts of both.
 */
import { kernel, nisa, type Tensor } from "opentrn";
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
import { multiply, type Parts, type Split, sliced, split } from "./halves.ts";

const P = 128;

interface Style {
  readonly rowTiles: number;
  readonly chunk: number;
  readonly part: number;
  readonly split: Split | "no";
}

/** [K, from..to] as [P, K / P, width] in SBUF. */
function kept(source: Tensor, from: number, to: number, style: Style): Parts {
  const K = source.shape[0]!;
  const shape = [P, K / P, to - from];
  const parts =
    style.split === "no" ? [sbuf(shape, "float32")] : [0, 1].map(() => sbuf(shape, "bfloat16"));
  for (const k of range(K / P)) {
    const view = source.slice(at(k, P), [from, to]);
    if (style.split === "no") nisa.dmaCopy({ dst: parts[0]!.slice(":", k), src: view, ...ring });
    else split(fetch(view, ring), parts[0]!.slice(":", k), parts[1]!.slice(":", k), style.split, k);
  }
  return parts;
}

const transposeMatmul = kernel("transpose_matmul", (lhs: Tensor, rhs: Tensor, style: Style) => {
  const [K, M] = lhs.shape as [number, number];
  const N = rhs.shape[1]!;
  const result = output([M, N], lhs.dtype);
  const rows = style.rowTiles * P;
  for (const block of share(M / rows)) {
    const left = kept(lhs, block * rows, (block + 1) * rows, style);
    for (const c of range(Math.ceil(N / style.chunk))) {
      const [from, to] = [c * style.chunk, Math.min(N, (c + 1) * style.chunk)];
      const right = kept(rhs, from, to, style);
      for (const p of range(Math.ceil((to - from) / style.part))) {
        const columns = [p * style.part, Math.min(to - from, (p + 1) * style.part)] as const;
        const width = columns[1] - columns[0];
        for (const s of range(style.rowTiles)) {
          const bank = psum([P, width]);
          for (const k of range(K / P))
            multiply(bank, sliced(left, ":", k, at(s, P)), sliced(right, ":", k, columns));
          const tile = sbuf([P, width], "float32");
          nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(s) });
          nisa.dmaCopy({
            dst: result.slice(at(block * style.rowTiles + s, P), [
              from + columns[0],
              from + columns[1],
            ]),
            src: tile,
            ...ring,
          });
        }
      }
    }
  }
  return result;
});

export const cases = {
  transposeMatmul: ((row) => {
    const [M, K, N] = ["M", "K", "N"].map((n) => size(row, n)) as [number, number, number];
    const chunk = setting(row, "chunk", 456);
    const { dtype, settings } = row;
    const style: Style = {
      rowTiles: setting(row, "rowTiles", 8),
      chunk,
      part: setting(row, "part", Math.min(chunk, 512)),
      split: (settings["split"] ?? "no") as Style["split"],
    };
    return [
      {
        kernel: transposeMatmul,
        inputs: { lhs: { shape: [K, M], dtype }, rhs: { shape: [K, N], dtype } },
        args: { style },
      },
    ];
  }) as Case,
};
